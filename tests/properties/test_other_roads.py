"""Several packets in a frame, and frames in fragments: what comes out is what went in, and all of it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy import reassemble
from tcpflow_scapy.live.engine import Engine
from tests.decode.fragments.link_pieces import (
    ACCESS_POINT,
    SNAP_IP,
    STATION,
    batman_pieces,
    capwap_pieces,
    wlan_pieces,
)
from tests.helpers.headers import ethernet
from tests.helpers.traffic import Capture, Frame, RawFrame
from tests.live.spools import GrowingSpool

from .effort import costly, kin
from .scripts import captures, seeds
from .view import reassembled, view, wanted

WLAN, NETLINK = 105, 253
SNAP_IPV6 = SNAP_IP[:6] + b"\x86\xdd"


def logged(packet: bytes, queue: bool, order: str) -> bytes:
    """A netlink message of netfilter with a packet, padded to four bytes."""
    six = packet[0] >> 4 == 6
    payload = struct.pack(order + "HH", 4 + len(packet), 10 if queue else 9) + packet
    body = bytes([10 if six else 2, 0, 0, 0]) + payload
    size = 16 + len(body)
    return struct.pack(order + "IHHII", size, 0x300 if queue else 0x400, 0, 0, 0) + body + bytes(-size % 4)


def in_messages(capture: Capture, sizes: list[int]) -> Capture:
    """So many consecutive packets in each netlink frame, which ends with the message that says so."""
    frames, out = list(capture), []
    while frames:
        size = sizes[len(out) % len(sizes)]
        group, frames = frames[:size], frames[size:]
        order = "<>"[len(out) % 2]
        data = b"".join(logged(f.ip_packet(), i % 2 == 1, order) for i, f in enumerate(group) if packet_of(f))
        done = struct.pack(order + "IHHIII", 20, 3, 2, 0, 0, 0)
        head = struct.pack("!HHH8sH", 4, 824, 0, bytes(8), 12)
        out.append(RawFrame(time=group[0].time, data=head + data + done, linktype=NETLINK))
    return Capture(out)


def packet_of(frame: RawFrame) -> bytes:
    assert isinstance(frame, Frame)
    assert not frame.vlans
    return frame.ip_packet()


def in_aggregates(capture: Capture, sizes: list[int]) -> Capture:
    """So many consecutive packets in each 802.11 frame."""
    frames, out = list(capture), []
    while frames:
        size = sizes[len(out) % len(sizes)]
        group, frames = frames[:size], frames[size:]
        data = b""
        for frame in group:
            packet = packet_of(frame)
            body = (SNAP_IPV6 if packet[0] >> 4 == 6 else SNAP_IP) + packet
            data += bytes(-len(data) % 4) + STATION + ACCESS_POINT + struct.pack("!H", len(body)) + body
        head = b"\x88\1\0\0" + ACCESS_POINT + STATION + bytes(6) + b"\0\0" + b"\x80\0"
        out.append(RawFrame(time=group[0].time, data=head + data, linktype=WLAN))
    return Capture(out)


def in_pieces(capture: Capture, sizes: list[int], kind: str) -> Capture:
    """Each packet in fragments of a link layer, one after the other."""
    out: list[RawFrame] = []
    for number, frame in enumerate(capture):
        packet, size = packet_of(frame), sizes[number % len(sizes)]
        size = max(size, (len(packet) + 24) // 128 * 8 + 8)
        at = range(size, len(packet), size)
        if kind == "wlan" and packet[0] >> 4 == 4:
            parts = wlan_pieces(packet, at, number=number % 4096)
        elif kind == "batman":
            parts = batman_pieces(ethernet(packet), size, number=number)
        else:
            parts = capwap_pieces(ethernet(packet), at, number=number)
        linktype = WLAN if parts[0][0] in (8, 0x88) else 1
        out += [RawFrame(time=frame.time, data=part, linktype=linktype) for part in parts]
    return Capture(out)


counts = st.lists(st.sampled_from([1, 2, 3, 7, 40]), min_size=1, max_size=4)
sizes = st.lists(st.sampled_from([16, 48, 200, 1000]), min_size=1, max_size=4)
kinds = st.sampled_from(["wlan", "capwap", "batman"])


@kin
@given(captures(lossy=False), counts, st.booleans(), seeds)
def test_as_many_packets_as_went_in(capture: Capture, counts: list[int], netlink: bool, seed: int) -> None:
    changed = (in_messages if netlink else in_aggregates)(capture, counts)
    flows = reassembled(changed.shuffle(seed), format="pcapng")
    assert view(flows) == wanted(capture)
    assert len(flows.packets) == len(capture)
    assert flows.capture.used == len(changed)
    assert not flows.capture.unused
    for stream in (stream for flow in flows for stream in flow.streams):
        for frame, group in stream.segments.groupby("frame"):
            found = [len(stream.segment_payload(frame, i)) for i in range(len(group))]
            assert found == group["length"].tolist()
            with pytest.raises(KeyError):
                stream.segment_payload(frame, len(group))


@kin
@given(captures(lossy=False), sizes, kinds, st.integers(0, 6), seeds)
def test_fragments_of_link_layers(
    capture: Capture, sizes: list[int], kind: str, copies: int, seed: int
) -> None:
    changed = in_pieces(capture, sizes, kind)
    flows = reassembled(changed.duplicate(seed=seed, count=copies), format="pcapng")
    assert view(flows) == wanted(capture)
    assert flows.capture.used == len(changed) + copies
    assert not flows.capture.unused


@costly
@given(captures(lossy=False), counts, sizes, kinds | st.sampled_from([in_messages, in_aggregates]))
def test_written_again_and_live(
    capture: Capture,
    counts: list[int],
    sizes: list[int],
    kind: str | Callable[[Capture, list[int]], Capture],
) -> None:
    changed = in_pieces(capture, sizes, kind) if isinstance(kind, str) else kind(capture, counts)
    flows = reassembled(changed, format="pcapng")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "again.pcapng"
        flows.to_pcap(path)
        assert view(reassemble(path)) == wanted(capture)
        spool = GrowingSpool(Path(folder), changed.to_bytes("pcapng", ns=True))
        engine = Engine(spool.paths)
        while spool.write(700):
            engine.advance()
        live: Any = engine.finish()
        assert view(live) == wanted(capture)
