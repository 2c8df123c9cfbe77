"""Reads and rebuilds the headers of Ethernet frames that a real stack sent: IPv4 or IPv6, TCP or not.

These frames come from our own kernel, so nothing here expects an attack; what is not IP is left alone.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, replace

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP = 6
IPV4, IPV6 = 0x0800, 0x86DD


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment in an Ethernet frame, as numbers."""

    ether: bytes
    """the 14 bytes of the Ethernet header"""
    ip: bytes
    """the IP header, as it came"""
    source: str
    source_port: int
    destination: str
    destination_port: int
    seq: int
    ack: int
    flags: int
    window: int
    options: bytes
    payload: bytes

    @property
    def key(self) -> tuple[str, int, str, int]:
        """Where from and where to."""
        return self.source, self.source_port, self.destination, self.destination_port

    @property
    def length(self) -> int:
        """Bytes of sequence space: payload, SYN and FIN."""
        return len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)

    @property
    def header_length(self) -> int:
        """Bytes in front of the payload, from the Ethernet header on."""
        return 14 + len(self.ip) + 20 + len(self.options)

    def frame(self, **changes: int | bytes) -> bytes:
        """The frame again, lengths and checksums worked out anew; with `changes` to fields."""
        s = replace(self, **changes)  # type: ignore[arg-type]
        tcp = struct.pack(
            ">HHIIBBHHH",
            s.source_port,
            s.destination_port,
            s.seq & 0xFFFFFFFF,
            s.ack & 0xFFFFFFFF,
            (5 + len(s.options) // 4) << 4,
            s.flags,
            s.window,
            0,
            0,
        )
        tcp += s.options + s.payload
        ip = with_length(s.ip, len(tcp))
        total = checksum(pseudo_header(ip, TCP, len(tcp)) + tcp)
        return s.ether + ip + tcp[:16] + struct.pack(">H", total) + tcp[18:]


def checksum(data: bytes) -> int:
    """Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo_header(ip: bytes, protocol: int, length: int) -> bytes:
    """What a TCP or UDP checksum covers of the IP header (RFC 9293, 3.1; RFC 8200, 8.1)."""
    if ip[0] >> 4 == 4:
        return ip[12:20] + struct.pack(">HH", protocol, length)
    return ip[8:40] + struct.pack(">II", length, protocol)


def with_length(ip: bytes, payload: int) -> bytes:
    """An IP header for a payload of that length, checksum and all."""
    if ip[0] >> 4 == 6:
        return ip[:4] + struct.pack(">H", payload) + ip[6:]
    return with_checksum(ip[:2] + struct.pack(">H", len(ip) + payload) + ip[4:])


def with_checksum(ip: bytes) -> bytes:
    """An IPv4 header with its checksum worked out anew."""
    bare = ip[:10] + b"\0\0" + ip[12:]
    return bare[:10] + struct.pack(">H", checksum(bare)) + bare[12:]


def ethertype(frame: bytes) -> int:
    """The type field of an untagged frame."""
    return int.from_bytes(frame[12:14], "big")


def ip_header(frame: bytes) -> bytes:
    """The IP header of a frame, b"" where there is none."""
    if ethertype(frame) == IPV4:
        return frame[14 : 14 + (frame[14] & 15) * 4]
    return frame[14:54] if ethertype(frame) == IPV6 else b""


def parse(frame: bytes) -> Segment | None:
    """The TCP segment of a frame; None where it carries none (extension headers: none here)."""
    ip = ip_header(frame)
    if not ip or (ip[9] if len(ip) < 40 else ip[6]) != TCP:
        return None
    if ip[0] >> 4 == 4:
        family, addresses, end = socket.AF_INET, (ip[12:16], ip[16:20]), 14 + int.from_bytes(ip[2:4], "big")
    else:
        family, addresses = socket.AF_INET6, (ip[8:24], ip[24:40])
        end = 54 + int.from_bytes(ip[4:6], "big")
    tcp = frame[14 + len(ip) : end]
    source_port, destination_port, seq, ack, offset, flags, window = struct.unpack(">HHIIBBH", tcp[:16])
    source, destination = (socket.inet_ntop(family, a) for a in addresses)
    size = (offset >> 4) * 4
    return Segment(
        frame[:14], ip, source, source_port, destination, destination_port,
        seq, ack, flags, window, tcp[20:size], tcp[size:],
    )  # fmt: skip
