from __future__ import annotations

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import V6, packet


@pytest.mark.parametrize("linktype", [12, 14, 101, 228, 229])
def test_the_first_bits_tell_the_version(linktype: int) -> None:
    assert decode([packet(), packet(V6)], linktype).paths == ["raw/ip", "raw/ipv6"]


def test_other_versions() -> None:
    assert decode([b"\x50" * 60], 101).reasons == [Reason.MALFORMED_IP]
