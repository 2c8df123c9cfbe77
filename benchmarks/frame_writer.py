"""Rows of segments to capture files: pcap or pcapng, plain or wrapped.

Every header of a chunk of frames is written at once through a strided structured view; payloads are
copied one by one. IP header checksums and TCP checksums are right everywhere: the payload's share of
a TCP checksum is the difference of two running sums over the memory that payloads are cut from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from made_traffic import ACK, SYN, Array, Traffic

CHUNK = 100_000
"""Frames made at a time: bounds memory, whatever the number of packets."""

ETH = np.dtype([("dst", "V6"), ("src", "V6"), ("type", ">u2")])
TAGGED = np.dtype([("dst", "V6"), ("src", "V6"), ("tpid", ">u2"), ("tci", ">u2"), ("type", ">u2")])
IP = np.dtype(
    [("ver", "u1"), ("tos", "u1"), ("total", ">u2"), ("id", ">u2"), ("frag", ">u2"), ("ttl", "u1")]
    + [("proto", "u1"), ("sum", ">u2"), ("src", ">u4"), ("dst", ">u4")]
)
TCP = np.dtype(
    [("sport", ">u2"), ("dport", ">u2"), ("seq", ">u4"), ("ack", ">u4"), ("off", "u1"), ("flags", "u1")]
    + [("win", ">u2"), ("sum", ">u2"), ("urg", ">u2")]
)
STAMPS = np.dtype([("nops", ">u2"), ("kind", ">u2"), ("val", ">u4"), ("ecr", ">u4")])
SYN_OPTIONS = np.dtype(
    [("mss", "V4"), ("sack", "V2"), ("kind", ">u2"), ("val", ">u4"), ("ecr", ">u4"), ("scale", "V4")]
)
GRE = np.dtype([("flags", ">u2"), ("proto", ">u2")])
UDP = np.dtype([("sport", ">u2"), ("dport", ">u2"), ("len", ">u2"), ("sum", ">u2")])
VXLAN = np.dtype([("flags", ">u4"), ("vni", ">u4")])

MACS = np.array([b"\x02\x00\x00\x00\x00\x02", b"\x02\x00\x00\x00\x00\x01"], "V6")
"""Of the server's and of the client's side (locally administered)."""

WRAPS = {"plain": 14, "vlan-gre": 18 + 20 + 4, "vxlan": 14 + 20 + 8 + 8 + 14, "fragments": 14}
"""Wrapping: bytes in front of the IPv4 header that carries TCP."""

LEAD = {"pcap": 16, "pcapng": 28}
"""Bytes in front of a frame."""


@dataclass(slots=True)
class _Sums:
    """Running sums of the 16-bit words of a buffer, from even and from odd places."""

    data: Array
    even: Array
    odd: Array

    @classmethod
    def of(cls, data: Array) -> _Sums:
        runs = []
        for shift in (0, 1):
            words = data[shift : shift + (len(data) - shift) // 2 * 2].view(">u2")
            runs.append(np.concatenate([[0], np.cumsum(words, dtype=np.uint32)]).astype(np.uint32))
        return cls(data, runs[0], runs[1])

    def of_slices(self, start: Array, length: Array) -> Array:
        """Sum of each slice's words (uint32; the running sums may wrap, their difference does not)."""
        half, odd = start >> 1, (start & 1).astype(bool)
        until = half + (length >> 1)
        total = np.where(odd, self.odd[until] - self.odd[half], self.even[until] - self.even[half])
        last = np.where(length & 1, self.data[np.maximum(start + length - 1, 0)].astype(np.uint32) << 8, 0)
        return total.astype(np.uint64) + last.astype(np.uint64)


def write_capture(path: Path, traffic: Traffic, *, wrap: str = "plain", form: str = "pcap") -> int:
    """Write a capture of `traffic`, one frame for each row (two where every datagram is fragmented).

    Parameters
    ----------
    wrap : {"plain", "vlan-gre", "vxlan", "fragments"}
    form : {"pcap", "pcapng"}
        Both little-endian with microseconds.

    Returns
    -------
    int
        Bytes written.
    """
    sums = _Sums.of(traffic.documents.data)
    with open(path, "wb", buffering=0) as file:
        file.write(_file_header(form))
        for first in range(0, len(traffic), CHUNK):
            rows = traffic.take(np.arange(first, min(first + CHUNK, len(traffic))))
            file.write(_chunk(rows, sums, wrap, form))
        return file.tell()


def _file_header(form: str) -> bytes:
    snaplen = 262_144
    if form == "pcap":
        words = np.array([0xA1B2C3D4, 4 << 16 | 2, 0, 0, snaplen, 1], "<u4")
    else:
        section = [0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0xFFFFFFFF, 0xFFFFFFFF, 28]
        words = np.array([*section, 1, 20, 1, snaplen, 20], "<u4")
    return words.tobytes()


def _chunk(rows: Traffic, sums: _Sums, wrap: str, form: str) -> bytearray:
    is_syn = (rows.flags & SYN) > 0
    tcp_length = np.where(is_syn, 40, 32) + rows.length
    size = WRAPS[wrap] + 20 + tcp_length
    if wrap == "fragments":
        frames, at = _layout(size, "raw")
        _fill(frames, at, rows, sums, is_syn, tcp_length, wrap)
        return _fragment(frames, at, rows, tcp_length, form)
    out, at = _layout(size, form)
    _record_headers(out, at, size, rows.time, form)
    _fill(out, at, rows, sums, is_syn, tcp_length, wrap)
    return out


def _layout(size: Array, form: str) -> tuple[bytearray, Array]:
    """An empty chunk, and where each frame begins in it."""
    lead = LEAD.get(form, 0)
    record = lead + size if form != "pcapng" else lead + (size + 3) // 4 * 4 + 4
    ends = np.cumsum(record)
    return bytearray(int(ends[-1]) + 64 if form == "raw" else int(ends[-1])), ends - record + lead


def _view(out: bytearray, dtype: np.dtype[Any]) -> Array:
    """Every place of `out` seen as that header."""
    return np.ndarray((len(out) - dtype.itemsize + 1,), dtype, buffer=out, strides=(1,))


def _put(out: bytearray, at: Array, dtype: np.dtype[Any], **fields: Any) -> None:
    header = np.zeros(len(at), dtype)
    for name, values in fields.items():
        header[name] = values
    _view(out, dtype)[at] = header


def _record_headers(out: bytearray, at: Array, size: Array, time: Array, form: str) -> None:
    micros = time // 1000
    if form == "pcap":
        record = np.dtype([("sec", "<u4"), ("usec", "<u4"), ("cap", "<u4"), ("wire", "<u4")])
        _put(out, at - 16, record, sec=micros // 1_000_000, usec=micros % 1_000_000, cap=size, wire=size)
        return
    block = np.dtype([(n, "<u4") for n in ("type", "total", "iface", "high", "low", "cap", "wire")])
    total = 32 + (size + 3) // 4 * 4
    _put(
        out,
        at - 28,
        block,
        type=6,
        total=total,
        high=micros >> 32,
        low=micros & 0xFFFFFFFF,
        cap=size,
        wire=size,
    )
    _put(out, at - 28 + total - 4, np.dtype([("total", "<u4")]), total=total)


def _fill(
    out: bytearray, at: Array, rows: Traffic, sums: _Sums, is_syn: Array, tcp_length: Array, wrap: str
) -> None:
    """Everything from the outermost Ethernet header to the last payload byte."""
    ip = at + WRAPS[wrap]
    conn, up = rows.conn, rows.up
    src = np.where(up, rows.client[conn], rows.server[conn])
    dst = np.where(up, rows.server[conn], rows.client[conn])
    _put_outer(out, at, rows, tcp_length, wrap)
    dont_fragment = 0 if wrap == "fragments" else 0x4000
    _put_ip(out, ip, 20 + tcp_length, rows.ip_id, np.where(up, 63, 57), 6, src, dst, dont_fragment)
    _put_tcp(out, ip + 20, rows, sums, is_syn, tcp_length, src, dst)
    pool, target = memoryview(rows.documents.data), memoryview(out)
    data = np.flatnonzero(rows.length)
    to = (ip + 20 + tcp_length - rows.length)[data].tolist()
    for place, source, n in zip(to, rows.source[data].tolist(), rows.length[data].tolist(), strict=True):
        target[place : place + n] = pool[source : source + n]


def _put_outer(out: bytearray, at: Array, rows: Traffic, tcp_length: Array, wrap: str) -> None:
    up = rows.up.astype(np.intp)
    macs = {"dst": MACS[1 - up], "src": MACS[up]}
    ends = np.array([0xC0A80002, 0xC0A80001], np.uint32)
    if wrap == "vlan-gre":
        _put(out, at, TAGGED, **macs, tpid=0x8100, tci=42, type=0x0800)
        _put_ip(out, at + 18, 44 + tcp_length, rows.ip_id, 62, 47, ends[up], ends[1 - up])
        _put(out, at + 38, GRE, proto=0x0800)
        return
    _put(out, at, ETH, **macs, type=0x0800)
    if wrap == "vxlan":
        _put_ip(out, at + 14, 70 + tcp_length, rows.ip_id, 62, 17, ends[up], ends[1 - up])
        port = 49_152 + (rows.conn * 31 & 0x3FFF)
        _put(out, at + 34, UDP, sport=port, dport=4789, len=50 + tcp_length)
        _put(out, at + 42, VXLAN, flags=0x08000000, vni=5001 << 8)
        _put(out, at + 50, ETH, **macs, type=0x0800)


def _put_ip(
    out: bytearray,
    at: Array,
    total: Array,
    number: Array,
    ttl: Any,
    proto: int,
    src: Array,
    dst: Array,
    frag: Any = 0x4000,
) -> None:
    words = 0x4500 + total + number + frag + (np.asarray(ttl) << 8 | proto) + _halves(src) + _halves(dst)
    _put(
        out,
        at,
        IP,
        ver=0x45,
        total=total,
        id=number,
        frag=frag,
        ttl=ttl,
        proto=proto,
        sum=_folded(words),
        src=src,
        dst=dst,
    )


def _put_tcp(
    out: bytearray,
    at: Array,
    rows: Traffic,
    sums: _Sums,
    is_syn: Array,
    tcp_length: Array,
    src: Array,
    dst: Array,
) -> None:
    conn, up = rows.conn, rows.up.astype(np.intp)
    own, peer = rows.isn[conn, up], rows.isn[conn, 1 - up]
    fields = {
        "sport": np.where(rows.up, rows.client_port[conn], rows.server_port[conn]),
        "dport": np.where(rows.up, rows.server_port[conn], rows.client_port[conn]),
        "seq": (own + 1 + rows.seq) & 0xFFFFFFFF,
        "ack": np.where(rows.flags & ACK, (peer + 1 + rows.ack) & 0xFFFFFFFF, 0),
        "off": np.where(is_syn, 0xA0, 0x80),
        "flags": rows.flags,
        "win": np.where(is_syn, 64_240, 501),
    }
    val = (rows.time // 1_000_000 + own) & 0xFFFFFFFF
    ecr = np.where(rows.flags & ACK, (rows.time // 1_000_000 - 9 + peer) & 0xFFFFFFFF, 0)
    options = np.where(is_syn, 0x0204 + 0x05B4 + 0x0402 + 0x080A + 0x0103 + 0x0307, 0x0101 + 0x080A)
    total = _halves(src) + _halves(dst) + 6 + tcp_length + options + _halves(val) + _halves(ecr)
    total += (
        fields["sport"].astype(np.int64) + fields["dport"] + _halves(fields["seq"]) + _halves(fields["ack"])
    )
    total += (fields["off"].astype(np.int64) << 8 | rows.flags) + fields["win"]
    total += sums.of_slices(rows.source, rows.length).astype(np.int64)
    _put(out, at, TCP, **fields, sum=_folded(total))
    syn, rest = np.flatnonzero(is_syn), np.flatnonzero(~is_syn)
    _put(
        out,
        at[syn] + 20,
        SYN_OPTIONS,
        mss=np.void(b"\x02\x04\x05\xb4"),
        sack=np.void(b"\x04\x02"),
        kind=0x080A,
        val=val[syn],
        ecr=ecr[syn],
        scale=np.void(b"\x01\x03\x03\x07"),
    )
    _put(out, at[rest] + 20, STAMPS, nops=0x0101, kind=0x080A, val=val[rest], ecr=ecr[rest])


def _fragment(frames: bytearray, at: Array, rows: Traffic, tcp_length: Array, form: str) -> bytearray:
    """Every datagram as two: the first half (a multiple of 8, with the TCP header's 20 bytes), the rest."""
    first = np.maximum(24, tcp_length // 2 & ~7)
    sizes = np.stack([first, tcp_length - first], 1).ravel() + 34
    out, to = _layout(sizes, form)
    _record_headers(out, to, sizes, np.repeat(rows.time, 2) + np.tile([0, 3_000], len(rows)), form)
    source, target = memoryview(frames), memoryview(out)
    for a, b, begin, n, total in _pairs(to[::2], to[1::2], at, first, tcp_length):
        target[a : a + 34 + n] = source[begin : begin + 34 + n]
        target[b : b + 34] = source[begin : begin + 34]
        target[b + 34 : b + 34 + total - n] = source[begin + 34 + n : begin + 34 + total]
    frag = np.stack([np.full(len(rows), 0x2000), first // 8], 1).ravel()
    up = np.repeat(rows.up, 2)
    conn = np.repeat(rows.conn, 2)
    src = np.where(up, rows.client[conn], rows.server[conn])
    dst = np.where(up, rows.server[conn], rows.client[conn])
    _put_ip(out, to + 14, sizes - 14, np.repeat(rows.ip_id, 2), np.where(up, 63, 57), 6, src, dst, frag)
    return out


def _pairs(*columns: Array) -> Iterator[tuple[int, ...]]:
    return zip(*(c.tolist() for c in columns), strict=True)


def _halves(words: Array) -> Array:
    """The two 16-bit halves of 32-bit words, added."""
    wide = words.astype(np.int64)
    return (wide >> 16) + (wide & 0xFFFF)


def _folded(total: Array) -> Array:
    """Internet checksum (RFC 1071) of a sum of 16-bit words."""
    for _ in range(3):
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF
