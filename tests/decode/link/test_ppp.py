from __future__ import annotations

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import packet


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\xff\3\xc0\x21" + bytes(20), Reason.OTHER_ETHERTYPE),  # link control
        (b"\xff\3\0\x53" + bytes(20), Reason.ENCRYPTED),
        (b"\xff\3\0\x3d\x80\0\0\1\0\x21" + packet(), Reason.FRAGMENT),  # begin without end
        (b"\xff\3\0\xfd" + bytes(20), Reason.NOT_DECOMPRESSED),
        (b"\xff\3\0\x31\0\2" + bytes(40), Reason.OTHER_ETHERTYPE),  # bridged, not Ethernet
        (b"\xff\3\0", Reason.TRUNCATED_LINK),
        (b"\xfe", Reason.TRUNCATED_LINK),
    ],
)
def test_what_carries_no_segment(frame: bytes, reason: Reason) -> None:
    assert decode([frame], 9, wire=[200]).reasons == [reason]
