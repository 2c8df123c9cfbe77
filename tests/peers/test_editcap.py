"""The installed editcap writes formats that we read; what only we write, tshark reads as we do."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.errors import CaptureFormatError
from tests.capture.made import SECOND, Frame, erf, iptrace, nettl, netxray, read, sniffer
from tests.helpers.traffic import Capture

from .peer_cases import CASES
from .programs import SAMPLES, require, run

pytestmark = pytest.mark.peer

WRITTEN = {
    "nettl": 1_000,
    "ngsniffer": 839,  # a tick
    "ngwsniffer_1_1": 1_000,
    "ngwsniffer_2_0": 1_000,
    "snoop": 1_000,
    "netmon1": 1_000_000,
    "netmon2": 1_000,
    "nokiapcap": 1_000,
    "suse6_3pcap": 1_000,
}
"""Formats, and the nanoseconds to which they keep times"""

NAMELESS = ("commview-ncf", "commview-ncfx", "nstrace")
"""Formats without a signature, or of which a file from somewhere else is none"""

ETHERNET = [s for s in SAMPLES if read(s).frames and {f.linktype for f in read(s).frames} == {1}]


def convert(source: Path, target: Path, name: str) -> bool:
    done = subprocess.run(
        [require("editcap"), "-F", name, source, target], capture_output=True, timeout=60, check=False
    )
    return done.returncode == 0 and target.stat().st_size > 0


def streams(flows: Any) -> list[Any]:
    return [(str(x.address), x.port, x.data, x.missing) for flow in flows for x in flow.streams]


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("sample", ETHERNET, ids=lambda p: p.name)
def test_what_editcap_writes(sample: Path, name: str, tmp_path: Path) -> None:
    target = tmp_path / "x"
    if not convert(sample, target, name):
        pytest.skip(f"editcap does not write {sample.name} as {name}")
    ours, want = read(target), read(sample)
    assert ours.data == want.data
    assert [f.wirelen for f in ours.frames] == [f.wirelen for f in want.frames]
    assert {f.linktype for f in ours.frames} == {1}
    assert max(abs(a.time - b.time) for a, b in zip(ours.frames, want.frames, strict=True)) <= WRITTEN[name]
    assert ours.info.problems == []
    if name != "netmon1":  # its milliseconds change what arrived first
        assert streams(reassemble(target)) == streams(reassemble(sample))


def test_every_format_that_editcap_writes_is_read_or_named(tmp_path: Path) -> None:
    listed = subprocess.run(
        [require("editcap"), "-F"], capture_output=True, text=True, timeout=60, check=False
    )
    names = re.findall(r"^    (\S+) - ", listed.stderr + listed.stdout, re.MULTILINE)
    assert len(names) > 20
    source = Capture(CASES["several"]()).write(tmp_path / "x.pcap")
    want = read(source).data
    seen = 0
    for name in names:
        target = tmp_path / name
        if name == "erf" or name.startswith(NAMELESS) or not convert(source, target, name):
            continue
        got, refusal = want, "editcap"
        try:
            got = read(target).data
        except CaptureFormatError as error:
            refusal = str(error)
        assert got == want, name
        assert "editcap" in refusal, name
        seen += 1
    assert seen > 12


def tshark_frames(capture: Path) -> list[tuple[int, int, int, str]]:
    """Time in ns, lengths, and TCP payload of every frame."""
    names = ("frame.time_epoch", "frame.len", "frame.cap_len", "tcp.payload")
    fields = [word for name in names for word in ("-e", name)]
    rows = []
    for line in run(require("tshark"), "-n", "-r", capture, "-T", "fields", *fields).splitlines():
        time, size, caplen, payload = line.split("\t")
        seconds, rest = time.split(".")
        rows.append((int(seconds) * SECOND + int(rest.ljust(9, "0")[:9]), int(size), int(caplen), payload))
    return rows


MAKERS: dict[str, Callable[[list[Frame]], bytes]] = {
    "erf": erf,
    "erf extensions": lambda frames: erf(
        frames, kind=20, extensions=[b"\x83" + bytes(7), b"\x05" + bytes(7)]
    ),
    "iptrace 1.0": lambda frames: iptrace(frames, version=1),
    "iptrace 2.0": iptrace,
    "nettl": lambda frames: nettl(frames, size=64),
    "netxray ring": lambda frames: netxray(frames, turn=3),
    "netxray rubbish": lambda frames: netxray(frames, trailer=b"junk"),
    "sniffer": sniffer,
    "sniffer compressed": lambda frames: sniffer(frames, compress=True),
}


@pytest.mark.parametrize("name", MAKERS)
def test_what_tshark_reads(name: str, tmp_path: Path) -> None:
    frames = read(Capture(CASES["several"]()).to_bytes()).frames
    path = tmp_path / "x"
    path.write_bytes(MAKERS[name](frames))
    rows = tshark_frames(path)
    ours = read(path)
    assert [row[1:3] for row in rows] == [(f.wirelen, len(f.data)) for f in ours.frames]
    # A clock of ticks is a floating-point number there.
    assert all(abs(row[0] - f.time) < 1_000 for row, f in zip(rows, ours.frames, strict=True))
    table = reassemble(path).packets.set_index("frame")["wire_length"].to_dict()
    assert {i: len(row[3]) // 2 for i, row in enumerate(rows, 1)} == table
    assert sum(table.values()) > 0
