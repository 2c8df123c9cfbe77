"""Frames in a file: pcap and pcapng, both endiannesses, any snaplen, cut, shuffled, duplicated, split."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from .frames import Frame, RawFrame
from .headers import ACK, SYN

START = 1_700_000_000 * 10**9
"""Time of the first frame that has none, ns"""

STEP = 1_000_000
"""Time between frames that have none, ns"""


class Capture:
    """Frames in capture order. Methods return a new capture; the frames themselves are shared."""

    def __init__(self, *parts: Iterable[RawFrame] | RawFrame, start: int = START, step: int = STEP) -> None:
        """Conversations, frames and lists of frames, one after the other."""
        self.frames: list[RawFrame] = []
        for part in parts:
            self.frames.extend([part] if isinstance(part, RawFrame) else part)
        for index, frame in enumerate(self.frames):
            if frame.time is None:
                frame.time = start + index * step

    def __repr__(self) -> str:
        return "".join(
            ["Capture(", *(f"\n  {number:3} {f!r}" for number, f in enumerate(self.frames, 1)), ")"]
        )

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[RawFrame]:
        return iter(self.frames)

    def __getitem__(self, index: int) -> RawFrame:
        return self.frames[index]

    def shuffle(self, seed: int) -> Capture:
        """Any other order; each frame keeps its time."""
        frames = list(self.frames)
        random.Random(seed).shuffle(frames)
        return Capture(frames)

    def reverse(self) -> Capture:
        """Last frame first."""
        return Capture(self.frames[::-1])

    def order(self, indices: Sequence[int]) -> Capture:
        """Those frames, in that order, as often as they are named."""
        return Capture([self.frames[i] for i in indices])

    def by_time(self) -> Capture:
        """Sorted by time: interleaves conversations."""
        return Capture(sorted(self.frames, key=lambda f: f.time or 0))

    def interleave(self, seed: int) -> Capture:
        """Conversations mixed; the order among the frames of one source address stays."""
        lanes: dict[object, list[RawFrame]] = {}
        for frame in self.frames:
            pair = frozenset((getattr(frame, "source", None), getattr(frame, "destination", None)))
            lanes.setdefault(pair, []).append(frame)
        rng, queues, frames = random.Random(seed), list(lanes.values()), []
        while any(queues):
            queue = rng.choices(queues, [len(q) for q in queues])[0]
            frames.append(queue.pop(0))
        return Capture(frames)

    def duplicate(self, *indices: int, seed: int | None = None, count: int = 0) -> Capture:
        """Those frames twice, the copy right after the original; or `count` random copies anywhere."""
        chosen = set(indices)
        frames = [f for i, f in enumerate(self.frames) for _ in range(2 if i in chosen else 1)]
        rng = random.Random(seed)
        for _ in range(count):
            frames.insert(rng.randrange(len(frames) + 1), rng.choice(self.frames))
        return Capture(frames)

    def drop(self, *indices: int) -> Capture:
        """Without those frames (negative counts from the end)."""
        gone = {i % len(self.frames) for i in indices}
        return Capture([f for i, f in enumerate(self.frames) if i not in gone])

    def swap(self, first: int, second: int) -> Capture:
        """Those two frames change places."""
        frames = list(self.frames)
        frames[first], frames[second] = frames[second], frames[first]
        return Capture(frames)

    def split(self, count: int) -> list[Capture]:
        """In that many captures, one after the other."""
        size = -(-len(self.frames) // count) or 1
        return [Capture(self.frames[i * size : (i + 1) * size]) for i in range(count)]

    def without_times(self) -> Capture:
        """All times zero, as a carver has them. Copies the frames."""
        return Capture([replace(f, time=0) for f in self.frames])

    def shifted(self, constant: int) -> Capture:
        """That constant added to all sequence and acknowledgment numbers. Copies the frames."""
        return Capture(
            [
                replace(f, seq=f.seq + constant, ack=f.ack + constant if f.flags & ACK else f.ack)
                if isinstance(f, Frame)
                else f
                for f in self.frames
            ]
        )

    def mirrored(self) -> Capture:
        """Source and destination change places. Copies the frames."""
        return Capture(
            [
                replace(f, source=f.destination, destination=f.source) if isinstance(f, Frame) else f
                for f in self.frames
            ]
        )

    def resegmented(self, seed: int) -> Capture:
        """The same bytes in other segments, times and order kept. Copies the frames."""
        rng = random.Random(seed)
        frames: list[RawFrame] = []
        for f in self.frames:
            if not isinstance(f, Frame) or len(f.payload) < 2 or f.snap is not None or f.flags & SYN:
                frames.append(f)
                continue
            size = len(f.payload)
            frames.extend(f.split(*[rng.randrange(1, size) for _ in range(rng.randrange(3))]))
        return Capture(frames)

    def to_bytes(
        self,
        format: str = "pcap",
        linktype: int = 1,
        *,
        ns: bool = False,
        big_endian: bool = False,
        snaplen: int | None = None,
    ) -> bytes:
        """The whole file."""
        if format not in ("pcap", "pcapng"):
            raise ValueError(f"format {format!r}")
        build = _pcap if format == "pcap" else _pcapng
        return build(self.frames, linktype, ns, ">" if big_endian else "<", snaplen)

    def write(
        self,
        path: str | Path,
        format: str = "pcap",
        linktype: int = 1,
        *,
        ns: bool = False,
        big_endian: bool = False,
        snaplen: int | None = None,
    ) -> Path:
        """Write the file, give its path."""
        path = Path(path)
        path.write_bytes(self.to_bytes(format, linktype, ns=ns, big_endian=big_endian, snaplen=snaplen))
        return path


def _records(
    frames: Iterable[RawFrame], linktype: int, snaplen: int | None
) -> Iterator[tuple[RawFrame, bytes, int]]:
    """Each frame with its captured bytes and its original length."""
    for frame in frames:
        data = frame.to_bytes(linktype if frame.linktype is None else frame.linktype)
        wire = len(data) if frame.wire_length is None else frame.wire_length
        kept = min(x for x in (len(data), frame.snap, snaplen) if x is not None)
        yield frame, data[:kept], wire


def _pcap(frames: list[RawFrame], linktype: int, ns: bool, endian: str, snaplen: int | None) -> bytes:
    magic = 0xA1B23C4D if ns else 0xA1B2C3D4
    parts = [struct.pack(endian + "IHHiIII", magic, 2, 4, 0, 0, snaplen or 262144, linktype)]
    for frame, data, wire in _records(frames, linktype, snaplen):
        if frame.linktype not in (None, linktype):
            raise ValueError("a pcap file has one link type")
        seconds, rest = divmod(frame.time or 0, 10**9)
        fraction = rest if ns else rest // 1000
        parts.append(struct.pack(endian + "IIII", seconds, fraction, len(data), wire) + data)
    return b"".join(parts)


def _block(endian: str, kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    return struct.pack(endian + "II", kind, len(body) + 12) + body + struct.pack(endian + "I", len(body) + 12)


def _pcapng(frames: list[RawFrame], linktype: int, ns: bool, endian: str, snaplen: int | None) -> bytes:
    """One section, one interface for each link type, enhanced packet blocks."""
    parts = [_block(endian, 0x0A0D0D0A, struct.pack(endian + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
    interfaces: dict[int, int] = {}

    def interface(number: int) -> int:
        if number not in interfaces:
            options = struct.pack(endian + "HHBxxxHH", 9, 1, 9 if ns else 6, 0, 0)
            body = struct.pack(endian + "HHI", number, 0, snaplen or 0) + options
            parts.append(_block(endian, 1, body))
            interfaces[number] = len(interfaces)
        return interfaces[number]

    interface(linktype)
    for frame, data, wire in _records(frames, linktype, snaplen):
        number = interface(linktype if frame.linktype is None else frame.linktype)
        ticks = (frame.time or 0) if ns else (frame.time or 0) // 1000
        head = struct.pack(endian + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), wire)
        parts.append(_block(endian, 6, head + data))
    return b"".join(parts)


def read_pcap(path: str | Path) -> tuple[int, list[RawFrame]]:
    """Link type and frames of a classic pcap file; stops at the first damage."""
    blob = Path(path).read_bytes()
    for endian in "<>":
        magic = struct.unpack_from(endian + "I", blob)[0] if len(blob) >= 24 else 0
        if magic in (0xA1B2C3D4, 0xA1B23C4D):
            break
    else:
        raise ValueError(f"{path} is no classic pcap file")
    unit = 1 if magic == 0xA1B23C4D else 1000
    linktype = struct.unpack_from(endian + "I", blob, 20)[0] & 0xFFFF
    frames, at = [], 24
    while at + 16 <= len(blob):
        seconds, fraction, kept, wire = struct.unpack_from(endian + "IIII", blob, at)
        data = blob[at + 16 : at + 16 + kept]
        if len(data) < kept:
            break
        frames.append(RawFrame(data, time=seconds * 10**9 + fraction * unit, wire_length=wire))
        at += 16 + kept
    return linktype, frames
