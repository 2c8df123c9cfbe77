"""What is right, computed slowly: a map from stream offset to byte, built from what the script meant.

Nothing of the package is used here, and no sequence arithmetic: the script knows each frame's unwrapped
stream offset and its conversation, so wrap, port reuse and shuffling cannot mislead this file.

The rules (DESIGN, "What is right"): offset 0 follows the SYN, or is the lowest byte sent where the capture
has no SYN of that side; bytes below offset 0 are trimmed; payload of a RST is no data; keep-alives and probes
never replace data; what was cut off or never seen is a gap; two values at one offset are a conflict; a policy
chooses between them by the extents of the whole segments (Novak and Sturges; see `POLICIES`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from .frames import Frame, RawFrame
from .headers import FIN, RST, SYN, Endpoint

Piece = tuple[int, int]
"""start, end of a whole segment, half open"""

Rule = Callable[[Piece, Piece], bool]
"""does the new piece win over an older one that it overlaps?"""


def _never(new: Piece, old: Piece) -> bool:
    return False


def _always(new: Piece, old: Piece) -> bool:
    return True


def _starts_earlier(new: Piece, old: Piece) -> bool:
    return new[0] < old[0]


def _linux(new: Piece, old: Piece) -> bool:
    return new[0] < old[0] or (new[0] == old[0] and new[1] > old[1])


def _old_linux(new: Piece, old: Piece) -> bool:
    return _linux(new, old) or new == old


def _ends_later(new: Piece, old: Piece) -> bool:
    return new[1] > old[1] or (new[1] == old[1] and new[0] <= old[0])


POLICIES: dict[str, Rule] = {
    "first": _never,
    "vista": _never,
    "last": _always,
    "bsd": _starts_earlier,
    "macos": _starts_earlier,
    "windows": _starts_earlier,
    "windows2k3": _starts_earlier,
    "hpux10": _starts_earlier,
    "irix": _starts_earlier,
    "linux": _linux,
    "old_linux": _old_linux,
    "solaris": _ends_later,
    "hpux11": _ends_later,
}


@dataclass(frozen=True)
class Version:
    """One byte as one frame carried it."""

    value: int
    frame: int
    """1-based"""
    piece: Piece
    probe: bool


@dataclass
class ExpectedStream:
    """One direction of one conversation, as the capture shows it."""

    source: Endpoint
    destination: Endpoint
    has_syn: bool = False
    has_fin: bool = False
    base: int = 0
    """script offset of stream offset 0"""
    bytes_at: dict[int, list[Version]] = field(default_factory=dict)
    """stream offset -> versions, in capture order"""
    known_end: int = 0
    """highest stream offset that any header or the other side speaks of"""
    acknowledged: int = 0
    """stream offset up to which the other side acknowledged"""
    truncated: list[Piece] = field(default_factory=list)
    """ranges that were sent in captured frames and cut off by the snaplen"""

    @property
    def length(self) -> int:
        """Offset after the last captured byte."""
        return max(self.bytes_at, default=-1) + 1

    @property
    def captured(self) -> int:
        """Bytes that are there."""
        return len(self.bytes_at)

    def winner(self, offset: int, policy: str = "first") -> Version | None:
        """The version that a policy delivers.

        A piece wins over all that came before it if it wins over each older piece that covers the byte.
        """
        versions = self.bytes_at.get(offset)
        if not versions:
            return None
        data = [v for v in versions if not v.probe] or versions[:1]
        rule, best = POLICIES[policy], data[0]
        for index, new in enumerate(data[1:], 1):
            if all(rule(new.piece, old.piece) for old in data[:index]):
                best = new
        return best

    def data(self, policy: str = "first") -> bytes:
        """All bytes, zeros where there are none."""
        found = (self.winner(i, policy) for i in range(self.length))
        return bytes(0 if v is None else v.value for v in found)

    def runs(self, policy: str = "first") -> list[tuple[int, bytes]]:
        """The bytes that are there, contiguous ones together."""
        out: list[tuple[int, bytearray]] = []
        for offset in sorted(self.bytes_at):
            version = self.winner(offset, policy)
            assert version is not None
            if out and out[-1][0] + len(out[-1][1]) == offset:
                out[-1][1].append(version.value)
            else:
                out.append((offset, bytearray([version.value])))
        return [(start, bytes(part)) for start, part in out]

    def gaps(self) -> list[Piece]:
        """Ranges below the last captured byte that are not there."""
        out, at = [], 0
        for start, part in self.runs():
            if start > at:
                out.append((at, start))
            at = start + len(part)
        return out

    def conflicts(self) -> list[Piece]:
        """Ranges seen with more than one value."""
        return ranges(o for o, vs in self.bytes_at.items() if len({v.value for v in vs}) > 1)

    def sources(self, offset: int) -> set[int]:
        """Frames that carried the delivered value of that byte (policy first)."""
        best = self.winner(offset)
        return {v.frame for v in self.bytes_at[offset] if best is not None and v.value == best.value}


@dataclass
class ExpectedFlow:
    """Both directions of one conversation."""

    client: ExpectedStream
    server: ExpectedStream

    @property
    def streams(self) -> tuple[ExpectedStream, ExpectedStream]:
        """Both."""
        return self.client, self.server

    @property
    def payload(self) -> int:
        """Bytes that are there, both directions."""
        return self.client.captured + self.server.captured

    @property
    def conflicting(self) -> bool:
        """Does any byte contradict another?"""
        return bool(self.client.conflicts() or self.server.conflicts())


def ranges(offsets: Iterable[int]) -> list[Piece]:
    """Offsets as half-open ranges."""
    out: list[Piece] = []
    for offset in sorted(offsets):
        if out and out[-1][1] == offset:
            out[-1] = (out[-1][0], offset + 1)
        else:
            out.append((offset, offset + 1))
    return out


def expect(frames: Iterable[RawFrame]) -> list[ExpectedFlow]:
    """The conversations of a capture, in order of first frame. Frames that no script owns are passed over.

    Client is who the script calls so: the side that sent the first frame of the conversation as told.
    """
    owned: dict[int, list[tuple[int, Frame]]] = {}
    for number, frame in enumerate(frames, 1):
        if isinstance(frame, Frame) and frame.owner is not None:
            owned.setdefault(id(frame.owner), []).append((number, frame))
    return [_flow(members) for members in owned.values()]


def _flow(members: list[tuple[int, Frame]]) -> ExpectedFlow:
    client, server = members[0][1].owner.endpoints  # type: ignore[attr-defined]
    pair = ExpectedStream(client, server), ExpectedStream(server, client)
    for stream in pair:
        mine = [(n, f) for n, f in members if f.source == stream.source]
        theirs = [f for _, f in members if f.source != stream.source]
        _fill(stream, mine, theirs)
    return ExpectedFlow(*pair)


def _fill(stream: ExpectedStream, mine: list[tuple[int, Frame]], theirs: list[Frame]) -> None:
    carrying = [(n, f, kept) for n, f in mine for kept in [_kept(f)] if not f.flags & RST]
    stream.has_syn = any(f.flags & SYN for _, f in mine)
    lowest = min((f.offset for _, f, _ in carrying if f.payload), default=0)
    stream.base = 0 if stream.has_syn else lowest
    for number, frame, kept in carrying:
        start = frame.offset - stream.base
        piece = (start, start + kept)
        for index in range(kept):
            if start + index >= 0:
                version = Version(frame.payload[index], number, piece, frame.probe)
                stream.bytes_at.setdefault(start + index, []).append(version)
        end = start + len(frame.payload)
        if kept < len(frame.payload):
            stream.truncated.append((start + kept, end))
        if frame.payload or frame.flags & FIN:
            stream.known_end = max(stream.known_end, end)
    # What a RST acknowledges is left out: any forger can write it, and no stack needs it.
    honest = [f for f in theirs if f.ack_offset is not None and not f.flags & RST]
    # The FIN takes a number, but is no byte. Where it was not captured nobody can tell it from one.
    stream.has_fin = any(f.flags & FIN for _, f, _ in carrying)
    fins = [f.offset + len(f.payload) for _, f, _ in carrying if f.flags & FIN]
    acks = [min([f.ack_offset or 0, *fins]) - stream.base for f in honest]
    stream.acknowledged = max([0, *acks])
    stream.known_end = max(stream.known_end, stream.acknowledged if stream.bytes_at or stream.has_syn else 0)


def _kept(frame: Frame) -> int:
    """Payload bytes that were captured (Ethernet)."""
    if frame.snap is None:
        return len(frame.payload)
    return max(0, min(len(frame.payload), frame.snap - frame.header_size))


def runs_of(chunks: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Contiguous chunks joined."""
    at, parts = -1, bytearray()
    for offset, data in chunks:
        if parts and offset == at + len(parts):
            parts += data
            continue
        if parts:
            yield at, bytes(parts)
        at, parts = offset, bytearray(data)
    if parts:
        yield at, bytes(parts)
