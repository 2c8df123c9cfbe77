from __future__ import annotations

import struct

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import PAYLOAD, V4, tcp
from tests.helpers.headers import ethernet, ip_packet


def test_authenticated_segments_are_in_the_clear() -> None:
    header = struct.pack("!BBHII", 6, 4, 0, 1, 2) + bytes(12)
    frame = ethernet(ip_packet(*V4, 51, header + tcp()))
    assert [row.payload for row in decode([frame]).rows] == [PAYLOAD]
    assert decode([frame[:50]], wire=[len(frame)]).reasons == [Reason.TRUNCATED_IP]
