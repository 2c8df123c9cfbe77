"""Made-up TCP traffic as columns: who sends what, when, and what the wire does to it.

The captures that the benchmarks time have to be large, alike on every machine and quick to make. So
nothing here is a packet object: a `Traffic` holds one row of numbers for each segment, and
`benchmarks/frame_writer.py` turns rows into bytes. Nothing is read but the seed.

What the wire does (shares are of all segments, `Wire` has them):

- lost: half of the lost data segments are gone for good while their acknowledgements go on (a gap
  ``not_captured``); the other half are sent again 8 to 24 packets later, behind duplicate ACKs;
- duplicated: the same frame again, 20 us later;
- swapped: a data segment comes behind the next two packets of its connection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

MSS = 1448
"""Payload bytes of a full segment: 1,500 less IPv4, TCP and the timestamp option."""

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
EPOCH = 1_700_000_000 * 10**9
"""Time of the first packet, ns."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What kind of connections."""

    exchanges: tuple[int, int]
    """requests of a connection: least, most"""
    response: tuple[float, float]
    """bytes of a response: median, and sigma of the logarithm"""
    responses: int
    """different responses to choose from"""
    upload_share: float
    """share of requests that are uploads, as large as a response"""
    per_s: float
    """connections that start in a second"""


@dataclass(frozen=True, slots=True)
class Wire:
    """What happens between the sender and the capture."""

    lost: float = 0.005
    duplicated: float = 0.005
    swapped: float = 0.0075


LARGE = Profile(exchanges=(1, 3), response=(530_000, 0.65), responses=57, upload_share=0.08, per_s=20)
SMALL = Profile(exchanges=(1, 5), response=(760, 0.75), responses=4_000, upload_share=0.01, per_s=1_333)
MIXED = Profile(exchanges=(1, 8), response=(1_500, 1.1), responses=3_000, upload_share=0.03, per_s=500)


@dataclass(slots=True)
class Documents:
    """Whole HTTP messages, end to end in one piece of memory. Streams are made of them."""

    data: Array
    """uint8"""
    start: Array
    """int64, of each message in `data`"""
    length: Array
    """int64"""
    kind: Array
    """0 request without body, 1 upload, 2 response"""

    def of_kind(self, kind: int) -> Array:
        """Numbers of the messages of a kind."""
        return np.flatnonzero(self.kind == kind)


_WORDS = (
    b"the of and to in is was for on that by with from as at be this are or an it which flow segment "
    b"window packet stream offset sequence capture evidence record analyst table header payload option "
    b"acknowledged retransmitted reassembled connection address protocol measured interval checksum"
).split()

_TYPES = (b"text/html; charset=utf-8", b"application/json", b"text/css", b"image/jpeg", b"application/zip")


def make_documents(rng: np.random.Generator, profile: Profile) -> Documents:
    """Messages to choose from: 600 requests, some uploads, the profile's responses."""
    median, sigma = profile.response
    count = profile.responses
    picks = rng.integers(0, len(_WORDS), 200_000)
    text = b"".join(_WORDS[i] + (b"\n" if n % 13 == 12 else b" ") for n, i in enumerate(picks.tolist()))
    noise = rng.bytes(4 << 20)
    messages: list[tuple[int, bytes]] = []
    for i in range(600):
        path = b"/".join(_WORDS[j] for j in rng.integers(0, len(_WORDS), 3).tolist())
        messages.append((0, _request(b"GET", path, i, int(rng.integers(0, 300)), 0)))
    sizes = np.clip(rng.lognormal(np.log(median), sigma, count + count // 8 + 1), 64, 4 << 20).astype(int)
    for i, size in enumerate(sizes.tolist()):
        kind = _TYPES[i % len(_TYPES)]
        source = noise if kind.startswith((b"image", b"application/zip")) else text
        at = int(rng.integers(0, max(1, len(source) - size)))
        body = (source[at:] + source * (size // len(source) + 1))[:size]
        if i < count:
            head = b"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
            messages.append((2, head % (kind, size) + body))
        else:
            messages.append((1, _request(b"POST", b"upload/%d" % i, i, 0, size) + body))
    length = np.array([len(m) for _, m in messages], np.int64)
    data = np.frombuffer(b"".join(m for _, m in messages) + bytes(2), np.uint8)
    kinds = np.array([k for k, _ in messages], np.int8)
    return Documents(data, np.cumsum(length) - length, length, kinds)


def _request(method: bytes, path: bytes, number: int, cookie: int, body: int) -> bytes:
    lines = [
        method + b" /" + path + b"?id=%d HTTP/1.1" % number,
        b"Host: www%d.example.test" % (number % 50),
        b"User-Agent: bench/1.0",
        b"Accept: */*",
    ]
    if cookie:
        lines.append(b"Cookie: session=" + (b"%08x" % (number * 2654435761 & 0xFFFFFFFF) * 40)[:cookie])
    if body:
        lines.append(b"Content-Length: %d" % body)
    return b"\r\n".join(lines) + b"\r\n\r\n"


@dataclass(slots=True)
class Traffic:
    """Segments, one row each; sorted by time once `arrange` has run."""

    documents: Documents
    client: Array
    """uint32, IPv4 address of each connection's client"""
    server: Array
    client_port: Array
    server_port: Array
    isn: Array
    """uint32, shape (connections, 2): of the server's and of the client's stream"""
    conn: Array
    """int32, connection of each segment"""
    up: Array
    """bool, from the client"""
    source: Array
    """int64, where the payload lies in ``documents.data``"""
    length: Array
    """int32, payload bytes"""
    seq: Array
    """int64, offset in the own stream; -1 for the SYN"""
    ack: Array
    """int64, offset in the peer's stream; -1 where there is no ACK"""
    flags: Array
    """uint8"""
    time: Array
    """int64, ns"""
    ip_id: Array
    """uint16"""

    def __len__(self) -> int:
        return len(self.conn)

    def take(self, rows: Array) -> Traffic:
        """The same connections, only these segments."""
        names = ("conn", "up", "source", "length", "seq", "ack", "flags", "time", "ip_id")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


def make_traffic(
    profile: Profile, connections: int, *, seed: int, wire: Wire = Wire(), packets: int | None = None
) -> Traffic:
    """Segments of so many connections, in order of time; with `packets` exactly so many of them.

    Raises
    ------
    ValueError
        If the connections have fewer than `packets` segments.
    """
    rng = np.random.default_rng(seed)
    documents = make_documents(rng, profile)
    traffic = _converse(rng, profile, documents, connections)
    _set_times(rng, profile, traffic)
    traffic = arrange(rng, traffic, wire)
    if packets is None:
        return traffic
    if len(traffic) < packets:
        raise ValueError(f"{connections} connections make {len(traffic)} packets, fewer than {packets}")
    return traffic.take(np.arange(packets))


def _converse(rng: np.random.Generator, profile: Profile, documents: Documents, connections: int) -> Traffic:
    """Handshake, messages with an ACK for every second segment, close: in order, nothing lost."""
    exchanges = rng.integers(profile.exchanges[0], profile.exchanges[1] + 1, connections)
    owner = np.repeat(np.arange(connections), 2 * exchanges)
    up = np.arange(len(owner)) % 2 == 0
    message = np.where(
        up, rng.choice(documents.of_kind(0), len(owner)), rng.choice(documents.of_kind(2), len(owner))
    )
    uploads = up & (rng.random(len(owner)) < profile.upload_share)
    message[uploads] = rng.choice(documents.of_kind(1), int(uploads.sum()))
    size = documents.length[message]
    segments = -(-size // MSS)
    rows = segments + (segments + 1) // 2

    reset = rng.random(connections) < 0.02
    tail = np.where(reset, 1, 3)
    before = _exclusive(rows)
    first_burst = _exclusive(2 * exchanges)
    per_conn = np.add.reduceat(rows, first_burst) + 3 + tail
    conn_at = _exclusive(per_conn)
    burst_at = conn_at[owner] + 3 + before - before[first_burst][owner]

    total = int(per_conn.sum())
    sent = [_exclusive(np.where(up == side, size, 0)) for side in (False, True)]
    sent = [s - s[first_burst][owner] for s in sent]
    traffic = _empty(rng, documents, connections, total, np.repeat(np.arange(connections), per_conn))

    burst = np.repeat(np.arange(len(owner)), rows)
    j = np.arange(len(burst)) - before[burst]
    row = burst_at[burst] + j
    is_ack = (j % 3 == 2) | (j == rows[burst] - 1)
    segment = 2 * (j // 3) + j % 3
    own = np.where(up, sent[1], sent[0])[burst]
    peer = np.where(up, sent[0], sent[1])[burst]
    done = np.minimum((2 * (j // 3) + 2) * MSS, size[burst])
    length = np.minimum(MSS, size[burst] - segment * MSS)
    traffic.up[row] = up[burst] ^ is_ack
    traffic.seq[row] = np.where(is_ack, peer, own + segment * MSS)
    traffic.ack[row] = np.where(is_ack, own + done, peer)
    traffic.length[row] = np.where(is_ack, 0, length)
    traffic.source[row] = np.where(is_ack, 0, documents.start[message][burst] + segment * MSS)
    traffic.flags[row] = np.where(~is_ack & (segment == segments[burst] - 1), ACK | PSH, ACK)
    traffic.time[row] = j == 0  # a turn: `_set_times` puts a wait in front of it

    ends = [np.add.reduceat(np.where(up == side, size, 0), first_burst) for side in (False, True)]
    _open_and_close(traffic, conn_at, conn_at + per_conn - tail, reset, ends)
    return traffic


def _empty(
    rng: np.random.Generator, documents: Documents, connections: int, total: int, conn: Array
) -> Traffic:
    number = np.arange(connections)
    return Traffic(
        documents=documents,
        client=(0x0A010000 + number % 4093).astype(np.uint32),
        server=(0x0A800001 + rng.integers(0, 61, connections)).astype(np.uint32),
        client_port=(32_768 + number % 4093 * 37 % 20_000 + number // 4093).astype(np.uint16),
        server_port=rng.choice(np.array([80, 80, 80, 8080, 8000], np.uint16), connections),
        isn=rng.integers(0, 1 << 32, (connections, 2), np.uint32),
        conn=conn.astype(np.int32),
        up=np.zeros(total, bool),
        source=np.zeros(total, np.int64),
        length=np.zeros(total, np.int32),
        seq=np.zeros(total, np.int64),
        ack=np.zeros(total, np.int64),
        flags=np.zeros(total, np.uint8),
        time=np.zeros(total, np.int64),
        ip_id=np.zeros(total, np.uint16),
    )


def _open_and_close(traffic: Traffic, first: Array, last: Array, reset: Array, ends: list[Array]) -> None:
    """SYN, SYN-ACK, ACK at `first`; FIN, FIN, ACK (or one RST of the client) at `last`."""
    down_end, up_end = ends
    for at, up, seq, ack, flags in (
        (first, True, -1, -1, SYN),
        (first + 1, False, -1, 0, SYN | ACK),
        (first + 2, True, 0, 0, ACK),
    ):
        traffic.up[at], traffic.seq[at], traffic.ack[at], traffic.flags[at] = up, seq, ack, flags
    traffic.up[last], traffic.seq[last], traffic.ack[last] = True, up_end, down_end
    traffic.flags[last] = np.where(reset, RST | ACK, FIN | ACK)
    at, down_end, up_end = last[~reset], down_end[~reset], up_end[~reset]
    traffic.up[at + 1], traffic.seq[at + 1], traffic.ack[at + 1] = False, down_end, up_end + 1
    traffic.up[at + 2], traffic.seq[at + 2], traffic.ack[at + 2] = True, up_end + 1, down_end + 1
    traffic.flags[at + 1], traffic.flags[at + 2] = FIN | ACK, ACK


def _set_times(rng: np.random.Generator, profile: Profile, traffic: Traffic) -> None:
    """Windows of 30 packets 12 us apart, a round trip between windows and between turns."""
    conn = traffic.conn
    connections = len(traffic.client)
    begin = np.flatnonzero(np.r_[True, conn[1:] != conn[:-1]])
    position = np.arange(len(conn)) - begin[conn]
    rtt = rng.lognormal(np.log(12e6), 0.8, connections)
    turn = traffic.time == 1
    wait = np.where((position % 30 == 0) | turn | (position < 3), rtt[conn] / 2, 12_000.0)
    step = (wait * rng.uniform(0.6, 1.4, len(conn))).astype(np.int64)
    elapsed = np.cumsum(step)
    start = (np.sort(rng.random(connections)) * connections / profile.per_s * 1e9).astype(np.int64)
    traffic.time[:] = EPOCH + start[conn] + elapsed - elapsed[begin][conn]
    traffic.ip_id[:] = (conn * 7919 + position) & 0xFFFF


def arrange(rng: np.random.Generator, traffic: Traffic, wire: Wire) -> Traffic:
    """What the capture shows: some segments lost, sent again, doubled, late. In order of time."""
    total = len(traffic)
    end = np.r_[np.flatnonzero(traffic.conn[1:] != traffic.conn[:-1]), total - 1][traffic.conn]
    data = traffic.length > 0
    row = np.arange(total)
    fate = rng.random(total)
    lost = fate < wire.lost
    again = np.flatnonzero(lost & data & (rng.random(total) < 0.5))
    lag = np.minimum(again + rng.integers(8, 25, len(again)), end[again])
    late = np.flatnonzero(data & ~lost & (fate > 1 - wire.swapped))

    _hold_acks(traffic, again, lag)
    when = traffic.time.copy()
    when[again] = traffic.time[lag] + 2_000
    when[late] = traffic.time[np.minimum(late + 2, end[late])] + 1_000
    traffic.ip_id[again] += 20_000
    lost[again] = False
    traffic.time[:] = when

    kept = row[~lost]
    copies = kept[rng.random(len(kept)) < wire.duplicated]
    rows = np.r_[kept, copies]
    when = np.r_[when[kept], when[copies] + 20_000]
    order = np.argsort(when, kind="stable")
    shown = traffic.take(rows[order])
    shown.time[:] = when[order]
    return shown


def _hold_acks(traffic: Traffic, again: Array, lag: Array) -> None:
    """A receiver cannot acknowledge past a segment that it is still waiting for: duplicate ACKs."""
    for step in range(1, 25):
        at = again + step
        inside = at <= lag
        at, missing = at[inside], again[inside]
        other = traffic.up[at] != traffic.up[missing]
        np.minimum.at(traffic.ack, at[other], traffic.seq[missing[other]])


def _exclusive(counts: Array) -> Array:
    return np.cumsum(counts) - counts
