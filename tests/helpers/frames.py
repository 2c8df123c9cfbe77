"""Frames as objects: raw bytes, an IP packet, a TCP segment. Fields first, bytes when asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from .headers import ACK, FIN, SYN, Endpoint, ipv4_packet, ipv6_packet, link_frame, tcp_segment


@dataclass
class RawFrame:
    """Bytes of any link layer."""

    data: bytes = b""
    time: int | None = None
    """ns since the epoch; `Capture` gives one to those that have none"""
    snap: int | None = None
    """captured bytes, where fewer than the frame has"""
    wire_length: int | None = None
    """original length, where it shall be another than the frame's"""
    padding: bytes = b""
    """bytes after the IP packet: Ethernet padding, a trailer, an FCS"""
    linktype: int | None = None
    """where it differs from the capture's (pcapng only)"""

    def to_bytes(self, linktype: int = 1) -> bytes:
        """The frame as it was on the wire."""
        return self.data + self.padding


@dataclass
class IpFrame(RawFrame):
    """An IP packet; the link layer is added when the file is written."""

    packet: bytes = b""
    vlans: tuple[int, ...] = ()
    """VLAN ids, outermost first (Ethernet only)"""

    def ip_packet(self) -> bytes:
        """The IP packet."""
        return self.packet

    def to_bytes(self, linktype: int = 1) -> bytes:
        """The frame as it was on the wire."""
        return link_frame(linktype, self.ip_packet(), self.vlans) + self.padding


FLAG_LETTERS = "FSRPAUECN"


@dataclass(repr=False)
class Frame(IpFrame):
    """One TCP segment in a frame. Every field can be set; lengths and checksums follow."""

    packet: bytes = field(default=b"", repr=False)
    source: Endpoint = ("10.0.0.1", 1024)
    destination: Endpoint = ("10.0.0.2", 80)
    seq: int = 0
    """absolute sequence number, any int: taken modulo 2**32"""
    ack: int = 0
    flags: int = ACK
    payload: bytes = b""
    window: int = 65535
    urgent: int = 0
    options: bytes = b""
    ttl: int = 64
    identification: int = 0
    ip_length: int | None = None
    """the IP header's total (v4) or payload (v6) length, when it shall be another than the true one"""
    bad_checksum: bool = False
    offset: int = 0
    """stream offset of the first payload byte, unwrapped (what the script meant)"""
    ack_offset: int | None = None
    """stream offset of the other side up to which `ack` acknowledges, a FIN counted as one"""
    probe: bool = False
    """a keep-alive or zero-window probe: its bytes are no data"""
    owner: object = field(default=None, repr=False, compare=False)
    """the conversation that sent it"""

    def ip_packet(self) -> bytes:
        """The IP packet."""
        segment = tcp_segment(
            self.source,
            self.destination,
            self.seq,
            self.ack,
            self.flags,
            self.payload,
            window=self.window,
            urgent=self.urgent,
            options=self.options,
            bad_checksum=self.bad_checksum,
        )
        hosts = self.source[0], self.destination[0]
        if ":" in hosts[0]:
            return ipv6_packet(*hosts, 6, segment, hop_limit=self.ttl, payload_length=self.ip_length)
        return ipv4_packet(
            *hosts,
            6,
            segment,
            ttl=self.ttl,
            identification=self.identification,
            total_length=self.ip_length,
        )

    def __repr__(self) -> str:
        ends = f"{self.source[0]}:{self.source[1]} > {self.destination[0]}:{self.destination[1]}"
        letters = "".join(x for bit, x in enumerate(FLAG_LETTERS) if self.flags >> bit & 1)
        more = "" if self.snap is None else f" snap={self.snap}"
        return f"{ends} {letters} seq={self.seq} ack={self.ack} {self.offset}:{self.payload!r}{more}"

    @property
    def header_size(self) -> int:
        """Bytes of an Ethernet frame before the payload (tags and options included)."""
        ip = 40 if ":" in self.source[0] else 20
        return 14 + 4 * len(self.vlans) + ip + 20 + len(self.options) + (-len(self.options) % 4)

    def cut(self, payload: int) -> Frame:
        """Keep only that many payload bytes, as a snaplen would (on Ethernet)."""
        self.snap = self.header_size + payload
        return self

    def split(self, *at: int) -> list[Frame]:
        """The same bytes in several segments; SYN stays with the first, FIN with the last."""
        cuts = [0, *sorted({n for n in at if 0 < n < len(self.payload)}), len(self.payload)]
        syn = 1 if self.flags & SYN else 0
        parts = []
        for start, end in pairwise(cuts):
            flags = self.flags
            if start:
                flags &= ~SYN
            if end < len(self.payload):
                flags &= ~FIN
            parts.append(
                replace(
                    self,
                    payload=self.payload[start:end],
                    seq=self.seq + start + (syn if start else 0),
                    offset=self.offset + start,
                    flags=flags,
                )
            )
        return parts


def frames_to_bytes(frames: Iterable[RawFrame], linktype: int = 1) -> list[bytes]:
    """The captured bytes of each frame."""
    return [f.to_bytes(linktype)[: f.snap] for f in frames]
