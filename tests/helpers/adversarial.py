"""Captures made to hurt: each function writes one to a path, as large as `size` says, in about a second.

Each pulls at one thing whose cost could grow faster than the file, or follow a number that the file only
claims. `honest` is the measure: an ordinary capture with as many frames. What to expect of a reader: about
the cost of an honest capture of the same size, or a clear refusal. Checksums are left zero; nothing here
depends on them.

``python -m tests.helpers.adversarial FOLDER [NAME ...]`` writes them to a folder.
"""

from __future__ import annotations

import gzip
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Make = Callable[[Path, int], None]

FIN, SYN, PSH, ACK = 1, 2, 8, 16
SEED = 20_240_203
START = 1_700_000_000
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
ETHERNET = bytes.fromhex("0200000000020200000000010800")

RECORD = [("sec", "<u4"), ("usec", "<u4"), ("cap", "<u4"), ("wire", "<u4"), ("eth", "V14")]
IPV4 = [("ver", "u1"), ("tos", "u1"), ("total", ">u2"), ("id", ">u2"), ("frag", ">u2"), ("ttl", "u1")]
IPV4 += [("proto", "u1"), ("check", ">u2"), ("src", ">u4"), ("dst", ">u4")]
TCP = [("sport", ">u2"), ("dport", ">u2"), ("seq", ">u4"), ("ack", ">u4"), ("off", "u1"), ("flags", "u1")]
TCP += [("win", ">u2"), ("sum", ">u2"), ("urg", ">u2")]


def segments(count: int, payload: int = 0) -> Array:
    """`count` frames from 10.9.0.1:40000 to 10.9.0.2:80, to be changed by column; payload in ``data``."""
    fields: list[Any] = (
        [*RECORD, *IPV4, *TCP, ("data", "u1", (payload,))] if payload else [*RECORD, *IPV4, *TCP]
    )
    frames = np.zeros(count, np.dtype(fields))
    number = np.arange(count)
    frames["sec"], frames["usec"] = START + number // 100_000, number % 100_000 * 10
    frames["cap"] = frames["wire"] = 54 + payload
    frames["eth"] = np.void(ETHERNET)
    frames["ver"], frames["total"], frames["ttl"], frames["proto"] = 0x45, 40 + payload, 64, 6
    frames["id"] = number & 0xFFFF
    frames["src"], frames["dst"] = 0x0A090001, 0x0A090002
    frames["sport"], frames["dport"] = 40_000, 80
    frames["off"], frames["flags"], frames["win"] = 0x50, ACK, 512
    return frames


def write(path: Path, frames: Array) -> None:
    """A pcap file of such frames."""
    with path.open("wb") as file:
        file.write(HEADER)
        frames.tofile(file)


def honest(path: Path, size: int = 1_000_000) -> None:
    """`size` frames of connections of 100 segments each, in order: the measure for the others."""
    frames = segments(size, 4)
    number = np.arange(size)
    frames["src"] += (number // 100).astype(np.uint32)
    frames["seq"] = 1_000 + number % 100 * 4
    frames["data"] = (number[:, None] >> np.array([0, 8, 16, 24]) & 0xFF).astype(np.uint8)
    write(path, frames)


def syn_flood(path: Path, size: int = 1_000_000) -> None:
    """`size` SYNs, each from another address and port: a table of connections without end."""
    frames = segments(size)
    rng = np.random.default_rng(SEED)
    frames["src"], frames["sport"] = rng.integers(1 << 24, 1 << 32, size), rng.integers(1, 65_536, size)
    frames["seq"], frames["flags"], frames["ack"] = rng.integers(0, 1 << 32, size), SYN, 0
    write(path, frames)


def same_pair_syns(path: Path, size: int = 1_000_000) -> None:
    """`size` SYNs of one address pair, each with another ISN: port reuse without end."""
    frames = segments(size)
    frames["seq"] = np.random.default_rng(SEED).integers(0, 1 << 32, size)
    frames["flags"] = SYN
    write(path, frames)


def close_syns(path: Path, size: int = 1_000_000) -> None:
    """A SYN and a byte, `size` / 2 times, ISNs three apart: which connection does a byte belong to?"""
    frames = segments(size, 1)
    pair = np.arange(size) // 2
    first = np.arange(size) % 2 == 0
    frames["seq"] = (pair * 3 + ~first) & 0xFFFFFFFF
    frames["flags"] = np.where(first, SYN, ACK | PSH)
    frames["total"] = np.where(first, 40, 41)
    write(path, frames)


def one_byte_overlaps(path: Path, size: int = 1_000_000) -> None:
    """One stream of `size` one-byte segments at 1,000 places, with other contents each time."""
    frames = segments(size, 1)
    rng = np.random.default_rng(SEED)
    frames["seq"] = 5_000 + rng.integers(0, 1_000, size)
    frames["data"] = rng.integers(0, 256, (size, 1))
    write(path, frames)


def staircase(path: Path, size: int = 1_000_000) -> None:
    """One stream of `size` segments of 16 bytes, each one byte further than the last and contradicting it."""
    frames = segments(size, 16)
    frames["seq"] = 5_000 + np.arange(size)
    frames["data"] = np.random.default_rng(SEED).integers(0, 256, (size, 16))
    write(path, frames)


def covering_segments(path: Path, size: int = 1_000_000) -> None:
    """One stream: 1,400 bytes, and then `size` one-byte segments inside them, all different."""
    big, small = segments(1, 1_400), segments(size, 1)
    rng = np.random.default_rng(SEED)
    big["seq"], small["seq"] = 5_000, 5_000 + rng.integers(0, 1_400, size)
    small["data"] = rng.integers(1, 256, (size, 1))
    with path.open("wb") as file:
        file.write(HEADER)
        big.tofile(file)
        small.tofile(file)


def backwards(path: Path, size: int = 1_000_000) -> None:
    """One stream of `size` segments, last byte first: a list that is searched from its end grows slow."""
    frames = segments(size, 4)
    frames["seq"] = (5_000 + 4 * np.arange(size)[::-1]) & 0xFFFFFFFF
    write(path, frames)


def random_sequence(path: Path, size: int = 1_000_000) -> None:
    """One address pair, `size` segments at random sequence numbers: gaps of gigabytes, or a flow for each."""
    frames = segments(size, 4)
    rng = np.random.default_rng(SEED)
    frames["seq"], frames["data"] = rng.integers(0, 1 << 32, size), rng.integers(0, 256, (size, 4))
    write(path, frames)


def half_circle_jumps(path: Path, size: int = 1_000_000) -> None:
    """One address pair, each segment 2^31 from the last: neither before nor behind it."""
    frames = segments(size, 4)
    frames["seq"] = (np.arange(size) * ((1 << 31) + 4)) & 0xFFFFFFFF
    write(path, frames)


def holes(path: Path, size: int = 1_000_000) -> None:
    """One stream of `size` single bytes, 15 MiB apart: terabytes of gaps below the limit of one."""
    frames = segments(size, 1)
    frames["seq"] = (np.arange(size) * (15 << 20)) & 0xFFFFFFFF
    write(path, frames)


def unfinished_fragments(path: Path, size: int = 1_000_000) -> None:
    """First fragments of `size` datagrams that promise more and never get it."""
    frames = segments(size, 4)
    frames["frag"], frames["id"] = 0x2000, np.arange(size) & 0xFFFF
    frames["src"] += (np.arange(size) >> 16).astype(np.uint32)
    write(path, frames)


def far_fragments(path: Path, size: int = 1_000_000) -> None:
    """Pairs of fragments, the second at the far end of 64 KiB: no memory is needed for what lies between."""
    frames = segments(size, 4)
    number = np.arange(size)
    frames["frag"] = np.where(number % 2, 8_180, 0x2000)
    frames["id"] = number // 2 & 0xFFFF
    frames["src"] += (number >> 17).astype(np.uint32)
    write(path, frames)


def overlapping_fragments(path: Path, size: int = 1_000_000) -> None:
    """`size` fragments of one datagram, all over each other and never complete."""
    frames = segments(size, 4)
    rng = np.random.default_rng(SEED)
    frames["frag"], frames["id"] = 0x2000 | rng.integers(0, 8_000, size), 7
    frames["data"] = rng.integers(0, 256, (size, 4))
    write(path, frames)


def teardrops(path: Path, size: int = 1_000_000) -> None:
    """`size` / 2 datagrams of two fragments, the second inside the first."""
    _paired_fragments(path, size, 2, np.where(np.arange(size) % 2, 2, 0x2000))


def contradicting_copies(path: Path, size: int = 1_000_000) -> None:
    """Datagrams of three fragments, the first of them twice and never the same."""
    _paired_fragments(path, size, 3, np.where(np.arange(size) % 3 == 2, 3, 0x2000))


def _paired_fragments(path: Path, size: int, pieces: int, place: np.ndarray[Any, Any]) -> None:
    """Datagrams of some fragments each, with random payload; `place` is flags and offset of each."""
    frames = segments(size, 4)
    datagram = np.arange(size) // pieces
    frames["frag"], frames["id"] = place, datagram & 0xFFFF
    frames["src"] += (datagram >> 16).astype(np.uint32)
    frames["seq"] = 1_000 + (datagram & 0xFFFF) * 28
    frames["data"] = np.random.default_rng(SEED).integers(0, 256, (size, 4))
    write(path, frames)


def tunnel_in_tunnel(path: Path, size: int = 100_000) -> None:
    """`size` frames of IPv4 in IPv4 in IPv4, sixty deep, and nothing at the bottom."""
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 0, 0, 0, 64, 4, 0, 0x0A090001, 0x0A090002)
    depth = 60
    layers = b"".join(ip[:2] + struct.pack(">H", 20 * (depth - i)) + ip[4:] for i in range(depth))
    _repeat(path, ETHERNET + layers, size)


def tags_without_end(path: Path, size: int = 100_000) -> None:
    """`size` frames of nothing but 300 VLAN tags."""
    _repeat(path, ETHERNET[:12] + bytes.fromhex("8100002a") * 300, size)


def extension_headers(path: Path, size: int = 100_000) -> None:
    """`size` IPv6 packets with 150 extension headers and no end of them."""
    chain = bytes.fromhex("3c00010400000000") * 150
    ip = struct.pack(">IHBB", 0x60000000, len(chain), 60, 64) + bytes(15) + b"\1" + bytes(15) + b"\2"
    _repeat(path, ETHERNET[:12] + b"\x86\xdd" + ip + chain, size)


def empty_records(path: Path, size: int = 1_000_000) -> None:
    """`size` records of no bytes: all index, no packet."""
    path.write_bytes(HEADER + bytes(16) * size)


def huge_record(path: Path, size: int = 1_000) -> None:
    """`size` honest frames, a record that claims 4 GiB, and as many honest frames again."""
    frames = segments(size, 4)
    frames["seq"] = 1_000 + np.arange(size) * 4
    lie = struct.pack("<4I", START, 0, 0xFFFFFFFF, 0xFFFFFFFF) + ETHERNET
    path.write_bytes(HEADER + frames.tobytes() + lie + frames.tobytes())


def pcapng_block(kind: int, body: bytes, length: int | None = None) -> bytes:
    """A little-endian block; `length` is what it claims, if not the truth."""
    body = body.ljust((len(body) + 3) & ~3, b"\0")
    total = struct.pack("<I", 12 + len(body) if length is None else length)
    return struct.pack("<I", kind) + total + body + total


SECTION = pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
INTERFACE = pcapng_block(1, struct.pack("<HHI", 1, 0, 262_144))


def packet_block(frame: bytes, interface: int = 0) -> bytes:
    """An enhanced packet block."""
    micros = START * 1_000_000
    fields = (interface, micros >> 32, micros & 0xFFFFFFFF, len(frame), len(frame))
    return pcapng_block(6, struct.pack("<5I", *fields) + frame)


def zero_length_block(path: Path, size: int = 1_000) -> None:
    """`size` packets, a block of length 0 (who adds it up never moves on), and as many packets again."""
    packets = packet_block(ETHERNET + bytes(46)) * size
    path.write_bytes(SECTION + INTERFACE + packets + pcapng_block(6, bytes(20), 0) + packets)


def many_interfaces(path: Path, size: int = 1_000_000) -> None:
    """`size` interfaces, and a packet on the last one."""
    path.write_bytes(SECTION + INTERFACE * size + packet_block(ETHERNET + bytes(46), size - 1))


def many_sections(path: Path, size: int = 300_000) -> None:
    """`size` sections with an interface and a packet each."""
    path.write_bytes((SECTION + INTERFACE + packet_block(ETHERNET + bytes(46))) * size)


def gzip_bomb(path: Path, size: int = 1 << 30) -> None:
    """A megabyte of gzip that becomes `size` bytes: a pcap of empty records."""
    zeros = bytes(1 << 20)
    with gzip.GzipFile(path, "wb", 9, mtime=0) as file:
        file.write(HEADER)
        for _ in range(size >> 20):
            file.write(zeros)
        file.write(zeros[: size & 0xFFFFF])


def _repeat(path: Path, frame: bytes, size: int) -> None:
    record = struct.pack("<4I", START, 0, len(frame), len(frame)) + frame
    with path.open("wb") as file:
        file.write(HEADER)
        for done in range(0, size, 10_000):
            file.write(record * min(10_000, size - done))


CAPTURES: dict[str, Make] = {
    make.__name__: make
    for make in (
        honest,
        syn_flood,
        same_pair_syns,
        close_syns,
        one_byte_overlaps,
        staircase,
        covering_segments,
        backwards,
        random_sequence,
        half_circle_jumps,
        holes,
        unfinished_fragments,
        far_fragments,
        overlapping_fragments,
        teardrops,
        contradicting_copies,
        tunnel_in_tunnel,
        tags_without_end,
        extension_headers,
        empty_records,
        huge_record,
        zero_length_block,
        many_interfaces,
        many_sections,
        gzip_bomb,
    )
}
"""By name."""


SUFFIXES = {"gzip_bomb": ".pcap.gz"} | dict.fromkeys(
    ("zero_length_block", "many_interfaces", "many_sections"), ".pcapng"
)
"""Of the file names that `main` gives, where it is not ``.pcap``."""


def main() -> None:
    """Command line."""
    folder, names = Path(sys.argv[1]), sys.argv[2:] or list(CAPTURES)
    for name in names:
        path = folder / (name + SUFFIXES.get(name, ".pcap"))
        make: Any = CAPTURES[name]
        make(path)
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
