"""Captures whose flows are cheap and whose files, tables or bodies are not: few bytes that order much work.

As in `adversarial`, each function writes one to a path, `size` frames (of data) long. `MEASURES` has honest
captures of the same make, for those to which `adversarial.honest` is not a measure.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from .adversarial import ETHERNET, IPV4, RECORD, SEED, TCP, Array, Make, segments, write

FULL = 1_400
"""Payload of a full segment"""
BODY = 1 << 20
"""Bytes of each body of `many_bombs`, decompressed"""


def sparse_streams(path: Path, size: int = 100_000) -> None:
    """Streams of two bytes with 15 MiB between them: hashing the files means hashing zeros."""
    _pairs(path, size, 15 << 20)


def short_streams(path: Path, size: int = 100_000) -> None:
    """The same without a gap."""
    _pairs(path, size, 1)


def _pairs(path: Path, size: int, distance: int) -> None:
    frames = segments(size, 1)
    number = np.arange(size)
    frames["src"] += (number // 2).astype(np.uint32)
    frames["seq"] = 1_000 + number % 2 * distance
    write(path, frames)


def alternating_conflicts(path: Path, size: int = 5_000) -> None:
    """The same 1,400 bytes `size` times, every second one another each time: 700 conflicts a frame."""
    frames = segments(size, FULL)
    frames["seq"] = 1_000
    frames["data"][1:, ::2] = (np.arange(1, size) % 255 + 1).astype(np.uint8)[:, None]
    write(path, frames)


def nested_pieces(path: Path, size: int = 20_000) -> None:
    """Pieces that lie in one another 650 deep, the inner ones first, all of them different."""
    frames = segments(size, FULL)
    inset = 649 - np.arange(size) % 650
    frames["seq"] = 1_000 + np.arange(size) // 650 * (FULL - 50) + inset
    frames["total"] = 40 + FULL - 2 * inset
    frames["data"] = np.random.default_rng(SEED).integers(0, 256, (size, 1))
    write(path, frames)


def encapsulations(path: Path, size: int = 1_000_000) -> None:
    """Every frame in another pair of VLANs."""
    tags = [("eth", "V12"), ("outer", ">u2", (2,)), ("inner", ">u2", (2,)), ("type", ">u2")]
    frames = np.zeros(size, np.dtype([*RECORD[:4], *tags, *IPV4, *TCP, ("data", "u1", (4,))]))
    plain = segments(size, 4)
    for name in plain.dtype.names or ():
        if name != "eth":
            frames[name] = plain[name]
    number = np.arange(size)
    frames["eth"] = np.void(ETHERNET[:12])
    frames["outer"][:, 0] = frames["inner"][:, 0] = 0x8100
    frames["outer"][:, 1], frames["inner"][:, 1] = number >> 12 & 0xFFF, number & 0xFFF
    frames["type"] = 0x0800
    frames["cap"] += 8
    frames["wire"] += 8
    write(path, frames)


def many_bombs(path: Path, size: int = 2_000) -> None:
    """`size` frames, each an answer whose kilobyte of gzip becomes a megabyte."""
    packer = zlib.compressobj(9, wbits=31)
    _answers(path, size, packer.compress(bytes(BODY)) + packer.flush(), b"Content-Encoding: gzip\r\n")


def many_bodies(path: Path, size: int = 2_000) -> None:
    """The same with bodies that are what they are."""
    _answers(path, size, b"x" * 1_050, b"")


def _answers(path: Path, size: int, body: bytes, fields: bytes) -> None:
    """One connection: a request and its answer, `size` times."""
    head = b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (fields, len(body))
    asked, told = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", head + body
    frames = segments(2 * size, FULL)
    turn = np.arange(2 * size) // 2
    for side, payload in enumerate((asked, told)):
        mine: Array = frames[side::2]
        mine["seq"] = 1_000 + turn[side::2] * len(payload)
        mine["ack"] = 1_000 + (turn[side::2] + side) * len((told, asked)[side])
        mine["total"] = 40 + len(payload)
        mine["data"][:, : len(payload)] = np.frombuffer(payload, np.uint8)
    answers = frames[1::2]
    answers["src"], answers["dst"] = 0x0A090002, 0x0A090001
    answers["sport"], answers["dport"] = 80, 40_000
    write(path, frames)


COSTLY: dict[str, Make] = {
    make.__name__: make
    for make in (sparse_streams, alternating_conflicts, nested_pieces, encapsulations, many_bombs)
}
"""By name."""

MEASURES: dict[str, Make] = {"sparse_streams": short_streams, "many_bombs": many_bodies}
"""Honest captures with as many frames."""
