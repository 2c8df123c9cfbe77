"""Blocks and options of pcapng (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BYTE_ORDER_MAGIC = 0x1A2B3C4D

INTERFACE = 1
PACKET = 2
SIMPLE = 3
NAMES = 4
STATISTICS = 5
ENHANCED = 6
JOURNAL = 9
SECRETS = 10
CUSTOM = 0xBAD
CUSTOM_KEEP = 0x40000BAD
SECTION = 0x0A0D0D0A
SYSDIG_EVENTS = (0x204, 0x208, 0x216, 0x217, 0x221, 0x222)

PACKETS = (ENHANCED, PACKET, SIMPLE)
OTHER_FRAMES = (JOURNAL, CUSTOM, CUSTOM_KEEP, *SYSDIG_EVENTS)
"""blocks that Wireshark numbers as frames although they carry no packet: so do we"""

FRAMES = PACKETS + OTHER_FRAMES

SMALLEST: dict[int, int] = {
    INTERFACE: 20,
    PACKET: 32,
    SIMPLE: 16,
    NAMES: 16,
    STATISTICS: 24,
    ENHANCED: 32,
    SECRETS: 20,
    CUSTOM: 16,
    CUSTOM_KEEP: 16,
    SECTION: 28,
}
"""bytes that a block of each type has at least; the types by which reading is taken up again"""

BODY: dict[int, int] = {JOURNAL: 8, CUSTOM: 12, CUSTOM_KEEP: 12} | dict.fromkeys(SYSDIG_EVENTS, 8)
"""where the content of `OTHER_FRAMES` begins"""

PACKET_DATA = 28
"""offset of the data in enhanced and obsolete packet blocks"""

SIMPLE_DATA = 12

OPT_COMMENT = 1
IF_NAME, IF_DESCRIPTION, IF_TSRESOL, IF_FCSLEN, IF_TSOFFSET = 2, 3, 9, 13, 14
ISB_ENDTIME, ISB_IFRECV, ISB_IFDROP, ISB_FILTERACCEPT, ISB_OSDROP, ISB_USRDELIV = 3, 4, 5, 6, 7, 8

MICROSECONDS = 6
"""if_tsresol where the option is missing"""

MAX_OPTIONS = 256
"""options looked at in one block"""


def header_dtype(order: str) -> np.dtype[np.void]:
    """The first words of a block; meaning by type."""
    names = ("type", "length", "interface", "high", "low", "caplen", "wirelen")
    return np.dtype([(name, order + "u4") for name in names])


def options(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """(code, value) of an option list; ends quietly where the bytes make no sense."""
    at = 0
    for _ in range(MAX_OPTIONS):
        if at + 4 > len(data):
            return
        code, length = struct.unpack_from(order + "HH", data, at)
        at += 4
        if not code or at + length > len(data):
            return
        yield code, data[at : at + length]
        at += (length + 3) & ~3


def sound_options(data: bytes, order: str) -> bool:
    """Are these bytes an option list, or nothing at all?"""
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from(order + "HH", data, at)
        if not code:
            return not length
        at += 4 + ((length + 3) & ~3)
    return at == len(data)


@dataclass(frozen=True, slots=True)
class InterfaceOptions:
    """What an interface description block says beyond its fixed part."""

    name: str = ""
    description: str = ""
    resolution: int = MICROSECONDS
    """if_tsresol as it stands: a power of ten, or with the high bit a power of two"""
    offset: int = 0
    """seconds to add to every time"""
    fcs_length: int = 0


def interface_options(data: bytes, order: str) -> InterfaceOptions:
    """Parse the options of an interface description block."""
    found: dict[str, object] = {}
    for code, value in options(data, order):
        if code == IF_NAME:
            found["name"] = text(value)
        elif code == IF_DESCRIPTION:
            found["description"] = text(value)
        elif code == IF_TSRESOL and len(value) >= 1:
            found["resolution"] = value[0]
        elif code == IF_FCSLEN and len(value) >= 1:
            found["fcs_length"] = value[0]
        elif code == IF_TSOFFSET and len(value) >= 8:
            found["offset"] = struct.unpack_from(order + "q", value)[0]
    return InterfaceOptions(**found)  # type: ignore[arg-type]


def text(value: bytes) -> str:
    """An option's UTF-8, whatever is wrong with it."""
    return value.split(b"\0", 1)[0].decode("utf-8", "replace")
