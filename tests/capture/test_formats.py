"""The list of formats, and the law of damage: a cut or a flipped byte raises nothing but CaptureError and
loses only what it must."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpflow_scapy.capture.formats import FORMATS, recognise
from tcpflow_scapy.errors import CaptureError

from .made import (
    SECOND,
    START,
    Frame,
    Got,
    erf,
    iptrace,
    netmon,
    nettl,
    netxray,
    pcap,
    pcapng,
    read,
    sniffer,
    snoop,
)

Maker = Callable[[list[Frame]], bytes]

MAKERS: dict[str, Maker] = {
    "pcap": pcap,
    "pcap-be": lambda frames: pcap(frames, order=">"),
    "pcap-ns": lambda frames: pcap(frames, magic=0xA1B23C4D),
    "pcap-modified": lambda frames: pcap(frames, magic=0xA1B2CD34, extra=bytes(8)),
    "pcap-old": lambda frames: pcap(frames, version=(2, 2), swap=True),
    "pcap-snaplen": lambda frames: pcap([Frame(f.data[:40], f.time, f.wirelen) for f in frames], snaplen=40),
    "pcapng": pcapng,
    "pcapng-be": lambda frames: pcapng(frames, order=">"),
    "snoop": snoop,
    "netmon1": lambda frames: netmon(frames, version=(1, 1)),
    "netmon2": netmon,
    "sniffer": sniffer,
    "netxray1": lambda frames: netxray(frames, version=b"001.100"),
    "netxray2": netxray,
    "nettl": nettl,
    "iptrace": iptrace,
    "erf": erf,
    "erf-extensions": lambda frames: erf(frames, extensions=[b"\x83" + bytes(7), b"\x03" + bytes(7)]),
}

PACKED = ["sniffer", "netxray2", "nettl", "iptrace", "erf"]
"""Formats whose headers have fields of any size"""

frame_lists = st.lists(
    st.builds(
        Frame,
        data=st.binary(min_size=1, max_size=90),
        time=st.integers(0, 3_600_000).map(lambda ms: START * SECOND + ms * 1_000_000),
    ),
    min_size=3,
    max_size=12,
)


def attempt(data: bytes) -> Got | None:
    try:
        return read(data)
    except CaptureError:
        return None


def test_every_member_has_a_name_and_recognises_its_own() -> None:
    assert len({member.name for member in FORMATS}) == len(FORMATS)
    for name, make in MAKERS.items():
        found = recognise(make([Frame(b"x" * 60)] * 3)[:4096])
        assert found is not None
        assert name.split("-")[0].rstrip("12") in found[0].name
    assert recognise(b"") is None
    assert recognise(b"\x7fELF" + bytes(100)) is None
    assert recognise(bytes(4096)) is None
    assert recognise(b"<html><body>pcap</body></html>" * 10) is None


@pytest.mark.parametrize("name", MAKERS)
def test_whole_captures_come_back(name: str) -> None:
    frames = [Frame(bytes([i]) * (30 + i), START * SECOND + i * 5_000_000) for i in range(20)]
    got = read(MAKERS[name](frames))
    limit = 40 if name == "pcap-snaplen" else None
    assert [(f.data, f.time, f.wirelen) for f in got.frames] == [
        (f.data[:limit], f.time, f.wirelen) for f in frames
    ]
    assert got.info.problems == []


@pytest.mark.parametrize("name", [n for n in MAKERS if not n.startswith("netmon")])
@settings(max_examples=25, deadline=None)
@given(frames=frame_lists, where=st.floats(0, 1))
def test_cut_anywhere_gives_all_frames_before_the_cut(name: str, frames: list[Frame], where: float) -> None:
    data = MAKERS[name](frames)
    size = int(where * len(data))
    got = attempt(data[:size])
    if got is None:
        # ERF has no signature: only a whole record tells.
        assert size < (len(MAKERS[name](frames[:1])) if name.startswith("erf") else 17)
        return
    whole = read(data).data
    assert got.data == whole[: len(got.data)]
    if len(got.data) < len(whole):
        # One frame more would not have fitted.
        assert len(MAKERS[name](frames[: len(got.data) + 1])) > size


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=60, deadline=None)
@given(
    frames=frame_lists,
    where=st.floats(0, 1, exclude_max=True),
    flip=st.integers(1, 255),
)
def test_a_flipped_byte_raises_nothing(name: str, frames: list[Frame], where: float, flip: int) -> None:
    data = bytearray(MAKERS[name](frames))
    data[int(where * len(data))] ^= flip
    attempt(bytes(data))


@pytest.mark.parametrize("name", [n for n in MAKERS if n != "pcap-old"])
@pytest.mark.parametrize("flip", [0x01, 0xFF])
def test_a_flipped_byte_behind_the_file_header_loses_one_frame_at_most(name: str, flip: int) -> None:
    frames = [
        Frame(
            bytes((i * 37 + k * 11) & 0xFF for k in range(44 + 9 * i % 31)), START * SECOND + i * SECOND // 5
        )
        for i in range(7)
    ]
    data = MAKERS[name](frames)
    whole = Counter(read(data).data)
    # Of ERF, the first records stand for a signature.
    intact = 3 if name.startswith("erf") else 0
    start = len(MAKERS[name](frames[:intact])) if not name.startswith("netmon") else 128
    stop = len(data) - (4 * len(frames) if name.startswith("netmon") else 0)
    for at in range(start, stop):
        damaged = bytearray(data)
        damaged[at] ^= flip
        got = attempt(bytes(damaged))
        assert got is not None
        lost = whole - Counter(got.data)
        assert sum(lost.values()) <= 1, (at, at - start)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([bytes(24), *(make([])[:40] for make in MAKERS.values())]))
def test_rubbish_after_any_header_raises_nothing(rubbish: bytes, head: bytes) -> None:
    attempt(head + rubbish)


@pytest.mark.parametrize("name", ["pcap", "pcap-be", "pcapng", "snoop", *PACKED])
def test_overwritten_ranges_lose_what_lay_in_them(name: str) -> None:
    """As a bad sector does: 512 bytes of zeros, of ones, or of something else entirely."""
    frames = [
        Frame(bytes((i + k) & 0xFF for k in range(100)), START * SECOND + i * 1_000_000) for i in range(60)
    ]
    data = MAKERS[name](frames)
    for at in range(200, len(data) - 600, 333):
        for filler in (bytes(512), b"\xff" * 512, b"\x01\x00\x00\x00" * 128, bytes(range(256)) * 2):
            got = read(data[:at] + filler + data[at + 512 :])
            lost = Counter(f.data for f in frames) - Counter(got.data)
            assert sum(lost.values()) <= 7, (at, filler[:4])
            assert len(got.frames) >= 53


@pytest.mark.parametrize("name", ["pcap", "pcap-be", "pcapng", "snoop", "sniffer", "nettl", "iptrace", "erf"])
@pytest.mark.parametrize("shift", [1, 3, 40, 173])
def test_missing_and_extra_bytes_lose_what_they_touch(name: str, shift: int) -> None:
    frames = [
        Frame(bytes((i + k) & 0xFF for k in range(100)), START * SECOND + i * 1_000_000) for i in range(30)
    ]
    data = MAKERS[name](frames)
    for at in range(300, len(data) - 600, 411):
        for damaged in (data[:at] + data[at + shift :], data[:at] + b"\r" * shift + data[at:]):
            got = read(damaged)
            lost = Counter(f.data for f in frames) - Counter(got.data)
            assert sum(lost.values()) <= 3, at


@pytest.mark.parametrize("name", [n for n in MAKERS if not n.startswith("netmon") and n != "pcap-snaplen"])
@pytest.mark.parametrize("shift", [*range(1, 21), 37, 75])
def test_bytes_missing_from_a_frame_cost_that_frame_only(name: str, shift: int) -> None:
    """Its record says more than it has: the one behind it begins inside, and is found there."""
    frames = [
        Frame(
            bytes((i * 37 + k * 11) & 0xFF for k in range(100 + 9 * i % 31)), START * SECOND + i * SECOND // 5
        )
        for i in range(12)
    ]
    data = MAKERS[name](frames)
    for damaged in (3, 10):
        cut = data.index(frames[damaged].data) + 10
        got = read(data[:cut] + data[cut + shift :])
        whole = frames[damaged].data
        want = [f.data for f in frames]
        want[damaged] = whole[:10] + whole[10 + shift :]
        if name == "iptrace":
            got.frames[damaged].wirelen += shift  # the format knows one length only
        assert got.data == want
        assert [f.wirelen for f in got.frames] == [len(f.data) for f in frames]
        assert got.kinds.count("damaged") == 1
        (problem,) = (p for p in got.info.problems if p.kind == "damaged")
        assert problem.frame == damaged + 1


@pytest.mark.parametrize("name", [n for n in MAKERS if not n.startswith("netmon") and n != "pcap-snaplen"])
@pytest.mark.parametrize("inner", ["pcap", "pcap-be", "pcap-ns", "pcapng", "snoop", "erf", "nettl"])
@settings(max_examples=5, deadline=None)
@given(count=st.integers(1, 12), cut=st.integers(0, 60), seed=st.integers(0, 1_000))
def test_a_frame_that_carries_a_capture_is_never_cut(
    name: str, inner: str, count: int, cut: int, seed: int
) -> None:
    """As when a capture is sent through the network that is captured: of the same time, in pieces that end
    anywhere, and the record behind the piece may be damaged."""
    carried = MAKERS[inner]([Frame(bytes([i] * 60), START * SECOND + i) for i in range(count)])
    pieces = [carried[: len(carried) - cut], carried[cut:], carried[-cut - 20 :]]
    frames = [Frame(b"h" * 54 + pieces[i % 3], START * SECOND + i * 1_000_000) for i in range(12)]
    whole = MAKERS[name](frames)
    got = read(whole)
    assert got.data == [f.data for f in frames]
    assert got.info.problems == []
    if name.startswith("netxray"):
        return  # nothing in a header of theirs could not be data as well
    # Damage to one header: all other frames come out as they were.
    after = seed % 5 + 4
    begin = len(MAKERS[name](frames[:after])) - (6 if name == "sniffer" else 0)
    damaged = bytearray(whole)
    damaged[begin : begin + 12] = bytes(x ^ 0x5A for x in damaged[begin : begin + 12])
    lost = Counter(f.data for f in frames) - Counter(read(bytes(damaged)).data)
    assert not lost - Counter([frames[after].data])


@pytest.mark.parametrize("name", ["pcap", "pcapng", "nettl", "iptrace", "erf"])
def test_lost_ranges_are_reported_with_their_place(name: str) -> None:
    """(A NetXRay file states where its records end, one of the Sniffer ends with a record that says so.)"""
    frames = [Frame(bytes([i]) * 100, START * SECOND + i * 1_000_000) for i in range(20)]
    before, after = MAKERS[name](frames[:10]), MAKERS[name](frames)[len(MAKERS[name](frames[:10])) :]
    got = read(before + b"\xee" * 1000 + after)
    assert got.data == [f.data for f in frames]
    (problem,) = got.info.problems
    assert (problem.kind, problem.frame, problem.offset, problem.length) == ("damaged", 11, len(before), 1000)
    assert problem.path == "<BytesIO>"


def test_a_record_that_claims_four_gigabytes() -> None:
    frames = [Frame(bytes([i]) * 100, START * SECOND + i * 1_000_000) for i in range(20)]
    data = bytearray(pcap(frames))
    at = 24 + 116 * 7 + 8
    data[at : at + 8] = b"\xf0\xff\xff\xff\xff\xff\xff\xff"
    got = read(bytes(data))
    assert got.data == [f.data for f in frames[:7] + frames[8:]]
    assert [(p.kind, p.frame, p.length) for p in got.info.problems] == [("damaged", 8, 116)]


def test_a_capture_of_captures_is_not_mistaken_for_its_contents() -> None:
    """Packets that carry a capture file, in a capture that is cut inside one of them."""
    inner = pcap([Frame(b"i" * 60, START * SECOND + i) for i in range(12)])
    for name in ("pcap", "pcapng"):
        frames = [Frame(inner, START * SECOND + i) for i in range(5)]
        data = MAKERS[name](frames)
        for cut in range(1, len(inner), 17):
            got = read(data[:-cut])
            assert got.data == [inner] * 4
            assert got.kinds == ["cut_short"]
