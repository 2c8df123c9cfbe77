"""Random traffic: conversations whose bytes are consistent, or contradict each other on purpose."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

from tests.helpers.traffic import ACK, FIN, Capture, Conversation

CLIENTS = ["10.0.0.1:1024", "10.0.0.1:1025", "10.0.0.9:1024", "[2001:db8::1]:1024", "10.0.0.2:80"]
SERVERS = ["10.0.0.2:80", "10.0.0.2:80", "10.0.0.1:1024", "[2001:db8::2]:80", "10.0.0.1:1026"]

EDGES = [0, 1, 2**31 - 10, 2**31 - 1, 2**31, 2**32 - 40, 2**32 - 20, 2**32 - 2, 2**32 - 1]

isns = st.one_of(st.integers(0, 2**32 - 1), st.sampled_from(EDGES))
sides = st.sampled_from(["client", "server"])
seeds = st.integers(0, 2**32 - 1)


def content(salt: int, side: str, start: int, end: int) -> bytes:
    """Bytes of a stream: always the same for the same place, and nowhere periodic."""
    table = random.Random(f"{salt} {side}").randbytes(4096)
    return bytes(table[i % 4096] ^ (i >> 12) & 0xFF for i in range(start, end))


steps = st.tuples(
    sides,
    st.sampled_from(["data", "data", "data", "data", "one", "lost", "skip", "again", "cut", "ack", "alive"]),
    st.integers(1, 40),
    st.integers(0, 60),
)


@st.composite
def conversations(
    draw: st.DrawFn,
    client: str = CLIENTS[0],
    server: str = SERVERS[0],
    isn: int | None = None,
    server_isn: int | None = None,
    vlans: tuple[int, ...] = (),
    max_steps: int = 12,
    handshake: bool | None = None,
    lossy: bool = True,
    both: bool = False,
) -> Conversation:
    """A conversation in which no byte contradicts another.

    `handshake` None: sometimes captured. `lossy` False: every byte that was sent is captured. `both`: each
    side sends something first.
    """
    c = Conversation(
        client,
        server,
        draw(isns) if isn is None else isn,
        draw(isns) if server_isn is None else server_isn,
        vlans=vlans,
    )
    salt = draw(st.integers(0, 7))
    sent = {"client": 0, "server": 0}
    if draw(st.booleans()) if handshake is None else handshake:
        c.handshake()
    for side in ("client", "server") if both else ():
        _step(c, side, "data", 3, 0, salt, sent)
    for side, kind, size, back in draw(st.lists(steps, min_size=1, max_size=max_steps)):
        _step(
            c, side, kind if lossy or kind not in ("lost", "skip", "cut") else "data", size, back, salt, sent
        )
    ending = draw(st.sampled_from(["open", "open", "close", "fin", "reset"]))
    side = draw(sides)
    if ending == "close":
        c.close(side)
    elif ending == "fin":
        last = content(salt, side, sent[side], sent[side] + 5)
        c.send(side, last, FIN | ACK)
    elif ending == "reset":
        c.reset(side)
    if lossy and len(c.frames) > 1:
        gone = draw(st.sets(st.integers(0, len(c.frames) - 1), max_size=2))
        c.frames[:] = [f for i, f in enumerate(c.frames) if i not in gone]
    if not c.frames:
        c.ack("client")
    return c


def _step(
    c: Conversation, side: str, kind: str, size: int, back: int, salt: int, sent: dict[str, int]
) -> None:
    """One event of a conversation, in the order of time."""
    at = sent[side]
    if kind in ("data", "one", "lost", "cut"):
        end = at + (1 if kind == "one" else size)
        frame = c.send(side, content(salt, side, at, end))
        sent[side] = end
        if kind == "lost":
            c.lose()
        elif kind == "cut":
            frame.cut(min(back, size - 1))
    elif kind == "skip":
        c.skip(side, size)
        sent[side] += size
    elif kind == "again" and at:
        start = max(0, at - back)
        end = min(at, start + size)
        if end > start:
            c.send(side, content(salt, side, start, end), at=start)
    elif kind == "alive" and at:
        c.keep_alive(side, content(salt, side, at - 1, at))
    elif kind == "ack":
        c.ack(side)


@st.composite
def captures(draw: st.DrawFn, most: int = 3, **options: Any) -> Capture:
    """Some conversations between different endpoints, mixed."""
    count = draw(st.integers(1, most))
    pairs = draw(st.permutations(list(zip(CLIENTS, SERVERS, strict=True))))[:count]
    told = [draw(conversations(client, server, **options)) for client, server in pairs]
    return Capture(*told).interleave(draw(st.integers(0, 99)))


@st.composite
def contradicting(draw: st.DrawFn, side: str = "client", shortest: int = 2) -> Conversation:
    """One direction in which segments overlap at random with random contents.

    Segments have two bytes at least: a single byte may be a keep-alive, which is no data.
    """
    c = Conversation(isn=draw(isns), server_isn=draw(isns))
    c.handshake()
    pieces = draw(
        st.lists(
            st.tuples(st.integers(0, 24), st.integers(shortest, 12), st.integers(0, 255)),
            min_size=1,
            max_size=12,
        )
    )
    for start, size, letter in pieces:
        payload = bytes((letter + i // 4) % 256 for i in range(size))
        c.send(side, payload, at=start)
    return c
