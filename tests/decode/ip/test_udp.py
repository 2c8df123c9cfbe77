from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import V4, V6, packet
from tests.helpers.headers import ethernet, ip_packet, udp_packet


def test_datagrams_have_a_table_of_their_own() -> None:
    frames = [
        ethernet(udp_packet((V4[0], 5000), (V4[1], 53), b"question")) + b"padding",
        ethernet(packet()),
        ethernet(udp_packet((V6[0], 53), (V6[1], 5000), b"answer"), (7,)),
    ]
    result = decode(frames)
    table = result.packets.datagrams
    assert table is not None
    assert table.frame.tolist() == [0, 2]
    assert [result.store.read(int(a), int(n)) for a, n in zip(table.address, table.length, strict=True)] == [
        b"question",
        b"answer",
    ]
    assert (table.source & np.uint64(0xFFFF)).tolist() == [5000, 53]
    assert [str(table.encapsulations.rows[e]) for e in table.encapsulation] == ["eth/ip", "eth/vlan:7/ipv6"]
    assert len(result.rows) == 1


def test_the_udp_length_counts_within_the_ip_length() -> None:
    longer = bytearray(ip_packet(*V4, 17, b"\0\1\0\2\0\xff\0\0data"))
    shorter = bytearray(ip_packet(*V4, 17, b"\0\1\0\2\0\x0a\0\0data"))
    nothing = bytearray(ip_packet(*V4, 17, b"\0\1\0\2\0\0\0\0data"))
    table = decode([ethernet(bytes(p)) for p in (longer, shorter, nothing)]).packets.datagrams
    assert table is not None
    assert table.length.tolist() == [4, 2, 4]


def test_cut_datagrams() -> None:
    frame = ethernet(udp_packet((V4[0], 1), (V4[1], 2), b"0123456789"))
    result = decode([frame[:-4], frame[:40]], wire=[len(frame)] * 2)
    table = result.packets.datagrams
    assert table is not None
    assert (table.length.tolist(), table.wire_length.tolist()) == ([6], [10])
    assert result.reasons == [Reason.UDP] * 2
