"""Law: no writer replaces a file unless asked to; a new writer is in the list by itself."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy import ExportError
from tcpflow_scapy._accessors import VERBS, verb
from tcpflow_scapy.cli import main
from tests.export.talks import flows_of, talk

SINGLE = [name for name in VERBS if "path" in inspect.signature(verb(name)).parameters]
"""Verbs that write one file"""
FOLDERS = [name for name in VERBS if "outdir" in inspect.signature(verb(name)).parameters]
"""Verbs that write files into a folder"""

MORE: dict[str, tuple[Any, ...]] = {"write_whole": (lambda file: file.write(b"new"),), "check_target": ()}
"""What those take that take no flows"""


def test_the_lists_are_complete() -> None:
    assert {"to_csv", "to_json", "to_parquet", "to_pcap", "to_dfxml", "report", "unused_frames"} < set(SINGLE)
    assert {"export_flows", "export_http_bodies", "export_datagrams", "split_captures"} == set(FOLDERS)


@pytest.mark.parametrize("name", SINGLE)
def test_an_existing_file_is_an_error(name: str, tmp_path: Path) -> None:
    if name == "report":
        pytest.importorskip("matplotlib")
    function, target = verb(name), tmp_path / "target.html"
    target.write_bytes(b"mine")

    def write(**options: bool) -> None:
        if name in MORE:
            function(target, *MORE[name], **options)
        else:
            function(flows_of(tmp_path, talk()), target, **options)

    with pytest.raises(ExportError, match=r"target\.html: already exists.*overwrite=True \(--overwrite\)"):
        write()
    assert target.read_bytes() == b"mine"
    write(overwrite=True)
    assert (target.read_bytes() == b"mine") == (name == "check_target")


@pytest.mark.parametrize("name", FOLDERS)
def test_existing_files_in_a_folder_keep_their_names(name: str, tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    flows = flows_of(tmp_path, talk(request=b"GET / HTTP/1.1\r\n\r\n", answer=answer))
    subject = flows if name != "export_datagrams" else datagrams(tmp_path)
    out = tmp_path / "out"
    verb(name)(subject, out)
    first = {path: path.stat().st_ino for path in out.iterdir()}
    assert first
    verb(name)(subject, out)
    assert {path: path.stat().st_ino for path in first} == first
    assert len(os.listdir(out)) == 2 * len(first)
    verb(name)(subject, out, overwrite=True)
    assert len(os.listdir(out)) == 2 * len(first)
    assert all(path.stat().st_ino != inode for path, inode in first.items())


def datagrams(tmp_path: Path) -> Any:
    """A UDP conversation."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.utils import wrpcap

    from tcpflow_scapy import reassemble

    frame = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    wrpcap(str(tmp_path / "udp.pcap"), frame / IP(src="10.0.0.1", dst="10.0.0.2") / UDP() / b"hello")
    return reassemble(tmp_path / "udp.pcap").datagrams


@pytest.mark.parametrize("option", ["-X", "-w", "--csv", "--json", "--parquet"])
def test_the_command_line_refuses_before_it_reads(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flows_of(tmp_path, talk())
    target = tmp_path / "target"
    target.write_bytes(b"mine")
    command = ["-q", "-r", str(tmp_path / "talk.pcap"), "-o", str(tmp_path / "out"), option, str(target)]
    assert main(command) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert target.read_bytes() == b"mine"
    assert not (tmp_path / "out").exists()
    assert main([*command, "--overwrite"]) == 0
    assert target.read_bytes() != b"mine"


def test_the_command_line_numbers_what_it_names_itself(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    flows_of(tmp_path, talk())
    out = tmp_path / "out"
    command = ["-q", "-a", "-I", "-r", str(tmp_path / "talk.pcap"), "-o", str(out)]
    assert main(command) == 0
    first = {path: path.read_bytes() for path in out.iterdir()}
    assert main(command) == 0
    assert {path: path.read_bytes() for path in first} == first
    assert len(os.listdir(out)) == 2 * len(first)
    assert {"report.xml", "reportc1.xml", "report.pdf", "reportc1.pdf"} < set(os.listdir(out))
    assert main([*command, "--overwrite"]) == 0
    assert len(os.listdir(out)) == 2 * len(first)
    assert (out / "report.xml").read_bytes() != first[out / "report.xml"]
