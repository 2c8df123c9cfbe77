from __future__ import annotations

import struct

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import V6, packet
from tests.helpers.headers import link_frame

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
