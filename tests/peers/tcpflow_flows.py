"""What the model of tcpflow keeps and gives: its files, what it prints, the faults that took part."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

from .tcpflow_frames import Segment

Key = tuple[bytes, bytes, int, int]
Slot = tuple[Key, int | None]
"""A key and, where that is mended, the VLAN tag."""


@dataclass(frozen=True)
class Event:
    """A fault that took part."""

    kind: str
    frame: int
    what: str = ""


@dataclass
class File:
    """A flow of tcpflow: one direction, one file if it has data."""

    key: Key
    isn: int
    first: Segment
    number: int
    session: int
    slot: Slot = ((b"", b"", 0, 0), None)
    name: str = ""
    count: int = 0
    named_at: int = 0
    """position among the files in the order in which they were made"""
    data: bytearray = field(default_factory=bytearray)
    known: bytearray = field(default_factory=bytearray)
    """1 where a segment was written"""
    unknown: list[tuple[int, int]] = field(default_factory=list)
    """bytes from the memory of the process: nobody can tell which"""
    index: list[tuple[int, Segment, int]] = field(default_factory=list)
    """.findx: offset, segment, length"""
    nsn: int = 0
    pos: int = 0
    last_byte: int = 0
    syns: int = 0
    from_client: bool = False
    fins: int = 0
    fin_size: int = 0
    seen: list[tuple[int, int]] | None = field(default_factory=list)
    packets: int = 0
    wire: int = 0
    caplen: int = 0
    backwards: int = 0
    violations: int = 0
    last: tuple[int, int] = (0, 0)

    def seen_bytes(self) -> int:
        return sum(b - a for a, b in self.seen or ())


@dataclass
class Record:
    """What -c prints for one packet."""

    frame: int
    name: str
    payload: bytes
    true_length: int
    from_client: bool
    """for -g: a SYN without ACK was seen in this direction"""


def address(packed: bytes) -> str:
    """An address as tcpflow's names have it."""
    if len(packed) == 4:
        return ".".join(f"{octet:03d}" for octet in packed)
    # inet_ntop's form, which is Python's but for IPv4-mapped addresses
    mapped = ip_address(packed).ipv4_mapped if len(packed) == 16 else None  # type: ignore[union-attr]
    return f"::ffff:{mapped}" if mapped else str(ip_address(packed))


def default_name(flow: File) -> str:
    """Without a count."""
    source, destination, sport, dport = flow.key
    vlan = "" if flow.first.vlan is None else f"--{flow.first.vlan}"
    return f"{address(source)}.{sport:05d}-{address(destination)}.{dport:05d}{vlan}"
