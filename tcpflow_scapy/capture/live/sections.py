"""What a spool says besides frames: section header, interfaces, what they counted."""

from __future__ import annotations

import os
import struct
import time
from dataclasses import dataclass

from tcpflow_scapy.capture.formats import pcapng_blocks as blocks

SECTION_APPLICATION = 4
IF_FILTER = 11

NANOSECONDS = b"\x09"
"""if_tsresol: times in units of 10**-9 s"""

LONGEST = 0xFFFC
"""Bytes of an option's value."""


@dataclass(frozen=True, slots=True)
class SpoolInterface:
    """One interface as the spool describes it."""

    name: str
    linktype: int
    snaplen: int
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Counters:
    """What an interface counted since the capture began."""

    received: int
    """frames that passed the filter, dropped ones included where the system counts so"""
    kernel_dropped: int
    interface_dropped: int
    taken: int = 0
    """frames taken from it"""
    not_kept: int = 0
    """those of them that the spool could not take in"""


def section() -> bytes:
    """Section header block: little-endian, of unknown length."""
    fixed = struct.pack("<IHHq", blocks.BYTE_ORDER_MAGIC, 1, 0, -1)
    return _block(blocks.SECTION, fixed, {SECTION_APPLICATION: b"tcpflow_scapy"})


def describe(interface: SpoolInterface) -> bytes:
    """Interface description block: name, filter, times in nanoseconds."""
    fixed = struct.pack("<HHI", interface.linktype & 0xFFFF, 0, interface.snaplen)
    options = {blocks.IF_NAME: os.fsencode(interface.name), blocks.IF_TSRESOL: NANOSECONDS}
    if interface.filter:
        options[IF_FILTER] = b"\0" + interface.filter.encode()
    return _block(blocks.INTERFACE, fixed, options)


def statistics(number: int, counters: Counters) -> bytes:
    """Interface statistics block, of now."""
    now = time.time_ns()
    high, low = now >> 32, now & 0xFFFFFFFF
    options = {
        blocks.ISB_ENDTIME: struct.pack("<II", high, low),
        blocks.ISB_IFRECV: struct.pack("<Q", counters.received),
        blocks.ISB_IFDROP: struct.pack("<Q", counters.interface_dropped),
        blocks.ISB_OSDROP: struct.pack("<Q", counters.kernel_dropped),
    }
    if counters.not_kept:
        # What is behind the difference between the two is in no file.
        delivered = counters.taken - counters.not_kept
        options[blocks.ISB_FILTERACCEPT] = struct.pack("<Q", counters.taken + counters.kernel_dropped)
        options[blocks.ISB_USRDELIV] = struct.pack("<Q", delivered)
    return _block(blocks.STATISTICS, struct.pack("<III", number, high, low), options)


def _block(kind: int, fixed: bytes, options: dict[int, bytes]) -> bytes:
    parts = [fixed]
    for code, value in options.items():
        value = value[:LONGEST]
        parts.append(struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4))
    parts.append(bytes(4))
    body = b"".join(parts)
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length
