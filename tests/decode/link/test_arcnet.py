from __future__ import annotations

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import V6, packet


def test_protocols() -> None:
    frames = [
        b"\1\2\0\0\xc4\0\0\7" + packet(V6),
        b"\1\2\0\0\xd4\1\0\7" + packet(),  # the first of several frames
        b"\1\2\0\0\xd5\0\0\7" + bytes(28),
        b"\1\2\0\0\xf1" + bytes(28),
        b"\1\2\0\0\x05" + bytes(28),
        b"\1\2\0\0\xd4\xff\0",
    ]
    result = decode(frames, 129, wire=[300] * len(frames))
    assert result.paths == ["arcnet/ipv6"]
    assert result.reasons[1:] == [
        Reason.FRAGMENT,
        Reason.ARP,
        Reason.ARP,
        Reason.OTHER_ETHERTYPE,
        Reason.TRUNCATED_LINK,
    ]
