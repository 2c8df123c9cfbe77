"""Traffic written as a script: conversations become frames, frames become capture files.

    c = Conversation(client="10.0.0.1:1024", server="10.0.0.2:80", isn=1000, server_isn=5000)
    c.handshake()
    c.client(b"GET /")
    c.server(b"200 OK")
    c.lose()                       # the last frame travelled, but the capture does not have it
    c.client(b"XX", at=2)          # stream offset 2: a retransmission, here with other bytes
    c.close()
    Capture(c).shuffle(7).write(path)

or, the same in arrows (`>` is the client; see `play`):

    c = play('''
        > SYN
        < SYN ACK
        > ACK
        > 'GET /'
        x< '200 OK'
        > 2:'XX'
        > FIN
    ''')

Frames are plain objects: change their fields, drop them, swap them, before they are written.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .captures import Capture, read_pcap
from .frames import Frame, IpFrame, RawFrame, frames_to_bytes
from .headers import ACK, FIN, PSH, RST, SYN, URG, Endpoint, endpoint

__all__ = [
    "ACK",
    "FIN",
    "PSH",
    "RST",
    "SYN",
    "URG",
    "Capture",
    "Conversation",
    "Frame",
    "IpFrame",
    "RawFrame",
    "frames_to_bytes",
    "play",
    "read_pcap",
]

FLAG_NAMES = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ECE": 64, "CWR": 128, "AE": 256}


@dataclass
class _Side:
    """What one end knows: its ISN, how far it has sent."""

    address: Endpoint
    isn: int
    sent: int = 0
    """stream offset after the highest byte sent; a FIN is not counted"""
    fin: bool = False
    syn: bool = False

    @property
    def next(self) -> int:
        """Sequence number that follows what was sent, not wrapped."""
        return self.isn + 1 + self.sent + self.fin


class Conversation:
    """A TCP connection, told step by step. `frames` holds what a capture saw of it.

    Acknowledgment numbers follow what the other side sent so far, lost frames included.
    """

    def __init__(
        self,
        client: str | Endpoint = "10.0.0.1:1024",
        server: str | Endpoint = "10.0.0.2:80",
        isn: int = 1000,
        server_isn: int = 5000,
        *,
        vlans: tuple[int, ...] = (),
    ) -> None:
        self._sides = {
            "client": _Side(endpoint(client), isn),
            "server": _Side(endpoint(server), server_isn),
        }
        self.vlans = vlans
        self.frames: list[Frame] = []

    def __repr__(self) -> str:
        return "".join(
            ["Conversation(", *(f"\n  {number:3} {f!r}" for number, f in enumerate(self.frames, 1)), ")"]
        )

    def __iter__(self) -> Iterator[Frame]:
        return iter(self.frames)

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def endpoints(self) -> tuple[Endpoint, Endpoint]:
        """Client, server."""
        return self._sides["client"].address, self._sides["server"].address

    def send(
        self,
        side: str,
        payload: bytes | str = b"",
        flags: int | None = None,
        *,
        at: int | None = None,
        **fields: object,
    ) -> Frame:
        """Append one frame of that side ("client" or "server").

        `at` is the stream offset of the payload; without it the payload follows what was sent. `seq`, `ack`,
        `window`, `time`, `vlans` and every other field of `Frame` can be given.
        """
        me, other = self._sides[side], self._sides["server" if side == "client" else "client"]
        data = payload.encode("latin-1") if isinstance(payload, str) else payload
        if flags is None:
            flags = (ACK | PSH) if data else ACK
        offset = me.sent if at is None else at
        seq = me.isn if flags & SYN else me.isn + 1 + offset
        if at is None and me.fin and not data:
            seq += 1
        frame = Frame(
            time=None,
            vlans=self.vlans,
            source=me.address,
            destination=other.address,
            seq=seq,
            ack=other.next if flags & ACK else 0,
            flags=flags,
            payload=data,
            offset=offset,
            ack_offset=other.sent + other.fin if flags & ACK else None,
            owner=self,
        )
        for name, value in fields.items():
            if not hasattr(frame, name):
                raise TypeError(f"a frame has no {name}")
            setattr(frame, name, value)
        if not flags & RST and "seq" not in fields:
            me.sent = max(me.sent, offset + len(data))
            me.fin = me.fin or bool(flags & FIN)
            me.syn = me.syn or bool(flags & SYN)
        self.frames.append(frame)
        return frame

    def client(self, payload: bytes | str = b"", **fields: object) -> Frame:
        """The client sends; without payload a pure ACK."""
        return self.send("client", payload, **fields)  # type: ignore[arg-type]

    def server(self, payload: bytes | str = b"", **fields: object) -> Frame:
        """The server sends; without payload a pure ACK."""
        return self.send("server", payload, **fields)  # type: ignore[arg-type]

    def segments(self, side: str, payload: bytes, mss: int = 1460) -> list[Frame]:
        """The payload in segments of at most `mss` bytes."""
        return [self.send(side, payload[i : i + mss]) for i in range(0, len(payload), mss)]

    def handshake(self) -> list[Frame]:
        """SYN, SYN ACK, ACK."""
        return [
            self.send("client", flags=SYN),
            self.send("server", flags=SYN | ACK),
            self.send("client", flags=ACK),
        ]

    def ack(self, side: str = "client", upto: int | None = None) -> Frame:
        """A pure ACK; `upto` is the stream offset of the other side that is acknowledged."""
        frame = self.send(side, flags=ACK)
        if upto is not None:
            other = self._sides["server" if side == "client" else "client"]
            frame.ack = other.isn + 1 + upto
            frame.ack_offset = upto
        return frame

    def lose(self, count: int = 1) -> list[Frame]:
        """The last frames travelled, but the capture does not have them."""
        lost = self.frames[-count:]
        del self.frames[-count:]
        return lost

    def skip(self, side: str, length: int) -> None:
        """So many bytes were sent and not captured."""
        self._sides[side].sent += length

    def keep_alive(self, side: str = "client", payload: bytes = b"\0") -> Frame:
        """One garbage byte before the next sequence number (RFC 1122, 4.2.3.6)."""
        me = self._sides[side]
        return self.send(side, payload, ACK, at=me.sent - 1, probe=True)

    def close(self, first: str = "client") -> list[Frame]:
        """FIN, FIN ACK, ACK."""
        second = "server" if first == "client" else "client"
        return [
            self.send(first, flags=FIN | ACK),
            self.send(second, flags=FIN | ACK),
            self.send(first, flags=ACK),
        ]

    def reset(self, side: str = "client", payload: bytes = b"", *, seq: int | None = None) -> Frame:
        """A RST, in sequence unless `seq` says otherwise."""
        me = self._sides[side]
        return self.send(side, payload, RST | ACK, seq=me.next if seq is None else seq)


STEP = re.compile(r"(?P<lost>x)?(?P<arrow>[<>])\s*(?:(?P<at>-?\d+):)?(?P<rest>.*)")


def play(script: str, conversation: Conversation | None = None) -> Conversation:
    r"""A conversation from arrows, one frame a line.

    ``> SYN``, ``< SYN ACK``, ``> FIN``: flags (FIN and RST come with ACK). ``> 'hello'``: data, any Python
    string or bytes literal, also ``'A'*100``. ``> 10:'hello'``: at stream offset 10. ``x> 'hello'``: sent but
    not captured. ``ack=``, ``seq=``, ``window=``, ``time=`` and every other integer field may follow.
    ``#`` starts a comment.
    """
    c = Conversation() if conversation is None else conversation
    for number, line in enumerate(script.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = STEP.match(line)
        if found is None:
            raise ValueError(f"line {number} of the script: {line!r}")
        payload, flags, fields = _step(found["rest"])
        at = None if found["at"] is None else int(found["at"])
        c.send("client" if found["arrow"] == ">" else "server", payload, flags, at=at, **fields)
        if found["lost"]:
            c.lose()
    return c


def _step(text: str) -> tuple[bytes, int | None, dict[str, object]]:
    """Payload, flags and further fields of one line."""
    payload, flags = b"", 0
    fields: dict[str, object] = {}
    literal = re.search(r"""b?(?P<q>['"])(?:\\.|(?!(?P=q)).)*(?P=q)(?:\s*\*\s*(?P<n>\d+))?""", text)
    if literal is not None:
        times = int(literal["n"] or 1)
        value = ast.literal_eval(literal[0].split("*")[0].strip() if literal["n"] else literal[0])
        payload = (value.encode("latin-1") if isinstance(value, str) else value) * times
        text = text[: literal.start()] + text[literal.end() :]
    for word in text.split("#")[0].split():
        if "=" in word:
            name, _, number = word.partition("=")
            fields[name] = int(number, 0)
        else:
            flags |= FLAG_NAMES[word.upper()]
    if flags & (FIN | RST) and not flags & SYN:
        flags |= ACK
    if payload and flags and not flags & SYN:
        flags |= ACK
    return payload, flags or None, fields
