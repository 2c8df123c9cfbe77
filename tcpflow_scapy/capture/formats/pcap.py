"""Classic pcap (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap) and its dialects.

A file header of 24 bytes, then records of 16 bytes and data. Either byte order, micro- or
nanoseconds. Dialects: A. Kuznetzov's patches (record headers of 24 or 28 bytes, mostly with a
signature of their own), Nokia's (20 bytes), Ixia's (a longer file header), AIX (interface types for
link types, nanoseconds), files before version 2.4 (captured and original length may be exchanged).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tcpflow_scapy.capture.formats.candidates import Candidates
from tcpflow_scapy.capture.formats.chain import ChainReader
from tcpflow_scapy.capture.formats.chains import Chains
from tcpflow_scapy.capture.formats.contract import Format
from tcpflow_scapy.capture.formats.records import RecordLayout
from tcpflow_scapy.capture.frames import FrameBatch
from tcpflow_scapy.capture.info import Interface
from tcpflow_scapy.capture.limits import MAX_FRAME, USUAL_FRAME
from tcpflow_scapy.capture.linktypes import LONG_FRAMES, linktype_name
from tcpflow_scapy.capture.medium import Medium
from tcpflow_scapy.capture.mislabelled import HEAD, MAX_FRAMES, true_linktype
from tcpflow_scapy.capture.reading import Reading

FILE_HEADER = 24

FIRST_RECORDS = 3
"""Records by which a dialect is told."""

FAR_RECORDS = 12
"""The same where their times don't speak for them."""

AIX_LINKTYPES = {6: 1, 9: 6, 15: 10, 24: 0}
"""RFC 1573 interface types in files of version 2.2 written by AIX"""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a signature says."""

    name: str
    headers: tuple[int, ...]
    """lengths of record headers to try, the usual one first"""
    nanoseconds: bool = False
    file_header: int = FILE_HEADER


DIALECTS: dict[int, Dialect] = {
    0xA1B2C3D4: Dialect("pcap", (16, 24, 20)),
    0xA1B23C4D: Dialect("pcap", (16,), nanoseconds=True),
    0xA1B2CD34: Dialect("pcap (modified)", (24, 28, 16)),
    0x1C0001AC: Dialect("pcap (Ixia)", (16,), nanoseconds=True, file_header=28),
    0x1C0001AB: Dialect("pcap (Ixia)", (16,), file_header=28),
}

SIGNATURES: dict[bytes, tuple[str, Dialect]] = {
    number.to_bytes(4, name): (order, dialect)  # type: ignore[arg-type]
    for number, dialect in DIALECTS.items()
    for order, name in (("<", "little"), (">", "big"))
}


def _recognise(head: bytes) -> str | None:
    """By the first four bytes."""
    known = SIGNATURES.get(head[:4])
    return _name(*known) if known else None


def _recognise_damaged(head: bytes) -> str | None:
    """One byte of the signature is wrong and all the rest of the file header is as it should be."""
    known = _closest(head)
    if known is None or len(head) < FILE_HEADER:
        return None
    version = struct.unpack_from(known[0] + "HH", head, 4)
    return _name(*known) if version == (2, 4) else None


def _closest(head: bytes) -> tuple[str, Dialect] | None:
    for signature, known in SIGNATURES.items():
        if sum(a != b for a, b in zip(signature, head[:4], strict=False)) == 1:
            return known
    return None


def _name(order: str, dialect: Dialect) -> str:
    traits = []
    if dialect.nanoseconds:
        traits.append("nanoseconds")
    if order == ">":
        traits.append("big-endian")
    return dialect.name + (f" ({', '.join(traits)})" if traits else "")


@dataclass(frozen=True, slots=True)
class Header:
    """The file header."""

    order: str
    dialect: Dialect
    version: tuple[int, int]
    snaplen: int
    linktype: int
    fcs_length: int
    aix: bool


def _parse(head: bytes) -> Header:
    order, dialect = SIGNATURES.get(head[:4]) or _closest(head) or ("<", DIALECTS[0xA1B2C3D4])
    head = head.ljust(FILE_HEADER, b"\0")
    major, minor, _zone, _figures, snaplen, link = struct.unpack_from(order + "HHIIII", head, 4)
    aix = (major, minor) == (2, 2) and dialect.name == "pcap" and link in AIX_LINKTYPES
    return Header(
        order=order,
        dialect=dialect,
        version=(major, minor),
        snaplen=snaplen,
        linktype=AIX_LINKTYPES[link] if aix else link & 0xFFFF,
        # Bit 26 says that the top four bits count the FCS in units of two bytes.
        fcs_length=(link >> 28) * 2 if link & 0x0400_0000 else 0,
        aix=aix,
    )


def _read(reading: Reading) -> Iterator[FrameBatch]:
    """All frames of a file."""
    head = reading.medium.read(0, FILE_HEADER)
    header = _parse(head)
    start = header.dialect.file_header
    if head[:4] not in SIGNATURES:
        reading.problems.add("damaged", "the file's signature is damaged", offset=0, length=0)
    if reading.medium.size < start:
        reading.problems.add(
            "cut_short",
            "the file ends inside the file header",
            offset=0,
            length=reading.medium.size,
        )
        return
    if header.version[0] != 2 and header.version != (543, 0):
        major, minor = header.version
        reading.problems.add("bad_version", f"version {major}.{minor} is read as 2.4", offset=4)
    layout = choose(reading.medium, layouts(header), start)
    linktype = true_linktype(header.linktype, _first_frames(reading.medium, layout, start))
    if linktype != header.linktype:
        reading.problems.add(
            "wrong_linktype",
            f"the file says link type {header.linktype} ({linktype_name(header.linktype)}); its frames are "
            f"{linktype} ({linktype_name(linktype)}) and are read as such",
            offset=20,
        )
    interface = reading.interface(Interface(linktype, header.snaplen, fcs_length=header.fcs_length))
    reader = ChainReader(reading, layout, linktype=linktype, interface=interface)
    yield from reader.batches(start)


def _first_frames(medium: Medium, layout: RecordLayout, at: int) -> Iterator[tuple[bytes, int]]:
    """First bytes and length of the first frames, up to the first damage."""
    for _ in range(MAX_FRAMES):
        record = layout.parse(medium.read(at, layout.header))
        if record is None or not layout.plausible(record) or at + record.length > medium.size:
            break
        yield medium.read(at + layout.header, min(record.caplen, HEAD)), record.wirelen
        at += record.length


def layouts(header: Header) -> list[RecordLayout]:
    """The record layouts that a file may have, the likeliest first."""
    limit = MAX_FRAME if header.linktype in LONG_FRAMES else USUAL_FRAME
    if limit < header.snaplen <= MAX_FRAME:
        limit = header.snaplen
    usual = RecordLayout(
        name=header.dialect.name,
        order=header.order,
        header=16,
        caplen=8,
        wirelen=12,
        step=8,
        overhead=16,
        nanoseconds=header.dialect.nanoseconds or header.aix,
        limit=limit,
        snaplen=header.snaplen,
        swappable=(header.version < (2, 4) or header.version == (543, 0)) and not header.aix,
    )
    if usual.swappable or header.aix:
        return [usual]
    return [replace(usual, header=size, overhead=size) for size in header.dialect.headers]


def choose(medium: Medium, candidates: list[RecordLayout], start: int) -> RecordLayout:
    """The first layout in which the first records make sense, or any others; the first of all where none do.

    Records that are days apart are believed only where no layout brings them together, and only if there are
    many or the file ends with them: behind damage, a few bytes look like records now and then.
    """
    for records, near in ((FIRST_RECORDS, True), (FAR_RECORDS, False)):
        for layout in candidates:
            if _makes_sense(medium, layout, start, records, near=near):
                return layout
    for layout in candidates:
        # One of the first records is damaged: those behind it tell.
        if Candidates(medium, layout).find(start, None, Chains(medium, layout).chained_near) is not None:
            return layout
    return candidates[0]


def _makes_sense(medium: Medium, layout: RecordLayout, at: int, count: int, *, near: bool) -> bool:
    seconds: int | None = None
    for _ in range(count):
        record = layout.parse(medium.read(at, layout.header))
        if record is None:
            # The file ends here, or inside a record: what came before is all there is to go by.
            return near or at == medium.size
        if not layout.plausible(record):
            return False
        if near and seconds is not None and not layout.near(record, seconds):
            return False
        at, seconds = at + record.length, record.seconds
    return near or at <= medium.size


PCAP = Format("pcap", _recognise, _read)
DAMAGED_PCAP = Format("pcap with a damaged signature", _recognise_damaged, _read)
