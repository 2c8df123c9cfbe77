"""Van Jacobson's compression of TCP/IP headers (RFC 1144): what the two ends of a line remember.

A frame does not always say in which direction it went, so both directions may share a `Line`. Which
connection a packet belongs to is told by the number in it, and proved by the TCP checksum that it carries.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

NEW_CONNECTION, NEW_ID, PUSH = 0x40, 0x20, 0x10
SEQUENCE, ACKNOWLEDGMENT, WINDOW, URGENT = 8, 4, 2, 1
SPECIALS = 0x0F
ECHOED = SEQUENCE | WINDOW | URGENT
"""Stands for: acknowledged and sent as much as the last packet held (3.2.3)"""
UNIDIRECTIONAL = SPECIALS
"""Stands for: sent as much as the last packet held"""

FLAG_PSH, FLAG_URG = 0x08, 0x20

_TCP = struct.Struct("!HHIIHHHH")
TCP_SIZE = 20
IP_SIZE = 20
PROTOCOL_AT = 9
PROTOCOL_TCP = 6

_SUM = 0xFFFF
"""Ones' complement sums of 16 bits are remainders by this (RFC 1071)"""
_WORD = 0xFFFFFFFF

MAX_MISSES = 8
"""Packets that may fit nothing before what was known of a connection is given up"""

MAX_PER_SLOT = 2
"""Connections with the same number: one in each direction"""

MAX_RECENT = 4
"""Connections that a packet without a number may belong to"""


@dataclass(frozen=True, slots=True)
class Change:
    """What a compressed packet says."""

    slot: int | None
    """number of the connection; None: the one before"""
    flags: int
    """the first byte"""
    checksum: int
    urgent: int
    window: int
    acknowledgment: int
    sequence: int
    size: int
    """bytes of the compressed header"""


@dataclass(slots=True, eq=False)
class Connection:
    """The header of the last packet of one direction of a connection."""

    source: int
    destination: int
    ports: int
    """both"""
    sequence: int
    acknowledgment: int
    flags: int
    """with the header length above them"""
    window: int
    urgent: int
    options: bytes
    length: int
    """payload bytes"""
    misses: int = 0

    @property
    def ends(self) -> tuple[int, int, int]:
        """What tells connections apart."""
        return self.source, self.destination, self.ports

    def changed(self, change: Change, length: int) -> Connection:
        """The header of the next packet (RFC 1144, 3.2.4)."""
        flags = self.flags & ~FLAG_PSH | (FLAG_PSH if change.flags & PUSH else 0)
        special = change.flags & SPECIALS
        sequence, acknowledgment = (
            self.sequence + change.sequence,
            self.acknowledgment + change.acknowledgment,
        )
        urgent = self.urgent
        if special in (ECHOED, UNIDIRECTIONAL):
            sequence = self.sequence + self.length
            acknowledgment = self.acknowledgment + (self.length if special == ECHOED else 0)
        elif special & URGENT:
            flags, urgent = flags | FLAG_URG, change.urgent
        else:
            flags &= ~FLAG_URG
        return Connection(
            self.source,
            self.destination,
            self.ports,
            sequence & _WORD,
            acknowledgment & _WORD,
            flags,
            (self.window + change.window) & 0xFFFF,
            urgent,
            self.options,
            length,
        )

    def header(self, checksum: int) -> bytes:
        """The TCP header."""
        source, destination = self.ports >> 16, self.ports & 0xFFFF
        fixed = _TCP.pack(
            source,
            destination,
            self.sequence,
            self.acknowledgment,
            self.flags,
            self.window,
            checksum,
            self.urgent,
        )
        return fixed + self.options

    def fits(self, header: bytes, payload: bytes) -> bool:
        """Whether the checksum in a TCP header is right."""
        total = self.source + self.destination + PROTOCOL_TCP + len(header) + len(payload)
        total += int.from_bytes(header, "big")
        total += int.from_bytes(payload, "big") << 8 * (len(payload) & 1)
        return total % _SUM == 0

    def follows(self, before: Connection) -> bool:
        """Whether nothing was sent between two packets."""
        return self.sequence == (before.sequence + before.length) & _WORD


@dataclass(slots=True)
class Line:
    """The connections that packets of one road may belong to."""

    slots: dict[int, list[Connection]] = field(default_factory=dict)
    recent: list[Connection] = field(default_factory=list)
    """newest last"""

    def remember(self, packet: bytes) -> None:
        """Take note of an IP packet with all of its headers, and a number in place of the protocol."""
        found = read_connection(packet)
        if found is None:
            return
        slot = packet[PROTOCOL_AT]
        others = [other for other in self.slots.get(slot, ()) if other.ends != found.ends]
        gone = self.slots.get(slot, ())
        self.slots[slot] = [*others[1 - MAX_PER_SLOT :], found]
        self.recent = [other for other in self.recent if other not in gone or other in others[-1:]]
        self._use(found)

    def expand(self, change: Change, payload: bytes) -> tuple[Connection, bytes] | None:
        """The connection and TCP header of a compressed packet; None if that is not certain."""
        known = self.recent if change.slot is None else self.slots.get(change.slot, ())
        candidates = [old for old in known if old.misses < MAX_MISSES]
        fitting = []
        for old in candidates:
            new = old.changed(change, len(payload))
            header = new.header(change.checksum)
            if new.fits(header, payload):
                fitting.append((old, new, header))
        if len(fitting) > 1:
            # Both directions of one connection can have the same sum; one of them goes on where it was.
            fitting = [row for row in fitting if row[1].follows(row[0])]
        if len(fitting) != 1:
            for old in candidates:
                old.misses += 1
            return None
        old, new, header = fitting[0]
        for held in self.slots.values():
            if old in held:
                held[held.index(old)] = new
        if old in self.recent:
            self.recent.remove(old)
        self._use(new)
        return new, header

    def _use(self, connection: Connection) -> None:
        self.recent = [*self.recent[1 - MAX_RECENT :], connection]


class Lines:
    """All lines of a capture, by road and direction as far as that is known."""

    def __init__(self) -> None:
        self._lines: dict[tuple[int, int, int], Line] = {}

    def line(self, state: int, source: int, destination: int) -> Line:
        """One of them."""
        return self._lines.setdefault((state, source, destination), Line())


def read_connection(packet: bytes) -> Connection | None:
    """The state that an IP packet sets, None if it is cut or its IP header damaged."""
    at = (packet[0] & 15) << 2 if packet else 0
    if at < IP_SIZE or packet[0] >> 4 != 4 or len(packet) < at + TCP_SIZE:
        return None
    header = packet[:PROTOCOL_AT] + bytes([PROTOCOL_TCP]) + packet[PROTOCOL_AT + 1 : at]
    stored = packet[10:12]
    if int.from_bytes(header, "big") % _SUM and stored != b"\0\0":
        return None
    source_port, port, sequence, acknowledgment, flags, window, _, urgent = _TCP.unpack_from(packet, at)
    size = flags >> 12 << 2
    length = int.from_bytes(packet[2:4], "big") - at - size
    if size < TCP_SIZE or len(packet) < at + size or length < 0:
        return None
    return Connection(
        int.from_bytes(packet[12:16], "big"),
        int.from_bytes(packet[16:20], "big"),
        source_port << 16 | port,
        sequence,
        acknowledgment,
        flags,
        window,
        urgent,
        packet[at + TCP_SIZE : at + size],
        length,
    )


def read_change(packet: bytes) -> Change | None:
    """The compressed header at the beginning of a packet (RFC 1144, 3.2.2), None if it is cut."""
    try:
        flags, at, slot = packet[0], 1, None
        if flags & NEW_CONNECTION:
            slot, at = packet[1], 2
        checksum = packet[at] << 8 | packet[at + 1]
        at += 2
        values = dict.fromkeys((URGENT, WINDOW, ACKNOWLEDGMENT, SEQUENCE, NEW_ID), 0)
        wanted = flags & NEW_ID
        if flags & SPECIALS not in (ECHOED, UNIDIRECTIONAL):
            wanted |= flags & SPECIALS
        for bit in values:
            if wanted & bit:
                # One byte, or a zero and two bytes.
                if packet[at]:
                    values[bit], at = packet[at], at + 1
                else:
                    values[bit], at = packet[at + 1] << 8 | packet[at + 2], at + 3
    except IndexError:
        return None
    return Change(
        slot,
        flags,
        checksum,
        values[URGENT],
        values[WINDOW],
        values[ACKNOWLEDGMENT],
        values[SEQUENCE],
        at,
    )
