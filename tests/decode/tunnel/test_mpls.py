from __future__ import annotations

import pytest

from tcpflow_scapy.decode import Reason
from tcpflow_scapy.decode.tunnel.mpls import MAX_LABELS
from tests.decode.batches import decode
from tests.decode.segments import PAYLOAD, packet
from tests.decode.zoo import label
from tests.helpers.headers import ethernet


def frame(payload: bytes, labels: int = 1) -> bytes:
    stack = b"".join(label(16 + i, bottom=i == labels - 1) for i in range(labels))
    return ethernet(stack + payload, ethertype=0x8847)


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        (bytes(4) + packet(), "ip"),
        (bytes(4) + b"\xff\3\0\x21" + packet(), "ppp/ip"),
        (bytes(4) + b"\x0f\0\x08\0" + packet(), "chdlc/ip"),
        (b"\x4e" + bytes(11) + b"\x08\0" + packet(), "eth/ip"),  # an address that begins like IPv4
        (b"\x64" + bytes(11) + b"\x08\0" + packet(), "eth/ip"),
        (b"\0\x0c\x29" + bytes(9) + b"\x08\0" + packet(), "eth/ip"),  # ... like a control word
    ],
)
def test_what_the_label_does_not_say(payload: bytes, path: str) -> None:
    result = decode([frame(payload)])
    assert result.paths == ["eth/mpls:16/" + path]
    assert result.rows[0].payload == PAYLOAD


@pytest.mark.parametrize("payload", [b"\x10" + bytes(60), b"\x99" * 60, b""])
def test_the_unknown(payload: bytes) -> None:
    assert decode([frame(payload)]).reasons == [Reason.OTHER_ETHERTYPE]


def test_stacks_without_end() -> None:
    assert decode([frame(packet(), MAX_LABELS + 1), frame(packet(), MAX_LABELS)]).reasons == [
        Reason.TOO_DEEP,
        Reason.TCP,
    ]
