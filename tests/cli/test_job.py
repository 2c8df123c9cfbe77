"""What the command line does with flows: tables, messages, what is said about trust."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.cli import main


@pytest.fixture
def mem(sample_pcaps: Path) -> str:
    return str(sample_pcaps / "mem.pcap")


def test_the_table_is_printed_and_no_files_are_written(
    mem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["-r", mem, "--table"]) == 0
    out, err = capsys.readouterr()
    assert "client" in out
    assert "\x1b" not in out
    assert "7 flows" in err
    assert list(tmp_path.iterdir()) == []


def test_tables_as_files(mem: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    names = {form: tmp_path / f"flows.{form}" for form in ("csv", "json", "parquet")}
    options = [text for form, path in names.items() for text in (f"--{form}", str(path))]
    assert main(["-q", "-r", mem, *options]) == 0
    assert len(list(csv.DictReader(io.StringIO(names["csv"].read_text())))) == 7
    assert len([json.loads(line) for line in names["json"].read_text().splitlines()]) == 7
    assert names["parquet"].read_bytes()[:4] == b"PAR1"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_table_on_standard_output(mem: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["-q", "-r", mem, "--csv", "-"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsysbinary.readouterr().out.decode())))
    assert [int(row["flow"]) for row in rows] == list(reassemble(mem).df.index)


def test_quiet_is_quiet(mem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-q", "-r", mem, "-o", str(tmp_path)]) == 0
    assert capsys.readouterr() == ("", "")


def test_verbose_names_every_file_and_reason(
    mem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-v", "-r", mem, "-o", str(tmp_path)]) == 0
    err = capsys.readouterr().err
    assert err.count("wrote ") == 14
    assert "8 frames, arp" in err
    assert "link types 1" in err


def test_the_summary_tells_of_gaps(mem: str, capsys: pytest.CaptureFixture[str]) -> None:
    flows = reassemble(mem)
    assert main(["-r", mem, "-FX"]) == 0
    err = capsys.readouterr().err
    assert f"{len(flows.gaps)} gaps ({flows.df['missing_bytes'].sum():,} bytes missing)" in err


def test_console_output_stands_alone(mem: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["-r", mem, "-c"]) == 0
    out, err = capsysbinary.readouterr()
    assert out.startswith(b"010.020.")
    assert err == b""


def test_options_reach_reassembly(mem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-r", mem, "-b", "10", "-o", str(tmp_path), "--overlap", "last", "-m", "100000"]) == 0
    capsys.readouterr()
    assert max(path.stat().st_size for path in tmp_path.glob("0*")) == 10


def test_idle_console_options_are_said(mem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-r", mem, "-D", "-FX"]) == 0
    assert "-D says how to print" in capsys.readouterr().err
