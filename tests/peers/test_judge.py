"""The command that judges a folder, run over captures and oracles made from traffic scripts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.helpers.traffic import Capture, Conversation, play

from . import made
from .judge import main


@pytest.fixture(autouse=True)
def _main_with_a_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    """IPython's shells, made by other tests in this process, leave a `__main__` that cannot spawn."""
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)


SCRIPT = """
    > SYN
    < SYN ACK
    > 'GET /'
    < 'answer'
    x< 'lost'
    < 'more'
    > 2:'XX'
    > FIN
    < FIN
"""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    captures, oracles = tmp_path / "captures", tmp_path / "oracles"
    tagged = play(SCRIPT, Conversation("[2001:db8::1]:5", "[2001:db8::2]:6", vlans=(7,)))
    made.write(Capture(play(SCRIPT)), captures, oracles, "a/plain.pcap")
    made.write(Capture(tagged).shuffle(2), captures, oracles, "tagged.pcapng", format="pcapng")
    (captures / "nothing.txt").write_text("no capture at all")
    return captures, oracles


def test_equal_folders_are_equal(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(f) for f in folders]) == 0
    assert "3 captures, 4 streams; 0 streams differ" in capsys.readouterr().out


def test_differences_are_printed_and_written(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    captures, oracles = folders
    path = oracles / "a/plain.pcap.json"
    oracle = json.loads(path.read_text())
    oracle["streams"][0]["sha256"] = "0" * 64
    oracle["streams"].append({**oracle["streams"][1], "sport": 99})
    path.write_text(json.dumps(oracle))
    (oracles / "nothing.txt.json").write_text(json.dumps(oracle))
    report = tmp_path / "report.json"
    assert main([str(captures), str(oracles), "--json", str(report), "--jobs", "1"]) == 1
    printed = capsys.readouterr().out
    found = json.loads(report.read_text())["differences"]
    assert {d["kind"] for d in found} == {"content", "missing_stream", "refused"}
    for kind in ("content: 1 in 1", "missing_stream: 1 in 1", "refused: 1 in 1"):
        assert kind in printed
    assert main([str(captures), str(oracles), "--class", "content", "--jobs", "1"]) == 1
    assert "refused:" not in capsys.readouterr().out


def test_an_oracle_is_found_by_the_captures_digest(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    import hashlib

    captures, oracles = folders
    oracle = json.loads((oracles / "a/plain.pcap.json").read_text())
    (oracles / "a/plain.pcap.json").unlink()
    oracle["sha256"] = hashlib.sha256((captures / "a/plain.pcap").read_bytes()).hexdigest()
    (oracles / "another_name.json").write_text(json.dumps(oracle))
    assert main([str(f) for f in folders]) == 0
    assert "4 streams" in capsys.readouterr().out


def test_folders_that_are_not_there_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path / "no"), str(tmp_path)])
    assert stop.value.code == 2
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path), str(tmp_path)])
    assert stop.value.code == 2
