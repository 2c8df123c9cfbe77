"""snoop (RFC 1761), also as written by Shomiti and Finisar Surveyor.

A file header of 16 bytes, then records of 24 bytes, data and padding, all big-endian. The record's
length tells where the next one is. Surveyor keeps 16 or more bytes about the frame in the padding
and has link-type codes of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from tcpflow_scapy.capture.formats.chain import ChainReader, Frames
from tcpflow_scapy.capture.formats.contract import Format
from tcpflow_scapy.capture.formats.records import RecordLayout
from tcpflow_scapy.capture.frames import Array, FrameBatch
from tcpflow_scapy.capture.info import Interface
from tcpflow_scapy.capture.limits import USUAL_FRAME
from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.windows import Window

SIGNATURE = b"snoop\0\0\0"
FILE_HEADER = 16
SURVEYOR_TRAILER = 16
WIRELESS_HEADER = 12

LINKTYPES: dict[int, int] = {
    0: 1,  # IEEE 802.3
    2: 6,  # IEEE 802.5
    4: 1,  # Ethernet
    8: 10,  # FDDI
    9: 0,  # other: BSD loopback on UNICOS
    14: 0,  # software loopback
    16: 122,  # Fibre Channel
    18: 123,  # classical IP over ATM: SunATM's pseudo-header
    0x8000_0005: 226,  # ipnet
}
"""DLPI codes (https://www.iana.org/assignments/snoop-datalink-types) as LINKTYPE numbers"""

SURVEYOR_WIRELESS = 18
SURVEYOR_LINKTYPES: dict[int, int] = {
    0: 1,
    2: 6,
    4: 1,
    8: 10,
    10: 1,  # fast Ethernet
    11: 6,  # token ring, 4 MBit
    12: 1,  # gigabit Ethernet
    13: 6,
    14: 6,
    SURVEYOR_WIRELESS: 105,
    19: 1,  # 10 gigabit Ethernet
}

LAYOUT = RecordLayout(
    name="snoop",
    order=">",
    header=24,
    wirelen=0,
    caplen=4,
    step=8,
    overhead=0,
    seconds=16,
    fraction=20,
    limit=USUAL_FRAME,
)


def _recognise(head: bytes) -> str | None:
    """By the first eight bytes, of which one may be damaged."""
    agreeing = sum(a == b for a, b in zip(SIGNATURE, head, strict=False))
    if agreeing < len(SIGNATURE) - 1:
        return None
    return "snoop (Surveyor)" if _is_surveyor(head) else "snoop"


def _is_surveyor(head: bytes) -> bool:
    """Surveyor's trailer is more padding than snoop ever needs."""
    record = LAYOUT.parse(head[FILE_HEADER:])
    return record is not None and SURVEYOR_TRAILER <= record.length - 24 - record.caplen < 256


def _read(reading: Reading) -> Iterator[FrameBatch]:
    """All frames of a file."""
    head = reading.medium.read(0, FILE_HEADER + LAYOUT.header)
    if len(head) < FILE_HEADER:
        reading.problems.add("cut_short", "the file ends inside the file header", offset=0, length=len(head))
        return
    (code,) = struct.unpack_from(">I", head, 12)
    surveyor = _is_surveyor(head)
    linktype = (SURVEYOR_LINKTYPES if surveyor else LINKTYPES).get(code, UNKNOWN)
    if linktype == UNKNOWN:
        reading.problems.add("unknown_linktype", f"link type code {code} is not known", offset=12)
    reader = ChainReader(
        reading,
        LAYOUT,
        linktype=linktype,
        interface=reading.interface(Interface(linktype, 0)),
        adjust=_without_wireless_header if surveyor and code == SURVEYOR_WIRELESS else None,
    )
    yield from reader.batches(FILE_HEADER)


def _without_wireless_header(window: Window, _headers: Array, frames: Frames) -> Frames:
    """Take off Surveyor's radio header: its fourth byte counts the bytes after itself."""
    size = window.memory[frames.position + 3].astype(np.int64) + 4
    size[(frames.caplen < WIRELESS_HEADER) | (size < WIRELESS_HEADER) | (size > frames.caplen)] = 0
    frames.position = frames.position + size
    frames.caplen = frames.caplen - size
    frames.wirelen = np.maximum(frames.wirelen - size, 0)
    return frames


SNOOP = Format("snoop", _recognise, _read)
