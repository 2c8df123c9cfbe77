"""A firewall that rewrites the server's sequence numbers, so that they wrap where we want them to.

Real kernels choose their own ISN; a wrap within a small capture would be a matter of luck. The capture
point is on the client's side of the firewall.
"""

from __future__ import annotations

import struct
from dataclasses import replace

from .headers import ACK, SYN, Segment, parse

SACK = 5
"""TCP option kind (RFC 2018): holds sequence numbers too."""


class SequenceShift:
    """Adds a constant to all sequence numbers of a server's stream; another constant for each connection."""

    def __init__(self, wrap_at: int) -> None:
        self._wrap_at = wrap_at
        self._added: dict[tuple[str, int, str, int], int] = {}

    def before_capture(self, segment: Segment, frame: bytes, up: bool) -> tuple[Segment, bytes]:
        """From the server: the shifted segment. From the client: as it is."""
        if not self._wrap_at or up:
            return segment, frame
        if segment.flags & SYN:
            self._added[segment.key] = (-self._wrap_at - 1 - segment.seq) % (1 << 32)
        added = self._added.get(segment.key, 0)
        frame = segment.frame(seq=segment.seq + added)
        return replace(segment, seq=(segment.seq + added) % (1 << 32)), frame

    def behind_capture(self, frame: bytes, up: bool) -> bytes:
        """From the client: acknowledgements as the server's kernel expects them."""
        segment = parse(frame)
        if segment is None or not up or not segment.flags & ACK:
            return frame
        source, port, destination, destination_port = segment.key
        added = self._added.get((destination, destination_port, source, port), 0)
        return segment.frame(ack=segment.ack - added, options=_shifted_sack(segment.options, -added))


def _shifted_sack(options: bytes, by: int) -> bytes:
    """Options with every edge of a SACK block moved."""
    out, at = bytearray(options), 0
    while at < len(out) and out[at]:
        if out[at] == 1:
            at += 1
            continue
        size = max(2, out[at + 1])
        if out[at] == SACK:
            for edge in range(at + 2, at + size, 4):
                (value,) = struct.unpack_from(">I", out, edge)
                struct.pack_into(">I", out, edge, (value + by) % (1 << 32))
        at += size
    return bytes(out)
