"""`tshark --export-objects http`: everything it finds we find.

Where bytes are missing, or a stream is no HTTP, or begins in the middle, tshark exports payloads of single
frames as objects of their own. Such a piece must lie in a body of ours, or in a frame without a head.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.errors import CaptureError
from tcpflow_scapy.protocols.http import http_bodies

from .corpus import CORPUS, captures
from .programs import SAMPLES, require

pytestmark = pytest.mark.peer


def objects(capture: Path, folder: Path) -> list[bytes]:
    """What tshark exports, without what is empty."""
    command = [require("tshark"), "-n", "-r", str(capture), "-q", "--export-objects", f"http,{folder}"]
    subprocess.run(command, capture_output=True, timeout=120, check=False)
    return [data for path in sorted(folder.iterdir()) if (data := path.read_bytes())]


class Ours:
    """Our bodies, and the frames of no body."""

    def __init__(self, capture: Path) -> None:
        self.bodies: set[bytes] = set()
        self.headless: set[bytes] = set()
        try:
            flows: Any = reassemble(capture, progress=False)
        except CaptureError:
            return
        for flow in flows:
            bodies = list(http_bodies(flow, None))
            for body in bodies:
                self.bodies |= {body.message.raw_body, body.message.body}
            for stream in flow.streams:
                mine = [b.message for b in bodies if b.message.direction == stream.direction]
                heads = [(m.start, m.end) for m in mine]
                for row in stream.segments.itertuples():
                    if row.length and not any(a <= row.offset < b for a, b in heads):
                        self.headless.add(stream.read(row.offset, row.length))

    def how(self, data: bytes) -> str:
        """How we have an object of tshark's."""
        if data in self.bodies:
            return "body"
        if any(data in body for body in self.bodies):
            return "piece"
        return "headless" if data in self.headless else "missed"


def found(capture: Path, folder: Path) -> dict[str, int]:
    ours, counts = Ours(capture), dict[str, int]()
    for data in objects(capture, folder):
        how = ours.how(data)
        counts[how] = counts.get(how, 0) + 1
    return counts


HEADLESS = {"midstream.pcap", "injected_redirect.pcap", "snaplen_200.pcap"}
"""A head was not captured, or is not the one whose body follows; cut frames make no body for tshark"""

PIECES = {"loss_reordering.pcap", "mem.pcap"}
"""What arrives out of order is not put together"""


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.name)
def test_samples(sample: Path, tmp_path: Path) -> None:
    counts = found(sample, tmp_path)
    assert "missed" not in counts
    assert ("headless" in counts) <= (sample.name in HEADLESS)
    assert ("piece" in counts) <= (sample.name in PIECES | HEADLESS)


REAL = {
    "tcpflow/jpegs.cap": "the heads of the responses before frames 19 and 207 are in gaps",
    "tcpflow/test1-one-packet.pcap": "one frame from the middle of a response",
    "tcpflow/test1-out-of-order.pcap": "the capture begins inside a response",
    "tcpflow/test1-part2.pcap": "the capture begins inside a response",
    "wireshark/dns-remoteshell.pcap": "a shell on port 80; frames seen twice, in two encapsulations",
}
"""Captures of the corpus in which tshark exports frames without a head."""


@pytest.mark.skipif(CORPUS is None, reason="the corpus of real captures is not here")
def test_real_captures(tmp_path: Path) -> None:
    folder = captures()[0]
    without_head, total = set(), 0
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".csv"):
        name = path.relative_to(folder).as_posix()
        (place := tmp_path / name.replace("/", "_")).mkdir()
        counts = found(path, place) if has_http(path) else {}
        assert "missed" not in counts, name
        total += counts.get("body", 0)
        if "headless" in counts:
            without_head.add(name)
    assert without_head == set(REAL)
    assert total > 150


def has_http(path: Path) -> bool:
    """A cheap look, so that most captures need no tshark; compressed ones are asked."""
    data = path.read_bytes()
    return (
        b"HTTP/1." in data or b"Content-Length" in data or path.suffix == ".gz" or path.name in HEADLESS_NAMES
    )


HEADLESS_NAMES = {Path(name).name for name in REAL}
