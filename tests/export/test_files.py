"""Streams as files: content, holes, times, names, and what happens when a disk says no."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.export.names import Template
from tests.export.talks import CLIENT, SERVER, content, flows_of, talk
from tests.helpers.traffic import Conversation


def test_one_file_for_each_direction_with_data(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, talk(), talk(2048, answer=b""))
    table = flows.export(tmp_path / "out")
    third = CLIENT.replace("01024", "02048")
    assert content(tmp_path / "out") == {CLIENT: b"GET /", SERVER: b"200 OK", third: b"GET /"}
    assert list(table["name"]) == [CLIENT, SERVER, third]
    assert list(table["flow"]) == [0, 0, 1]
    assert list(table["direction"]) == ["client", "server", "client"]
    assert list(table["path"]) == [str(tmp_path / "out" / name) for name in table["name"]]
    assert list(table["size"]) == list(table["captured_bytes"]) == [5, 6, 5]
    assert list(table["missing_bytes"]) == list(table["gaps"]) == [0, 0, 0]


def test_hashes_and_times_are_those_of_the_files(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, talk())
    table = flows.export(tmp_path / "out")
    for row in table.itertuples():
        status = os.stat(row.path)
        assert status.st_mtime_ns == status.st_atime_ns == row.start.value
        data = Path(row.path).read_bytes()
        assert row.sha256 == hashlib.sha256(data).hexdigest()
        assert row.md5 == hashlib.md5(data).hexdigest()
    packets = flows.packets
    assert table["start"][0] == packets[packets["direction"] == "client"]["time"].min()
    assert table["start"].dtype == "datetime64[ns, UTC]"


def test_hashes_can_be_chosen(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, talk())
    assert "sha256" not in flows.export(tmp_path / "none", hashes=())
    table = flows.export(tmp_path / "sha1", hashes=["sha1"])
    assert table["sha1"][0] == hashlib.sha1(b"GET /").hexdigest()
    for wrong in (["nonsense"], "sha256", ["shake_128"]):
        with pytest.raises(ValueError, match="hash"):
            flows.export(tmp_path / "wrong", hashes=wrong)
    assert not (tmp_path / "wrong").exists()


def test_a_gap_is_a_hole(tmp_path: Path) -> None:
    made = Conversation(client="10.0.0.1:1024", server="10.0.0.2:80", isn=1000, server_isn=5000)
    made.handshake()
    made.client(b"AAAA")
    made.client(b"CCCC", at=300_004)
    table = flows_of(tmp_path, made).export(tmp_path / "out")
    assert content(tmp_path / "out")[CLIENT] == b"AAAA" + bytes(300_000) + b"CCCC"
    assert os.stat(tmp_path / "out" / CLIENT).st_blocks * 512 < 100_000
    numbers = table[["size", "captured_bytes", "missing_bytes", "gaps"]].iloc[0]
    assert numbers.tolist() == [300_008, 8, 300_000, 1]
    assert table["sha256"][0] == hashlib.sha256(b"AAAA" + bytes(300_000) + b"CCCC").hexdigest()


def test_connections_between_the_same_ports_are_numbered(tmp_path: Path) -> None:
    again = [talk(request=f"request {n}".encode(), answer=b"", isn=n * 100_000) for n in range(3)]
    flows = flows_of(tmp_path, *again)
    flows.export(tmp_path / "out")
    expected = {CLIENT: b"request 0", CLIENT + "c1": b"request 1", CLIENT + "c2": b"request 2"}
    assert content(tmp_path / "out") == expected
    flows[1].export(tmp_path / "one")
    assert content(tmp_path / "one") == {CLIENT: b"request 1"}


def test_a_second_run_numbers_a_third_replaces(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, talk())
    out = tmp_path / "out"
    flows.export(out)
    (out / CLIENT).write_bytes(b"mine")
    assert list(flows.export(out)["name"]) == [CLIENT + "c1", SERVER + "c1"]
    assert content(out)[CLIENT] == b"mine"
    assert list(flows.export(out, overwrite=True)["name"]) == [CLIENT, SERVER]
    assert content(out)[CLIENT] == b"GET /"
    assert len(content(out)) == 4


@pytest.mark.parametrize(
    ("limit", "left"), [(0, b""), (3, b"GET"), (5, b"GET /"), (99, b"GET /"), (None, b"GET /")]
)
def test_a_limit_cuts_streams(tmp_path: Path, limit: int | None, left: bytes) -> None:
    table = flows_of(tmp_path, talk()).export(tmp_path / "out", max_bytes=limit)
    assert content(tmp_path / "out")[CLIENT] == left
    assert table["size"][0] == len(left)
    assert table["sha256"][0] == hashlib.sha256(left).hexdigest()


def test_templates_and_letters(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, talk())
    table = flows.export(tmp_path / "out", template="%N-%a", prefix_flags="k")
    assert list(table["name"]) == ["000/000-01024", "000/001-00080"]
    table = flows.export(tmp_path / "ready", template=Template("%A"))
    assert list(table["name"]) == ["010.000.000.001", "010.000.000.002"]
    frame = talk().frames[0].to_bytes()
    table = flows.export(tmp_path / "macs", template="%E %e")
    assert table["name"][0] == f"{frame[6:12].hex(':')} {frame[:6].hex(':')}"


@pytest.mark.parametrize(
    "options", [{"template": "%q"}, {"template": "../x"}, {"prefix_flags": "z"}, {"max_bytes": -1}]
)
def test_wrong_options_make_nothing(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"template|letter|negative"):
        flows_of(tmp_path, talk()).export(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_an_empty_table_makes_an_empty_folder_and_table(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, talk())
    table = flows[:0].export(tmp_path / "out")
    assert len(table) == 0
    assert os.listdir(tmp_path / "out") == []
    assert list(table.columns) == list(flows.export(tmp_path / "full").columns)
    pd.testing.assert_series_equal(table.dtypes, flows.export(tmp_path / "more").dtypes)


def test_every_file_is_told_of(tmp_path: Path) -> None:
    seen: list[str] = []
    flows_of(tmp_path, talk()).export(tmp_path / "out", on_file=lambda file: seen.append(file.name))
    assert seen == [CLIENT, SERVER]


def test_files_equal_the_streams(tmp_path: Path, sample_pcaps: Path) -> None:
    flows = reassemble(sample_pcaps / "mem.pcap")
    table = flows.export(tmp_path / "out")
    for row in table.itertuples():
        stream = getattr(flows.loc[row.flow], row.direction)
        assert Path(row.path).read_bytes() == stream.data
        assert (row.name, row.missing_bytes, row.gaps) == (stream.name, stream.missing, len(stream.gaps))
    assert table["captured_bytes"].sum() == flows.df["bytes"].sum()
