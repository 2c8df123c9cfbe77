"""`tshark --export-objects http`: everything it finds we find, by the rule of `http_objects`."""

from __future__ import annotations

from pathlib import Path

import pytest

from .corpus import CORPUS, captures
from .http_objects import Ours, objects
from .programs import SAMPLES, require

pytestmark = pytest.mark.peer


def found(capture: Path) -> dict[str, int]:
    ours, counts = Ours(capture), dict[str, int]()
    for _, data in objects(require("tshark"), capture):
        how = ours.how(data)
        counts[how] = counts.get(how, 0) + 1
    return counts


HEADLESS = {"midstream.pcap", "injected_redirect.pcap", "snaplen_200.pcap"}
"""A head was not captured, or is not the one whose body follows; cut frames make no body for tshark"""

PIECES = {"loss_reordering.pcap", "mem.pcap"}
"""What arrives out of order is not put together"""


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.name)
def test_samples(sample: Path) -> None:
    counts = found(sample)
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
def test_real_captures() -> None:
    folder = captures()[0]
    without_head, total = set(), 0
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".csv"):
        name = path.relative_to(folder).as_posix()
        counts = found(path) if has_http(path) else {}
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
