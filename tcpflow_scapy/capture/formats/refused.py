"""Captures in formats that are not read, by name, with the program that converts them."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

EDITCAP, ETL2PCAPNG = "editcap -F pcapng IN OUT", "etl2pcapng IN OUT"

SIGNATURES: dict[bytes, str] = {
    b"XCP\0": "NetXRay or Windows Sniffer (a version that is not known)",
    b"iptrace ": "AIX iptrace (a version that is not known)",
    b"\0\0\0\x7fver": "EtherPeek",
    b"\x7fver": "OmniPeek",
    b"\x05VNF": "Visual Networks",
    b"\xaa\xaa\xaa\xaa\x20\0\0\0": "InfoVista 5View",
    b"\x01\x10\x4c\0\x01\x05Trace Disp": "Novell LANalyzer",
    b"\x01\x10\x4c\0\x01\x05Cyco_Trace": "Novell LANalyzer",
    b"ObserverPktBufferVersion=": "Viavi Observer",
    b"btsnoop\0": "Bluetooth (btsnoop)",
    b"EyeSDN": "EyeSDN",
    b"LOGG": "Vector BLF",
    b"cpse": "Colasoft Capsa",
    b"\x42\xd2\x00\x34\x12\x66\x22\x88": "RADCOM",
    b"\x00\x00\x02\x00\x12\x05\x00\x10": "Tektronix K12 (rf5)",
    b"#Format=": "Daintree",
    b"+---------+---------------+----------+": "Tektronix K12 (text)",
    b"Session Transcript": "Catapult DCT2000",
}

ISERIES = "COMMUNICATIONS TRACE"
LINE = 270
"""bytes of an iSeries trace in which its title stands, at most"""

ASCEND = re.compile(
    rb"^(?:PRI-(?:XMIT|RCV)-\d+|(?:XMIT|RECV)[-:]\d+|PPP-(?:OUT|IN)\b|WD_DIALOUT_DISP: "
    rb"|ETHER\d* (?:XMIT|RECV))",
    re.MULTILINE,
)


def _is_iseries(head: bytes) -> bool:
    line = head[:LINE]
    return ISERIES.encode() in line or ISERIES.encode("utf-16-le") in line


def _is_etl(head: bytes) -> bool:
    """A buffer of Windows' event tracing that begins with the record about the trace itself."""
    if len(head) < 80:
        return False
    size, saved, current = struct.unpack_from("<III", head)
    kind, flags = head[74], head[75]
    return (
        4096 <= size <= 1 << 24
        and size % 1024 == 0
        and max(saved, current) <= size
        and (kind, flags)
        in (
            (1, 0xC0),
            (2, 0xC0),
        )
    )


TESTS: tuple[tuple[Callable[[bytes], bool], str, str], ...] = (
    (_is_etl, "Windows event tracing (pktmon, netsh trace)", ETL2PCAPNG),
    (_is_iseries, "iSeries communications trace (text)", EDITCAP),
    (lambda head: ASCEND.search(head) is not None, "Ascend (text)", EDITCAP),
)


def refusal(head: bytes) -> str | None:
    """What a file that begins so is, and what converts it; None where that is not known."""
    for signature, name in SIGNATURES.items():
        if head.startswith(signature):
            return f"the capture format {name} is not supported; convert it: {EDITCAP}"
    for test, name, command in TESTS:
        if test(head):
            return f"the capture format {name} is not supported; convert it: {command}"
    return None
