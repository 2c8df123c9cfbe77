"""Formats that are not read are named, with the command that converts them."""

from __future__ import annotations

import io
import struct

import pytest

from tcpflow_scapy.capture import open_source
from tcpflow_scapy.capture.formats.refused import SIGNATURES, refusal
from tcpflow_scapy.errors import CaptureFormatError

ISERIES = " COMMUNICATIONS TRACE       Title: OS400 trace              10/28/05  11:44:50      Page:   1\n"
ETL = struct.pack("<III", 0x10000, 0x1F0, 0x1F0) + bytes(60) + struct.pack("<HBB", 2, 2, 0xC0) + bytes(400)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"btsnoop\0" + bytes(40), r"Bluetooth .*editcap -F pcapng IN OUT"),
        (b"\x05VNF" + bytes(40), "Visual Networks .*editcap"),
        (ISERIES.encode(), "iSeries .*editcap -F pcapng IN OUT"),
        (b"\xff\xfe" + ISERIES.encode("utf-16-le"), "iSeries .*editcap"),
        (b'PRI-XMIT-27: (task "l1Task" at 0x10216fe0, time: 560194.01) 4 octets\n', "Ascend .*editcap"),
        (b"Some banner\nWD_DIALOUT_DISP: chunk 2515EE type IP.\n", "Ascend .*editcap"),
        (ETL, r"Windows event tracing \(pktmon, netsh trace\).*etl2pcapng IN OUT"),
        (b"XCP\x00009.000\0" + bytes(200), "NetXRay .*editcap"),
        (b"iptrace 3.0" + bytes(40), "iptrace .*editcap"),
    ],
)
def test_named(head: bytes, words: str) -> None:
    with pytest.raises(CaptureFormatError, match=words) as caught:
        open_source(io.BytesIO(head))
    assert "\n" not in str(caught.value)


def test_all_signatures_are_named() -> None:
    for signature, name in SIGNATURES.items():
        assert name in str(refusal(signature + bytes(300)))


def test_others_stay_unnamed() -> None:
    for head in (
        b"",
        bytes(400),
        b"RECVD something\n",
        b"a log about PRI-XMIT-3\n",
        ETL[:75] + b"\0" + ETL[76:],
    ):
        assert refusal(head) is None
