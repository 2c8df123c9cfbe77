"""The command that judges a folder, run over captures and oracles made from traffic scripts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.helpers.traffic import Capture, Conversation, play

from . import made
from .http_objects import Ours, objects
from .judge import main
from .programs import require


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


FIELDS = (
    "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto orig_bytes resp_bytes conn_state missed_bytes "
    "history orig_pkts resp_pkts"
)
CONN_LOG = """#separator \\x09
#fields\t{fields}
1.0\tC1\t10.0.0.1\t1024\t10.0.0.2\t80\ttcp\t{orig}\t14\tSF\t4\t-\t4\t4
1.0\tC2\t10.0.0.1\t53\t10.0.0.2\t53\tudp\t1\t1\tSF\t0\t-\t1\t1
"""


def conn_log(orig_bytes: int) -> str:
    return CONN_LOG.format(fields=FIELDS.replace(" ", "\t"), orig=orig_bytes)


def test_rows_of_zeek_are_compared(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zeek = tmp_path / "zeek"
    (zeek / "a").mkdir(parents=True)
    log = zeek / "a" / "plain.pcap.conn.log"
    command = [*map(str, folders), "--zeek", str(zeek), "--jobs", "1"]
    log.write_text(conn_log(5))
    assert main(command) == 0
    log.write_text(conn_log(6).replace("SF\t4", "S1\t4"))
    assert main(command) == 1
    printed = capsys.readouterr().out
    assert "conn_log: 2 in 1" in printed
    assert "orig_bytes 6, we 5" in printed
    assert "conn_state S1, we SF" in printed
    log.write_text(conn_log(5).replace("\t1024\t", "\t1025\t"))
    assert main(command) == 1
    printed = capsys.readouterr().out
    assert "no such flow" in printed
    assert "a flow that the log does not have" in printed


@pytest.mark.peer
def test_objects_of_tshark_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require("tshark")
    captures, oracles = tmp_path / "captures", tmp_path / "oracles"
    told = Conversation()
    told.handshake()
    told.client("GET /page HTTP/1.1\r\nHost: h\r\n\r\n")
    told.server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    told.close()
    made.write(Capture(told), captures, oracles, "page.pcap")
    assert main([str(captures), str(oracles), "--http", "--jobs", "1"]) == 0
    assert [data for _, data in objects(require("tshark"), captures / "page.pcap")] == [b"hello"]
    ours = Ours(captures / "page.pcap")
    assert [ours.how(data) for data in (b"hello", b"ell", b"other")] == ["body", "piece", "missed"]
