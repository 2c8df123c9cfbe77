"""Scapy's objects as captures: readers, packet lists, any iterable of packets.

They are written to a temporary pcapng file with the link type, time, length, interface name and
comment that each packet carries, and then read like any other capture. Packets are never dissected
here: what a packet was made from is taken where it was not changed since.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.limits import MAX_FRAME
from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.capture.streams import Report
from tcpflow_scapy.capture.writer import CaptureWriter

SECOND = 1_000_000_000
LAST = (1 << 63) // SECOND
"""seconds whose nanoseconds fit 64 bits"""


def is_packet(thing: object) -> bool:
    """A Scapy packet? Answered without importing Scapy: who holds one has imported it."""
    module = sys.modules.get("scapy.packet")
    return module is not None and isinstance(thing, module.Packet)


def is_packet_list(thing: object) -> bool:
    """A Scapy PacketList, SndRcvList and so on?"""
    module = sys.modules.get("scapy.plist")
    return module is not None and isinstance(thing, module._PacketList)


def is_reader(thing: object) -> bool:
    """One of Scapy's capture readers?"""
    module = sys.modules.get("scapy.utils")
    return module is not None and isinstance(thing, module.RawPcapReader)


def write_packets(packets: Iterable[Any], writer: CaptureWriter) -> None:
    """Write Scapy packets; pairs of packets (as `sr` gives them) count as two.

    Raises
    ------
    TypeError
        If something in the iterable is no packet. What the iterable itself raises goes through.
    """
    linktypes = LinkTypes()
    for number, item in enumerate(packets, 1):
        for packet in _flat(item):
            if packet is None:
                continue
            if not is_packet(packet):
                kind = type(packet).__name__
                raise TypeError(f"item {number} is no Scapy packet but a {kind}")
            write_packet(packet, writer, linktypes)


def _flat(item: Any) -> Iterator[Any]:
    if isinstance(item, (tuple, list)) and item and all(is_packet(x) for x in item):
        yield from item
    else:
        yield item


def write_packet(packet: Any, writer: CaptureWriter, linktypes: LinkTypes) -> None:
    """Write one Scapy packet."""
    data = raw_bytes(packet)
    comments = getattr(packet, "comments", None) or []
    writer.write(
        data[:MAX_FRAME],
        nanoseconds(packet.time),
        packet.wirelen or len(data),
        linktype=linktypes.of(type(packet)),
        interface=_text(packet.sniffed_on or ""),
        comment="\n".join(_text(comment) for comment in comments),
    )


def raw_bytes(packet: Any) -> bytes:
    """The bytes of a packet: those it was dissected from, or what it builds to if it was made or
    changed by hand."""
    original = getattr(packet, "original", b"")
    if original and _untouched(packet, len(original)):
        return bytes(original)
    return bytes(packet)


def _untouched(packet: Any, size: int) -> bool:
    """Does every layer still hold the bytes it was dissected from, and do they add up?"""
    layer, total = packet, 0
    while getattr(layer, "raw_packet_cache", None) is not None:
        fields = layer.raw_packet_cache_fields or {}
        for name, value in fields.items():
            if layer._raw_packet_cache_field_value(layer.get_field(name), layer.fields[name]) != value:
                return False
        total += len(layer.raw_packet_cache)
        layer = layer.payload
    return total == size and not layer


def nanoseconds(time: Any) -> int:
    """A packet's time, exactly: Scapy's decimals keep every digit, and a float means the decimal
    number that it prints as."""
    if time is None:
        return NO_TIME
    value = time if isinstance(time, Decimal) else Decimal(repr(float(time)))
    if not value.is_finite() or not 0 <= value < LAST:
        return NO_TIME
    whole, rest = divmod(value, 1)
    return int(whole) * SECOND + int(rest * SECOND)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class LinkTypes:
    """LINKTYPE number of a packet class, through Scapy's own table."""

    def __init__(self) -> None:
        from scapy.config import conf

        self._table = conf.l2types.layer2num
        self._known: dict[type, int] = {}

    def of(self, kind: type) -> int:
        """The number; `UNKNOWN` for layers that are no link layer."""
        number = self._known.get(kind)
        if number is None:
            found = (self._table[base] for base in kind.__mro__ if base in self._table)
            number = self._known[kind] = next(found, UNKNOWN)
        return number


def write_reader(reader: Any, writer: CaptureWriter, report: Report) -> None:
    """Write what is left in one of Scapy's capture readers.

    Records are taken undissected and whole (iterating a reader cuts them at 65,535 bytes and costs
    a hundred times as much); a reader that reads in a way of its own is iterated.
    """
    from scapy.error import Scapy_Exception
    from scapy.utils import PcapNgReader, PcapReader, RawPcapNgReader, RawPcapReader

    if type(reader).read_packet not in {
        kind.read_packet for kind in (RawPcapReader, PcapReader, RawPcapNgReader, PcapNgReader)
    }:
        write_packets(reader, writer)
        return
    if isinstance(reader, RawPcapNgReader):
        _number_anew(reader)
    count = 0
    while True:
        try:
            record = reader._read_packet(size=MAX_FRAME)
        except EOFError:
            return
        except (Scapy_Exception, OSError, ValueError) as error:
            report("damaged", f"Scapy's reader stopped after {count} packets: {error}", None)
            return
        if record is None:
            return
        count += 1
        data, meta = record
        _write_record(reader, data, meta, writer)


def _number_anew(reader: Any) -> None:
    """Interfaces of a pcapng file are numbered from 0 in each section; Scapy goes on counting, and takes
    the link types of the first section for all."""
    begin = reader._read_block_shb

    def begin_section() -> None:
        reader.interfaces.clear()
        begin()

    reader._read_block_shb = begin_section


def _write_record(reader: Any, data: bytes, meta: Any, writer: CaptureWriter) -> None:
    interface, comment = "", ""
    if hasattr(meta, "tshigh"):
        time = NO_TIME
        if meta.tshigh is not None:
            time = ((meta.tshigh << 32) + meta.tslow) * SECOND // int(meta.tsresol)
        linktype = meta.linktype
        interface = _text(meta.ifname or "")
        comment = "\n".join(_text(x) for x in meta.comments or [])
    else:
        time = meta.sec * SECOND + meta.usec * (1 if reader.nano else 1000)
        linktype = reader.linktype
    if not 0 <= time < LAST * SECOND:
        time = NO_TIME
    writer.write(data, time, meta.wirelen, linktype=linktype & 0xFFFF, interface=interface, comment=comment)
