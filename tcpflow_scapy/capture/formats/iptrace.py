"""AIX iptrace, versions 1.0 and 2.0, big-endian.

Eleven bytes of version, then records: length of what follows, seconds; unit and name of the interface,
text, type of the interface (RFC 1573), direction; from 2.0 on the time once more, with nanoseconds.
Version 1.0 knows the time to the second only. Frames are whole: there is no length on the wire.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from tcpflow_scapy.capture.formats.chain import ChainReader, Frames
from tcpflow_scapy.capture.formats.contract import Format
from tcpflow_scapy.capture.formats.packed import FieldNames, Fields, PackedLayout
from tcpflow_scapy.capture.formats.records import Record, swapped
from tcpflow_scapy.capture.frames import Array, FrameBatch
from tcpflow_scapy.capture.info import Interface
from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.windows import Window

SIGNATURES = {b"iptrace 1.0": "iptrace 1.0", b"iptrace 2.0": "iptrace 2.0"}
FILE_HEADER = 11

FDDI = 15
FDDI_PADDING = 3

LINKTYPES: dict[int, int] = {
    4: 101,  # X.25 to the Defense Data Network: IP
    6: 1,
    7: 1,
    9: 6,
    12: 101,  # the switch of an SP
    FDDI: 10,
    24: 101,  # loopback
    37: 100,  # ATM
    61: 101,  # host fabric interface
    199: 247,  # InfiniBand
}
"""RFC 1573 interface types as LINKTYPE numbers"""

_LINKTYPES = np.full(256, UNKNOWN, np.uint16)
_LINKTYPES[list(LINKTYPES)] = list(LINKTYPES.values())


class IptraceLayout(PackedLayout):
    """Record header and packet information of version 1.0."""

    name = "iptrace"
    order = ">"
    fields: ClassVar[FieldNames] = (
        ("length", "I"),
        ("second", "I"),
        ("", "3x"),
        ("unit", "B"),
        ("name", "I"),
        ("", "12x"),
        ("kind", "B"),
        ("sent", "B"),
    )
    step = 0
    bytes_allowed = ((0, (0,)), (1, range(5)), (28, tuple(LINKTYPES)), (29, (0, 1)))
    single = True
    counted = 8
    """bytes of the header that the length does not count"""

    def measure(self, word: int) -> int:
        """A big-endian length."""
        return swapped(word) + self.counted

    def rest(self, fields: Fields) -> Any:
        """The length counts most of the header."""
        return fields["length"] + self.counted - self.header

    whole = rest

    def seconds(self, fields: Fields) -> Any:
        """In the record header."""
        return fields["second"]

    def nanoseconds(self, fields: Fields) -> Any:
        """Whole seconds."""
        return fields["second"] * 1_000_000_000

    def sound(self, fields: Fields) -> Any:
        """Long enough, and a direction."""
        return (self.rest(fields) >= 0) & (fields["sent"] <= 1)

    def likely(self, fields: Fields) -> Any:
        """An interface type that is known and a name that begins with a letter."""
        letter = (fields["name"] >> 24) - ord("a")
        return (_LINKTYPES[fields["kind"]] != UNKNOWN) & (letter >= 0) & (letter < 26)

    def consistent(self, record: Record) -> bool:
        """Only one field states the length."""
        return False


class IptraceLayout2(IptraceLayout):
    """The same of version 2.0."""

    fields = (*IptraceLayout.fields, ("", "2x"), ("exact", "I"), ("fraction", "I"))

    def nanoseconds(self, fields: Fields) -> Any:
        """The second time is exact."""
        return fields["exact"] * 1_000_000_000 + fields["fraction"]

    def likely(self, fields: Fields) -> Any:
        """The two times agree."""
        apart = fields["exact"] - fields["second"]
        return super().likely(fields) & (apart >= -60) & (apart <= 60) & (fields["fraction"] < 1_000_000_000)


LAYOUTS: dict[bytes, IptraceLayout] = {b"iptrace 1.0": IptraceLayout(), b"iptrace 2.0": IptraceLayout2()}


def _recognise(head: bytes) -> str | None:
    return SIGNATURES.get(head[:FILE_HEADER])


def _read(reading: Reading) -> Iterator[FrameBatch]:
    """All frames of a file."""
    layout = LAYOUTS[reading.medium.read(0, FILE_HEADER)]
    unknown: dict[int, int] = {}

    def adjust(_window: Window, headers: Array, frames: Frames) -> Frames:
        fields = layout.columns(headers)
        kind = fields["kind"]
        padding = np.where((kind == FDDI) & (frames.caplen >= FDDI_PADDING), FDDI_PADDING, 0)
        frames.position = frames.position + padding
        frames.caplen = frames.caplen - padding
        frames.wirelen = frames.caplen
        frames.linktype = _LINKTYPES[kind]
        frames.interface = _interfaces(reading, fields)
        for number in np.unique(kind[frames.linktype == UNKNOWN]).tolist():
            unknown[number] = unknown.get(number, 0) + int((kind == number).sum())
        return frames

    reader = ChainReader(reading, layout, linktype=UNKNOWN, interface=0, adjust=adjust)
    yield from reader.batches(FILE_HEADER)
    for number, count in sorted(unknown.items()):
        reading.problems.add(
            "unknown_linktype", f"interface type {number} is not known: {count} frames are not decoded"
        )


def _interfaces(reading: Reading, fields: dict[str, Array]) -> Array:
    """One interface for each name, unit and type."""
    key = fields["name"] << 16 | fields["unit"] << 8 | fields["kind"]
    numbers = np.empty(len(key), np.int32)
    found, inverse = np.unique(key, return_inverse=True)
    for i, value in enumerate(found.tolist()):
        name = (value >> 16).to_bytes(4, "big").split(b"\0")[0].decode("latin-1") + str(value >> 8 & 0xFF)
        numbers[inverse == i] = reading.interface(Interface(int(_LINKTYPES[value & 0xFF]), 0, name=name))
    return numbers


IPTRACE = Format("iptrace", _recognise, _read)
