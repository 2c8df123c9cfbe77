"""A sender's half of RFC 1144, written from its text; nothing of the package is used."""

from __future__ import annotations

import struct

IP, COMPRESSED, UNCOMPRESSED = 0x21, 0x2D, 0x2F


class Compressor:
    """One direction of a line."""

    def __init__(self, slots: int = 16, *, compress_slot: bool = True, special: bool = True) -> None:
        self.slots = slots
        self.compress_slot = compress_slot
        self.special = special
        self.headers: dict[int, bytes] = {}
        """number of each connection -> its last IP and TCP header, least recently used first"""
        self.last: int | None = None

    def send(self, packet: bytes) -> tuple[int, bytes]:
        """PPP protocol and content for an IP packet."""
        if packet[0] != 0x45 or packet[9] != 6 or struct.unpack("!H", packet[6:8])[0] & 0x3FFF:
            return IP, packet
        size = 20 + (packet[32] >> 4) * 4
        if packet[33] & 0x17 != 0x10:
            return IP, packet
        header = packet[:size]
        slot = next((n for n, h in self.headers.items() if h[12:24] == header[12:24]), None)
        if slot is None:
            slot = len(self.headers)
            if slot == self.slots:
                slot = next(iter(self.headers))
            return self._whole(slot, packet, header)
        changes = self._changes(self.headers[slot], header, len(packet))
        if changes is None:
            return self._whole(slot, packet, header)
        flags, body = changes
        del self.headers[slot]
        self.headers[slot] = header
        head = bytes([flags])
        if slot != self.last or not self.compress_slot:
            head = bytes([flags | 0x40, slot])
        self.last = slot
        return COMPRESSED, head + header[36:38] + body + packet[size:]

    def _whole(self, slot: int, packet: bytes, header: bytes) -> tuple[int, bytes]:
        self.headers.pop(slot, None)
        self.headers[slot] = header
        self.last = slot
        return UNCOMPRESSED, packet[:9] + bytes([slot]) + packet[10:]

    def _changes(self, old: bytes, new: bytes, total: int) -> tuple[int, bytes] | None:
        """Flags and deltas; None if they cannot say it."""
        same = [slice(0, 2), slice(6, 9), slice(32, 33), slice(40, None)]
        if len(old) != len(new) or any(old[part] != new[part] for part in same):
            return None
        if (old[33] ^ new[33]) & ~0x28:
            return None
        old_id, new_id = (struct.unpack("!H", h[4:6])[0] for h in (old, new))
        old_total = struct.unpack("!H", old[2:4])[0]
        (s, a, w, u), (s2, a2, w2, u2) = (struct.unpack("!II2xH2xH", h[24:40]) for h in (old, new))
        flags, parts = 0, b""
        if new[33] & 0x20:
            flags, parts = 1, coded(u2, zero=True)
        elif u != u2:
            return None
        if w != w2:
            flags, parts = flags | 2, parts + coded((w2 - w) & 0xFFFF)
        ack, seq = (a2 - a) & 0xFFFFFFFF, (s2 - s) & 0xFFFFFFFF
        if ack > 0xFFFF or seq > 0xFFFF:
            return None
        if ack:
            flags, parts = flags | 4, parts + coded(ack)
        if seq:
            flags, parts = flags | 8, parts + coded(seq)
        before = old_total - len(old)
        if flags == 0 and not (total > len(new) and old_total == len(old)):
            return None
        if flags in (0x0B, 0x0F):
            return None
        if not self.special:
            pass
        elif flags == 0x0C and seq == ack == before:
            flags, parts = 0x0B, b""
        elif flags == 8 and seq == before:
            flags, parts = 0x0F, b""
        if (new_id - old_id) & 0xFFFF != 1:
            flags, parts = flags | 0x20, parts + coded((new_id - old_id) & 0xFFFF, zero=True)
        return flags | (0x10 if new[33] & 8 else 0), parts


def coded(value: int, *, zero: bool = False) -> bytes:
    """A number as one byte, or three."""
    if value > 255 or (zero and not value):
        return b"\0" + struct.pack("!H", value)
    return bytes([value])
