"""Law: every writer writes into folders, and from captures, whose names are not UTF-8."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy._accessors import verb
from tcpflow_scapy.cli import main
from tests.export.talks import talk
from tests.export.test_overwrite import FOLDERS, MORE, SINGLE, datagrams
from tests.helpers.traffic import Capture

ODD = os.fsdecode(b"caf\xe9\xff")


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder with a capture, both of such names."""
    folder = tmp_path / ODD
    folder.mkdir()
    made = talk(request=b"GET / HTTP/1.1\r\n\r\n", answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    Capture(made).write(folder / ODD)
    return folder


@pytest.mark.parametrize("name", sorted({*SINGLE} - {*MORE}))
def test_single_files(name: str, odd: Path) -> None:
    if name == "report":
        pytest.importorskip("matplotlib")
    verb(name)(reassemble(odd / ODD), odd / "target.html")
    assert (odd / "target.html").stat().st_size


@pytest.mark.parametrize("name", FOLDERS)
def test_folders(name: str, odd: Path) -> None:
    subject = reassemble(odd / ODD) if name != "export_datagrams" else datagrams(odd)
    template = ODD + ("%A" if name != "export_datagrams" else "")
    written = verb(name)(subject, odd / "out", template=template)
    assert len(written) == len(os.listdir(odd / "out")) > 0
    if isinstance(written, pd.DataFrame):
        assert all(map(os.path.isfile, written["path"]))
        assert sorted(written["name"]) == sorted(os.listdir(odd / "out"))
        assert ODD in repr(written[["name"]])
        assert len(pd.concat([written, written])) == 2 * len(written)


def test_the_command_line(odd: Path) -> None:
    out = str(odd / "out")
    words = ["-q", "-r", str(odd / ODD), "-o", out, "-T", ODD + "%A", "-e", "http", "-I"]
    assert main([*words, "--csv", out + ".csv", "--json", out + ".json", "-w", out + ".pcap"]) == 0
    assert {*os.listdir(out)} > {"report.xml", ODD + "010.000.000.001"}
