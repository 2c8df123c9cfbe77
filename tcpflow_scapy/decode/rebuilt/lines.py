"""Van Jacobson's compression of TCP/IP headers (RFC 1144): what the two ends of a line remember.

A frame does not always say in which direction it went, so both directions may share a `Line`. Which
connection a packet belongs to is named by the number in it, and proved by the TCP checksum that it carries.
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

MAX_PER_SLOT = 4
"""Connections that one number may mean where directions are not known: one in each, and those before"""

MAX_RECENT = 8
"""Connections that a packet without a number may belong to, likewise"""


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
        """What distinguishes connections."""
        return self.source, self.destination, self.ports

    @property
    def reverse(self) -> tuple[int, int, int]:
        """The same of the other direction."""
        return self.destination, self.source, (self.ports & 0xFFFF) << 16 | self.ports >> 16

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
        """Whether nothing was sent between two packets, but a FIN perhaps (those are never compressed)."""
        between = (self.sequence - before.sequence - before.length) & _WORD
        return between <= (not self.length)


@dataclass(slots=True)
class Line:
    """The connections that packets of one road may belong to."""

    directed: bool
    """whether all packets went in the same direction"""
    slots: dict[int, list[Connection]] = field(default_factory=dict)
    recent: list[Connection] = field(default_factory=list)
    """newest last"""
    held: dict[tuple[int, int, int], tuple[int, Connection]] = field(default_factory=dict)
    """number and last header of each, by its ends"""
    last: dict[tuple[int, int, int], Connection] = field(default_factory=dict)
    """last header of all there were"""
    ahead: dict[tuple[int, int, int], int] = field(default_factory=dict)
    """first sequence number of each of whom there will be full headers"""
    both: bool = False
    """whether both directions of a connection will be seen"""

    def announce(self, packet: bytes) -> None:
        """Take note of a packet for `remember` that comes later."""
        found = None if self.directed else read_connection(packet)
        if found is not None:
            self.ahead.setdefault(found.ends, found.sequence)
            self.both = self.both or found.reverse in self.ahead

    def remember(self, packet: bytes) -> None:
        """Take note of an IP packet with all of its headers, and a number in place of the protocol."""
        found = read_connection(packet)
        if found is None:
            return
        slot = packet[PROTOCOL_AT]
        before = self.held.get(found.ends)
        if before is not None:
            self._forget(before[1])
        kept = self.slots.setdefault(slot, [])
        if self.directed:
            for old in list(kept):
                self._forget(old)
        elif len(kept) == MAX_PER_SLOT:
            # The number was more likely given anew by the end that sends from this address.
            self._forget(next((old for old in kept if old.source == found.source), kept[0]))
        self._take(slot, found)

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
        fitting = [row for row in fitting if self._is_proved(row[0], row[1])]
        if len(fitting) != 1:
            for old in candidates:
                old.misses += 1
            return None
        old, new, header = fitting[0]
        slot = self.held[old.ends][0]
        self._forget(old)
        self._take(slot, new)
        return new, header

    def _is_proved(self, old: Connection, new: Connection) -> bool:
        """Whether a right checksum is more than chance.

        In the other direction sequence and acknowledgment number are the other way round: only the window
        makes the sums differ. Where directions are not known, and after packets that fitted nothing, a packet
        must also go on where the one before it ended.
        """
        if self.directed:
            return not old.misses or new.follows(old)
        other = self.last.get(old.reverse)
        if other is None:
            # Where the other direction sends nothing, or nothing yet, there is nothing to confuse.
            silent = self.ahead.get(old.reverse) == old.acknowledgment or not self.both
            return new.follows(old) and new.acknowledgment == old.acknowledgment and silent
        # What fits nothing may be a packet of the other direction, which has another window since.
        return new.follows(old) and not other.misses and other.window != old.window

    def _take(self, slot: int, connection: Connection) -> None:
        self.slots[slot].append(connection)
        self.held[connection.ends] = slot, connection
        self.last[connection.ends] = connection
        self.recent = [connection] if self.directed else [*self.recent[1 - MAX_RECENT :], connection]

    def _forget(self, connection: Connection) -> None:
        slot, _ = self.held.pop(connection.ends)
        self.slots[slot].remove(connection)
        if connection in self.recent:
            self.recent.remove(connection)


class Lines:
    """All lines of a capture, by road and direction as far as that is known."""

    def __init__(self) -> None:
        self._lines: dict[tuple[int, int, int], Line] = {}

    def line(self, state: int, source: int, destination: int) -> Line:
        """One of them."""
        found = self._lines.get((state, source, destination))
        if found is None:
            found = self._lines[state, source, destination] = Line(source != destination)
        return found


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
