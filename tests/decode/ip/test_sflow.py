from __future__ import annotations

import struct

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import packet
from tests.decode.zoo import udp
from tests.helpers.headers import ethernet

COUNTERS = struct.pack("!II", 2, 12) + bytes(12)


def flow_sample(kind: int = 1) -> bytes:
    header = ethernet(packet())
    header += bytes(-len(header) % 4)
    record = struct.pack("!IIII", 1, len(header), 0, 0) + header
    return struct.pack("!II", kind, len(record)) + record


def sflow(*samples: bytes, family: int = 1, version: int = 5) -> bytes:
    agent = bytes(4 if family == 1 else 16)
    return (
        struct.pack("!II", version, family)
        + agent
        + bytes(4 if version == 5 else 0)  # number of the agent
        + struct.pack("!III", 1, 2, len(samples))
        + b"".join(samples)
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (sflow(flow_sample()), Reason.SAMPLED_HEADER),
        (sflow(COUNTERS, COUNTERS, flow_sample(3), family=2), Reason.SAMPLED_HEADER),
        (sflow(flow_sample(), version=4), Reason.SAMPLED_HEADER),
        (sflow(flow_sample(), version=2, family=2), Reason.SAMPLED_HEADER),
        (sflow(COUNTERS, flow_sample(), version=4), Reason.UDP),
        (sflow(COUNTERS), Reason.UDP),
        (sflow(flow_sample(), version=6), Reason.UDP),
        (sflow(flow_sample())[:30], Reason.UDP),
        (b"\0\0\0\5", Reason.UDP),
        (sflow(struct.pack("!II", 2, 0xFFFFFFF8), flow_sample()), Reason.UDP),
    ],
)
def test_quoted_headers_are_no_traffic_and_have_a_reason_of_their_own(data: bytes, reason: Reason) -> None:
    result = decode([udp(data, 6343)])
    assert result.reasons == [reason]
    assert result.packets.datagrams is not None
    assert len(result.packets.datagrams) == 1
