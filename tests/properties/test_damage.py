"""Whatever is done to a file: `CaptureError` or an answer, and every part of the answer can be read."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy import reassemble
from tcpflow_scapy.errors import CaptureError, StreamTooSparse
from tests.capture.made import Frame, erf, iptrace, netmon, nettl, netxray, read, sniffer, snoop
from tests.helpers.traffic import Capture

from .effort import kin, law
from .scripts import captures, seeds
from .view import captured, reassembled, view

OTHER_FORMATS: dict[str, Callable[[list[Frame]], bytes]] = {
    "snoop": snoop,
    "netmon": netmon,
    "sniffer": sniffer,
    "sniffer compressed": lambda frames: sniffer(frames, compress=True),
    "sniffer ATM": lambda frames: sniffer(frames, network=10, kind=8, before=bytes(34)),
    "sniffer serial": lambda frames: sniffer(frames, network=7),
    "netxray": netxray,
    "netxray 1.1": lambda frames: netxray(frames, version=b"001.100"),
    "netxray ATM": lambda frames: netxray(frames, network=8),
    "netxray ring": lambda frames: netxray(frames, turn=len(frames) // 2),
    "nettl": nettl,
    "nettl driver": lambda frames: nettl(frames, subsystem=11, before=bytes(24)),
    "iptrace": iptrace,
    "erf": erf,
    "erf HDLC": lambda frames: erf(frames, kind=1, extensions=[bytes(8)]),
    "erf AAL5": lambda frames: erf(frames, kind=4, before=bytes(4)),
}

formats = st.sampled_from(["pcap", "pcapng"])


def read_everything(flows: Any) -> None:
    """Every table, every stream, every text."""
    repr(flows)
    flows._repr_html_()
    assert len(flows.df) == len(flows)
    assert len(flows.packets) >= 0
    assert flows.capture.frames >= 0
    for flow in flows:
        repr(flow)
        for stream in flow.streams:
            repr(stream)
            try:
                assert len(stream.data) <= stream.size
            except StreamTooSparse:
                pass
            total = sum(len(data) for _, _, data in stream.chunks())
            assert stream.missing == stream.size - total
            assert stream.gaps["length"].sum() == stream.missing
            assert (stream.segments["length"] >= 0).all()
            assert (stream.conflicts["end"] > stream.conflicts["start"]).all()


def answer(blob: bytes, thorough: bool = True) -> Any:
    """Flows, or None where the file is refused."""
    refusal = ""
    try:
        flows = reassemble(io.BytesIO(blob), progress=False)
    except CaptureError as error:
        refusal = str(error)
    if refusal:
        assert "\n" not in refusal
        return None
    if thorough:
        read_everything(flows)
    else:
        assert captured(flows) >= 0
    return flows


@law
@given(captures(), formats, st.booleans(), st.data())
def test_cut_anywhere(capture: Capture, format: str, big_endian: bool, data: st.DataObject) -> None:
    blob = capture.to_bytes(format, big_endian=big_endian)
    flows = answer(blob[: data.draw(st.integers(0, len(blob)))])
    if flows is not None:
        assert captured(flows) <= captured(reassembled(capture))


@kin
@given(captures(most=2), st.data())
def test_a_cut_costs_only_what_follows_it(capture: Capture, data: st.DataObject) -> None:
    """All records that are whole are read."""
    keep = data.draw(st.integers(0, len(capture)))
    whole = Capture(capture.frames[:keep]).to_bytes(ns=True)
    rest = capture.to_bytes(ns=True)[len(whole) :]
    torn = whole + rest[: data.draw(st.integers(0, min(15, len(rest))))]
    flows = answer(torn)
    assert flows.capture.frames == keep
    assert view(flows) == view(reassembled(Capture(capture.frames[:keep])))


@kin
@given(captures(), formats, st.lists(st.tuples(st.integers(0), st.integers(1, 255)), min_size=1, max_size=8))
def test_flipped_bytes(capture: Capture, format: str, flips: list[tuple[int, int]]) -> None:
    blob = bytearray(capture.to_bytes(format))
    for place, value in flips:
        blob[place % len(blob)] ^= value
    answer(bytes(blob))


@kin
@given(captures(), formats, seeds, st.integers(0, 200), st.integers(0, 200))
def test_a_range_replaced(capture: Capture, format: str, place: int, length: int, other: int) -> None:
    blob = capture.to_bytes(format)
    at = place % len(blob)
    answer(blob[:at] + bytes((place >> (i % 24)) & 0xFF for i in range(other)) + blob[at + length :])


@kin
@given(captures(max_steps=20, lossy=False), st.data())
def test_a_damaged_record_costs_itself_and_its_neighbour(capture: Capture, data: st.DataObject) -> None:
    """Reading goes on at the next record that can be one; what was lost is told."""
    number = data.draw(st.integers(0, len(capture) - 1))
    blob = bytearray(capture.to_bytes(ns=True))
    start = len(Capture(capture.frames[:number]).to_bytes(ns=True))
    blob[start + 8 : start + 12] = data.draw(st.sampled_from([0xFFFFFFFF, 0x7FFFFFFF, 1 << 24])).to_bytes(
        4, "little"
    )
    flows = answer(bytes(blob))
    assert flows.capture.problems
    assert flows.capture.frames >= len(capture) - 2
    others = Capture([f for i, f in enumerate(capture.frames) if i not in (number, number + 1)])
    assert captured(flows) >= captured(reassembled(others))


@kin
@given(
    captures(most=2, max_steps=8),
    st.sampled_from(sorted(OTHER_FORMATS)),
    st.lists(st.tuples(st.integers(0), st.integers(1, 255)), max_size=8),
    st.tuples(st.integers(0), st.integers(0, 200), st.binary(max_size=200)),
    st.integers(0),
)
def test_every_format_damaged_in_every_way(
    capture: Capture,
    name: str,
    flips: list[tuple[int, int]],
    replaced: tuple[int, int, bytes],
    size: int,
) -> None:
    """Bytes flipped, a range replaced by another, the end cut off."""
    frames = read(capture.to_bytes()).frames
    blob = bytearray(OTHER_FORMATS[name](frames) or b"\0")
    for place, value in flips:
        blob[place % len(blob)] ^= value
    place, length, other = replaced
    at = place % len(blob)
    blob[at : at + length] = other
    answer(bytes(blob[: size % (len(blob) + 1)] if size % 3 == 0 else blob))


@kin
@given(st.sampled_from(sorted(OTHER_FORMATS)), st.integers(0, 400), st.binary(max_size=400))
def test_any_bytes_behind_any_beginning(name: str, keep: int, blob: bytes) -> None:
    answer(OTHER_FORMATS[name]([Frame(b"x" * 60)] * 4)[:keep] + blob)


@kin
@given(st.binary(max_size=300))
def test_any_bytes(blob: bytes) -> None:
    answer(blob)


@kin
@given(
    st.sampled_from([0, 1, 6, 9, 12, 101, 105, 108, 113, 127, 197, 228, 229, 276, 147]),
    st.lists(st.binary(max_size=120)),
)
def test_any_bytes_as_frames(linktype: int, frames: list[bytes]) -> None:
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, linktype)]
    parts += [struct.pack("<IIII", 1, 1, len(f), len(f)) + f for f in frames]
    flows = answer(b"".join(parts))
    assert flows.capture.frames == len(frames)


@kin
@given(captures(most=1), st.data())
def test_headers_that_lie(capture: Capture, data: st.DataObject) -> None:
    """A wrong byte in the headers of one frame costs at most what that frame says."""
    frame = data.draw(st.integers(0, len(capture) - 1))
    blob = bytearray(capture.to_bytes(ns=True))
    start = len(Capture(capture.frames[:frame]).to_bytes(ns=True)) + 16
    blob[start + data.draw(st.integers(0, 53))] ^= data.draw(st.integers(1, 255))
    flows = answer(bytes(blob))
    assert flows is not None
    assert flows.capture.frames == len(capture)
