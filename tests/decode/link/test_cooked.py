from __future__ import annotations

import struct

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import V6, packet
from tests.decode.zoo import SNAP, wlan
from tests.helpers.headers import ethernet, link_frame

ARPHRD_ETHER, ARPHRD_NETLINK = 1, 824


def cooked(protocol: int, body: bytes, hardware: int = ARPHRD_ETHER) -> bytes:
    return struct.pack("!HHH8sH", 0, hardware, 6, bytes(8), protocol) + body


def test_both_versions() -> None:
    frames = [link_frame(113, packet()), link_frame(276, packet(V6))]
    assert decode(frames, [113, 276]).paths == ["sll/ip", "sll2/ipv6"]


def test_a_tag_and_llc_behind_the_header() -> None:
    frames = [
        cooked(0x8100, b"\0\x2a\x08\0" + packet()),
        cooked(4, b"\xaa\xaa\3\0\0\0\x08\0" + packet()),
    ]
    result = decode(frames, 113)
    assert result.paths == ["sll/vlan:42/ip", "sll/llc/ip"]
    assert result.packets.encapsulations.rows[result.packets.encapsulation[0]].vlan == (42,)


def test_netlink_and_other_protocols() -> None:
    frames = [cooked(0x0800, packet(), ARPHRD_NETLINK), cooked(5, packet()), cooked(0x0806, bytes(28))]
    result = decode(frames, 113)
    assert result.reasons == [Reason.OTHER_ETHERTYPE, Reason.OTHER_ETHERTYPE, Reason.ARP]


def test_a_frame_behind_the_header() -> None:
    frames = [
        cooked(3, ethernet(packet())),
        cooked(1, ethernet(packet(), (7,))),
        cooked(1, packet()),
        cooked(3, b"\xff\xff" + bytes(50)),
        cooked(1, b"\xff\xff" + bytes(50)),  # Novell's IPX
    ]
    result = decode(frames, 113)
    assert result.paths == ["sll/eth/ip", "sll/eth/vlan:7/ip", "sll/ip"]
    assert result.reasons[3:] == [Reason.OTHER_ETHERTYPE] * 2


def test_monitor_mode_whatever_the_protocol() -> None:
    frame = struct.pack("<BBHI", 0, 0, 8, 0) + wlan(8, 1, SNAP + b"\x08\0" + packet())
    frames = [cooked(protocol, frame, 803) for protocol in (0, 3, 4)]
    assert decode(frames, 113).paths == ["sll/radiotap/wlan/llc/ip"] * 3
