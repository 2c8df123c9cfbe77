"""The table of flows as files."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tcpflow_scapy.errors import ExportError
from tcpflow_scapy.export.tables import to_csv, to_json, to_parquet


@pytest.fixture
def flows() -> Any:
    times = pd.DatetimeIndex(
        pd.array([1_600_000_000_123_456_789, 1_600_000_001_000_000_000], "int64").to_numpy("datetime64[ns]")
    ).tz_localize("UTC")
    table = pd.DataFrame(
        {
            "client": pd.Categorical(["10.0.0.1", "2001:db8::1"]),
            "client_port": pd.array([1024, 65535], "uint16"),
            "start": times,
            "rtt_ms": [1.5, float("nan")],
            "note": ["=HYPERLINK(1)", 'plain, "quoted"\nline'],
            "complete": [True, False],
        },
        index=pd.Index([3, 7], name="flow"),
    )
    return SimpleNamespace(df=table, capture=SimpleNamespace(paths=[]))


def test_csv_keeps_numbers_times_and_text(flows: Any, tmp_path: Path) -> None:
    to_csv(flows, tmp_path / "flows.csv")
    text = (tmp_path / "flows.csv").read_text()
    assert to_csv(flows) == text
    first, second = csv.DictReader(io.StringIO(text))
    assert first["flow"] == "3"
    assert first["start"] == "2020-09-13T12:26:40.123456789Z"
    assert second["client"] == "2001:db8::1"
    assert second["note"] == 'plain, "quoted"\nline'
    assert second["rtt_ms"] == ""


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM", "\t=1"])
def test_a_spreadsheet_runs_nothing(flows: Any, text: str) -> None:
    flows.df["note"] = [text, "plain"]
    flows.df["client"] = pd.Categorical([text, "plain"])
    first, second = csv.DictReader(io.StringIO(str(to_csv(flows)), newline=""))
    assert first["note"] == first["client"] == "'" + text
    assert second["note"] == "plain"


def test_the_guard_leaves_the_table_alone(flows: Any) -> None:
    before = flows.df.copy()
    to_csv(flows)
    pd.testing.assert_frame_equal(flows.df, before)


def test_json_lines_and_array(flows: Any, tmp_path: Path) -> None:
    to_json(flows, tmp_path / "flows.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "flows.jsonl").read_text().splitlines()]
    assert json.loads(str(to_json(flows, lines=False))) == lines
    assert lines[0]["start"] == "2020-09-13T12:26:40.123456789Z"
    assert lines[0]["note"] == "=HYPERLINK(1)"
    assert lines[1]["rtt_ms"] is None
    assert lines[0]["complete"] is True


def test_a_flow_without_time(flows: Any) -> None:
    flows.df["start"] = flows.df["start"].where([True, False])
    assert next(iter(list(csv.DictReader(io.StringIO(str(to_csv(flows)))))[1:]))["start"] == ""
    assert json.loads(str(to_json(flows, lines=False)))[1]["start"] is None


def test_parquet_keeps_types(flows: Any, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    to_parquet(flows, tmp_path / "flows.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "flows.parquet"), flows.df)
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(to_parquet(flows) or b"")), flows.df)


def test_parquet_without_pyarrow_says_what_to_install(flows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'tcpflow-scapy\[parquet\]'"):
        to_parquet(flows)


@pytest.mark.parametrize("write", [to_csv, to_json, to_parquet])
def test_existing_files(flows: Any, tmp_path: Path, write: Any) -> None:
    (tmp_path / "x").write_bytes(b"mine")
    with pytest.raises(ExportError, match="already exists"):
        write(flows, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"mine"
    write(flows, tmp_path / "x", overwrite=True)
    assert (tmp_path / "x").read_bytes() != b"mine"
    with pytest.raises(ExportError, match="is a folder"):
        write(flows, tmp_path)
