from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import V4, V6, packet


@pytest.mark.parametrize("linktype", [0, 108])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("family", "hosts"), [(2, V4), *((n, V6) for n in (10, 23, 24, 28, 30))])
def test_every_family_in_either_byte_order(
    linktype: int, order: str, family: int, hosts: tuple[str, str]
) -> None:
    result = decode([struct.pack(order + "I", family) + packet(hosts)], linktype)
    assert [row.source for row in result.rows] == [f"{hosts[0]} 1024"]
    assert result.paths == [("null/" if linktype == 0 else "loop/") + ("ipv6" if hosts == V6 else "ip")]


@pytest.mark.parametrize("family", [0, 1, 7, 99, 0x12345678])
def test_other_families(family: int) -> None:
    assert decode([struct.pack("<I", family) + packet()], 0).reasons == [Reason.OTHER_ETHERTYPE]
