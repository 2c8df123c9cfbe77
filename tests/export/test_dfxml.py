"""The report as a whole: what was read and how, and names that mean harm."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tcpflow_scapy import __version__, reassemble
from tcpflow_scapy.cli import main
from tests.export.talks import flows_of, talk
from tests.helpers.traffic import Capture, Conversation

HOSTILE = "a\x1b[2J\x9b1m\u202egnp.exe\r\n&<>'\"\x01\ud800 b"
SHOWN = "a\\x1b[2J\\x9b1m\\u202egnp.exe\\r\\n&<>'\"\\x01\\ud800 b"


def test_it_tells_what_was_read_and_how(tmp_path: Path) -> None:
    flows_of(tmp_path, talk())
    packed = tmp_path / "talk.pcap.gz"
    packed.write_bytes(gzip.compress((tmp_path / "talk.pcap").read_bytes()))
    paths = [tmp_path / "talk.pcap", packed]
    flows = reassemble(paths, filter="tcp", overlap="linux", max_gap=1000)
    flows.to_dfxml(tmp_path / "r.xml", options={"colour": "blue", "overlap": "not this"})
    root = ET.parse(tmp_path / "r.xml").getroot()
    assert root.findtext("creator/version") == __version__
    options = {each.get("name"): each.text for each in root.iterfind("options/option")}
    assert {
        "filter": "tcp",
        "overlap": "linux",
        "max_gap": "1000",
        "colour": "blue",
    }.items() < options.items()
    assert {"fragments", "timeout", "ignore_vlan", "verify_checksums"} < set(options)
    images = root.findall("source/image_filename")
    assert [each.text for each in images] == list(map(str, paths))
    assert [each.get("img_offsets") for each in images] == ["in the file", "in the decompressed bytes"]
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert [each.text for each in root.iterfind("source/hashdigest")] == hashes


@pytest.mark.parametrize("more", [[], ["-e", "md5"], ["-m", "5", "-b", "3"]])
def test_the_command_line_gives_all_options(tmp_path: Path, more: list[str]) -> None:
    flows_of(tmp_path, talk())
    capture = tmp_path / "talk.pcap"
    assert main(["-q", "-r", str(capture), "-o", str(tmp_path / "out"), *more]) == 0
    root = ET.parse(tmp_path / "out" / "report.xml").getroot()
    assert root.findtext("source/hashdigest") == hashlib.sha256(capture.read_bytes()).hexdigest()
    options = {each.get("name"): each.text for each in root.iterfind("options/option")}
    assert options["max_bytes"] == ("3" if "-b" in more else None)
    assert options["max_gap"] == ("5" if "-m" in more else str(16 << 20))
    assert options["outdir"] == str(tmp_path / "out")


def test_no_name_steers_a_terminal(tmp_path: Path) -> None:
    """The report is read with `less` and `cat`, too; the name of a capture, of a folder and of an option."""
    flows_of(tmp_path, talk())
    hostile = tmp_path / HOSTILE.replace("\ud800", "\udcff")
    hostile.mkdir()
    shutil.copy(tmp_path / "talk.pcap", hostile / "c.pcap")
    report = tmp_path / "r.xml"
    assert main(["-q", "-r", str(hostile / "c.pcap"), "-o", str(hostile), "-X", str(report)]) == 0
    reassemble([hostile / "c.pcap", tmp_path / "talk.pcap"]).to_dfxml(
        tmp_path / "several.xml", command_line=["x", HOSTILE], options={"name": HOSTILE}
    )
    shown = SHOWN.replace("ud800", "udcff")
    for path in (report, tmp_path / "several.xml"):
        text = path.read_text(encoding="utf-8")
        assert all(c.isprintable() or c == "\n" for c in text)
        root = ET.fromstring(text)
        assert root.findtext("source/image_filename") == str(tmp_path / shown / "c.pcap")
    assert root.find("options/option[@name='name']").text == SHOWN  # type: ignore[union-attr]
    assert (ET.parse(report).findtext("configuration/fileobject/filename") or "").startswith(
        f"{tmp_path}/{shown}/"
    )


def test_files_that_were_not_hashed_say_so(tmp_path: Path) -> None:
    sparse = Conversation(isn=1000)
    sparse.handshake()
    sparse.client(b"A")
    sparse.client(b"B", at=10_000_000)
    flows = flows_of(tmp_path, sparse, talk(7000, answer=b""))
    files = flows.export(tmp_path / "out")
    assert files["sha256"].tolist() == ["not hashed", hashlib.sha256(b"GET /").hexdigest()]
    assert files["md5"].tolist() == ["not hashed", hashlib.md5(b"GET /").hexdigest()]
    flows.to_dfxml(tmp_path / "r.xml", files=files)
    first, second = (
        e for e in ET.parse(tmp_path / "r.xml").iterfind("configuration/fileobject") if e.findtext("filename")
    )
    assert [each.get("type") for each in first.iterfind("not_hashed")] == ["MD5", "SHA256"]
    assert first.find("hashdigest") is None
    assert second.find("not_hashed") is None


def test_an_export_that_fails_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends it: the capture may have changed under our feet."""
    from tcpflow_scapy.errors import CaptureOSError
    from tcpflow_scapy.export import stream_writer

    Capture(*(talk(3000 + n, answer=b"") for n in range(9))).write(tmp_path / "c.pcap")
    real, calls = stream_writer.set_time, []

    def fail(descriptor: int, time: int) -> None:
        calls.append(time)
        if len(calls) == 5:
            raise CaptureOSError("is another file now", path="c.pcap")
        real(descriptor, time)

    monkeypatch.setattr(stream_writer, "set_time", fail)
    assert main(["-q", "-r", str(tmp_path / "c.pcap"), "-o", str(tmp_path / "out")]) == 1
    told = ET.parse(tmp_path / "out" / "report.xml").iterfind("configuration/fileobject/filename")
    assert {Path(each.text or "") for each in told} == set((tmp_path / "out").iterdir()) - {
        tmp_path / "out" / "report.xml"
    }
