from __future__ import annotations

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import V4, V6, packet
from tests.helpers.headers import ethernet, ip_packet, udp_packet


@pytest.mark.parametrize("kind", [3, 4, 5, 11, 12])
def test_a_quoted_segment_is_no_traffic(kind: int) -> None:
    frame = ethernet(ip_packet(*V4, 1, bytes([kind]) + bytes(7) + packet()))
    result = decode([frame, frame[:60]], wire=[len(frame)] * 2)
    assert result.reasons == [Reason.ICMP_ERROR] * 2
    assert not result.rows


def test_errors_about_other_things_and_plain_icmp() -> None:
    frames = [
        ip_packet(*V4, 1, b"\3\3" + bytes(6) + udp_packet((V4[0], 1), (V4[1], 2), b"")),
        ip_packet(*V4, 1, b"\x08\0" + bytes(6) + packet()),
        ip_packet(*V4, 1, b"\3"),
        ip_packet(*V6, 58, b"\x80\0" + bytes(6) + packet(V6)),
    ]
    assert decode([ethernet(f) for f in frames]).reasons == [Reason.ICMP] * 3 + [Reason.ICMPV6]


def test_icmpv6_errors() -> None:
    frame = ethernet(ip_packet(*V6, 58, b"\2\0" + bytes(6) + packet(V6)))
    assert decode([frame]).reasons == [Reason.ICMP_ERROR]
