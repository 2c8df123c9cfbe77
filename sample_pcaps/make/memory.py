"""``mem.pcap``: frames of real connections as a carver of a memory image would find them.

A memory image holds packets in ring buffers, socket buffers and freed pages: in no order, without
times, some several times, many not at all, a few cut off where a page ended. So an ordinary capture is
made first, and then spoilt; the ledger is spoilt in the same way, so that the truth stays known.
"""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from pathlib import Path

from . import content
from .headers import SYN, parse
from .lab import Lab
from .plan import Row
from .programs import chat, curl, redis_cli, s_client
from .writer import CaptureWriter

CLIENTS = ("10.20.0.1", "10.20.0.23", "10.20.0.77")

TALK = [
    "did you get the picture?",
    "yes. all of it this time",
    "the list is in redis, key drop:7",
    "fetching",
    "then forget this conversation",
    "what conversation",
]

COMMANDS = """SET drop:7 "gate 4, locker 118, after nine"
GET drop:7
LPUSH visitors 10.20.0.23 10.20.0.77
LRANGE visitors 0 -1
EXPIRE drop:7 60
TTL drop:7
DEL drop:7
"""


def memory(lab: Lab) -> None:
    """Four kinds of conversations, captured, then carved."""
    site = lab.site(700)
    (site / "attic.png").write_bytes(content.picture("WATER!", 5, seed=9))
    whole = lab.folder / "whole.pcap"
    with lab.network(clients=CLIENTS) as net:
        lab.serve(net, 80).nginx(site)
        lab.serve(net, 6379).redis()
        lab.serve(net, 443).tls(site)
        listener = lab.serve(net, 5000).netcat()
        with lab.capture(net, whole, others=True):
            curl(net, lab.server, ["/", "/logo.png"], "--interface", CLIENTS[0])
            chat(net, listener, lab.server, 5000, TALK)
            redis_cli(net, lab.server, COMMANDS)
            curl(net, lab.server, ["/attic.png"], "--interface", CLIENTS[1])
            curl(net, lab.server, ["/log.txt"], "--interface", CLIENTS[2])
            curl(
                net, lab.server, ["/form"], "-d", "user=visitor7&word=open+sesame", "--interface", CLIENTS[1]
            )
            s_client(net, lab.server, "/table.json", lab.folder / "keys")
    lab.rows = carve(whole, lab.target, lab.rows)


def carve(source: Path, target: Path, rows: list[Row], seed: int = 11) -> list[Row]:
    """Spoil a capture; the ledger of what is left comes back, in its old order."""
    choose = random.Random(seed)
    frames = _read(source)
    owner = {row.first_frame: i for i, row in enumerate(rows) if row.kept >= 0}
    nth = _count_data(rows)
    kept = [-1] * len(rows)
    found: list[tuple[bytes, int]] = []
    for number, frame in enumerate(frames, 1):
        row = owner.get(number)
        if row is not None and not _survives(rows[row], row, nth[row], choose):
            continue
        for _ in range(1 + (choose.random() < 0.18) + (choose.random() < 0.04)):
            cut = _cut(frame, choose)
            found.append((cut, len(frame)))
            if row is not None:
                segment = parse(frame)
                assert segment is not None
                kept[row] = max(kept[row], len(cut) - segment.header_length, 0)
    choose.shuffle(found)
    with CaptureWriter(target) as writer:
        for frame, wirelen in found:
            writer.write(frame, 0, wirelen)
    return [replace(row, kept=min(kept[i], row.length)) for i, row in enumerate(rows)]


def _survives(row: Row, number: int, nth: int, choose: random.Random) -> bool:
    """Is row `number` still in memory? `nth` counts the segments with data of its stream, from 0.

    What clients asked is all there, the page and its picture too. Of the second picture the second segment is
    gone, of the long download the handshake and more, of TLS a third, but never the ClientHello.
    """
    ports, hosts = {row.source_port, row.destination_port}, {row.source, row.destination}
    if 443 in ports:
        return (nth == 0 and row.destination_port == 443) or number % 3 != 0
    if CLIENTS[2] in hosts:
        return not row.flags & SYN and (nth == 0 or choose.random() < 0.88)
    if CLIENTS[1] in hosts and row.source_port == 80 and row.length:
        return nth != 1
    return bool(row.length or row.flags & SYN) or choose.random() < 0.7


def _count_data(rows: list[Row]) -> list[int]:
    """For each row the number of segments with data before it in its stream; -1 for one without data."""
    counts: dict[tuple[str, int, str, int], int] = {}
    found = []
    for row in rows:
        key = (row.source, row.source_port, row.destination, row.destination_port)
        found.append(counts.get(key, 0) if row.length else -1)
        counts[key] = counts.get(key, 0) + bool(row.length)
    return found


def _cut(frame: bytes, choose: random.Random) -> bytes:
    """Now and then a page ends within a large frame."""
    if len(frame) < 600 or choose.random() > 0.12:
        return frame
    return frame[: choose.randrange(120, len(frame) - 100)]


def _read(path: Path) -> list[bytes]:
    """Frames of a capture that `CaptureWriter` wrote."""
    data, at, frames = path.read_bytes(), 24, []
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at + 8)
        frames.append(data[at + 16 : at + 16 + size])
        at += 16 + size
    return frames
