from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import packet
from tests.helpers.headers import ethernet


@pytest.mark.parametrize("kind", [0x22F3, 0x88E7, 0x8903, 0x8909, 0x8926, 0x892F, 0x893F, 0xF1C1])
def test_cut_tags(kind: int) -> None:
    frames = [ethernet(bytes(n), ethertype=kind) for n in (0, 1, 3)]
    assert decode(frames, wire=[100] * 3).reasons == [Reason.TRUNCATED_LINK] * 3


def test_macsec_that_is_encrypted() -> None:
    sealed = ethernet(struct.pack("!BBI", 0x0C, 0, 1) + bytes(60), ethertype=0x88E5)
    assert decode([sealed]).reasons == [Reason.ENCRYPTED]


def test_service_headers_that_cannot_be() -> None:
    frames = [
        ethernet(struct.pack("!HBBI", 0x0FC1, 1, 1, 0) + packet(), ethertype=0x894F),  # 4 bytes long
        ethernet(struct.pack("!HBBI", 0x0FC2, 1, 9, 0) + packet(), ethertype=0x894F),  # unknown
    ]
    assert decode(frames).reasons == [Reason.TRUNCATED_LINK, Reason.OTHER_ETHERTYPE]
