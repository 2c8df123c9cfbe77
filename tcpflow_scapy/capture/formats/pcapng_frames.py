"""From blocks to frames: positions, lengths, times and interfaces by column."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from tcpflow_scapy.capture.formats import pcapng_blocks as blocks
from tcpflow_scapy.capture.formats.pcapng_losses import Losses
from tcpflow_scapy.capture.formats.pcapng_sections import Sections
from tcpflow_scapy.capture.formats.pcapng_times import nanoseconds
from tcpflow_scapy.capture.formats.pcapng_walk import Run
from tcpflow_scapy.capture.frames import NO_TIME, Array
from tcpflow_scapy.capture.limits import MAX_FRAME
from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.capture.reading import Reading

LISTED = 1_000
"""Blocks of one window that are looked at one by one when something is wrong with them."""

OPTION = ("code", "length")
COMMENT_ROUNDS = 8
"""Options of a packet block among which a comment is looked for."""

APPLE_PROCESS = 0x8000_0001
REGISTERED = frozenset([*range(1, 14), 0x101, 0x102, *range(0x201, 0x223), APPLE_PROCESS, *blocks.SMALLEST])


@dataclass
class Columns:
    """Frames of one run of blocks; see `FrameBatch`."""

    position: Array
    caplen: Array
    wirelen: Array
    time: Array
    linktype: Array
    interface: Array

    def __len__(self) -> int:
        return len(self.position)

    @staticmethod
    def joined(parts: list[Columns]) -> Columns:
        """One after the other."""
        names = [field.name for field in fields(Columns)]
        return Columns(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


class BlockFrames:
    """Makes columns of blocks, and notes what is wrong with them."""

    def __init__(self, reading: Reading, sections: Sections) -> None:
        self._reading = reading
        self._sections = sections
        self._unregistered: dict[int, int] = {}
        self._losses = Losses(reading)

    def columns(self, run: Run, before: int) -> Columns:
        """Frames of a run; `before` frames of the same window came before them."""
        first, defined = self._sections.enter(run)
        kinds = run.types
        if (kinds == blocks.ENHANCED).all():
            columns = self._columns(run, first, defined, before)
        else:
            is_frame = np.isin(kinds, blocks.FRAMES)
            self.note(kinds[~is_frame])
            told = np.flatnonzero(kinds == blocks.STATISTICS)
            if len(told):
                self._losses.note(run, told, first, defined, self._sections.rows["index"])
            chosen = np.flatnonzero(is_frame)
            columns = self._columns(run.pick(chosen), first[chosen], defined[chosen], before)
        self._sections.leave(first)
        return columns

    def _columns(self, run: Run, first: Array, defined: Array, before: int) -> Columns:
        """Columns of a run in which every block is a frame."""
        headers, kinds, start = run.headers, run.types, run.positions
        end = start + run.lengths - 4
        number = headers["interface"].astype(np.int64)
        data = np.full(len(start), blocks.PACKET_DATA, np.int64)
        caplen = headers["caplen"].astype(np.int64)
        wirelen = headers["wirelen"].astype(np.int64)
        enhanced = kinds == blocks.ENHANCED
        timed = np.ones(len(start), bool)
        if not enhanced.all():
            timed = enhanced | (kinds == blocks.PACKET)
            obsolete = kinds == blocks.PACKET
            number[obsolete] = number[obsolete] & 0xFFFF if run.order == "<" else number[obsolete] >> 16
            simple = kinds == blocks.SIMPLE
            data[simple] = blocks.SIMPLE_DATA
            wirelen[simple] = number[simple]
            caplen[simple] = number[simple]
            number[simple] = 0
            other = ~timed & ~simple
            self._other_frames(kinds, other, start, end, data, caplen, wirelen)
            number[other] = -1
        row = np.where((number >= 0) & (first + number < defined), first + number, -1)
        position = start + data
        room = np.maximum(np.minimum(end - position, MAX_FRAME), 0)
        self._cut_simple(kinds, row, room, caplen)
        self._fit(run, position, room, caplen, wirelen, before)
        picked = self._picked(row)
        if len(row) and int(row.min()) < 0:
            picked = picked.copy()
            self._bad_interfaces(run, picked, number, row, first, defined, before)
        ticks = headers["high"].astype(np.uint64) << np.uint64(32) | headers["low"]
        time = nanoseconds(ticks, picked["resolution"], picked["offset"])
        time[~timed] = NO_TIME
        self._comments(run, enhanced, position + ((caplen + 3) & ~3), end, before)
        return Columns(position, caplen, wirelen, time, picked["linktype"], picked["index"])

    def _picked(self, row: Array) -> Array:
        """The interface of each frame; of row -1 one that nothing is known of."""
        rows = self._sections.rows
        if len(row) and len(rows) and int(row.min()) == int(row.max()) >= 0:
            return np.broadcast_to(rows[row[0]], row.shape)
        nothing = np.array([(UNKNOWN, blocks.MICROSECONDS, 0, 0, -1)], rows.dtype)
        picked: Array = np.concatenate([rows, nothing])[row]
        return picked

    def _other_frames(
        self,
        kinds: Array,
        other: Array,
        start: Array,
        end: Array,
        data: Array,
        caplen: Array,
        wirelen: Array,
    ) -> None:
        """Blocks that are numbered as frames though they carry no packet: their whole content."""
        for kind in np.unique(kinds[other]).tolist():
            data[kinds == kind] = blocks.BODY[kind]
        caplen[other] = np.maximum(end[other] - start[other] - data[other], 0)
        wirelen[other] = caplen[other]

    def _cut_simple(self, kinds: Array, row: Array, room: Array, caplen: Array) -> None:
        """A simple block states no captured length: the snaplen of interface 0 cuts, 0 does not."""
        simple = np.flatnonzero(kinds == blocks.SIMPLE)
        if len(simple):
            snaplen = np.append(self._sections.rows["snaplen"], 0)[row[simple]]
            cut = np.minimum(caplen[simple], room[simple])
            caplen[simple] = np.where(snaplen > 0, np.minimum(cut, snaplen), cut)

    def _fit(
        self, run: Run, position: Array, room: Array, caplen: Array, wirelen: Array, before: int
    ) -> None:
        """Mend captured lengths that do not agree with the length of their block, in place."""
        self._shorten(run, caplen)
        wrong = np.flatnonzero(caplen > room)
        # What follows the data must be options. If it is none, but the original length would fill
        # the block, then that many bytes were captured.
        short = (caplen < wirelen) & (((wirelen + 3) & ~3) == room) & (run.types != blocks.SIMPLE)
        for i in np.flatnonzero(short)[:LISTED].tolist():
            start = int(position[i])
            options = slice(start + ((int(caplen[i]) + 3) & ~3), start + int(room[i]))
            if not blocks.sound_options(run.window.memory[options].tobytes(), run.order):
                wrong = np.append(wrong, i)
        for i in wrong[:LISTED].tolist():
            self._reading.problems.add(
                "bad_block",
                f"a packet block claims {int(caplen[i])} bytes and holds {int(room[i])}",
                frame=self._reading.frames + before + i + 1,
                offset=int(position[i]) + run.window.base,
            )
        caplen[wrong] = np.minimum(room, wirelen)[wrong]

    @staticmethod
    def _shorten(run: Run, caplen: Array) -> None:
        """Of blocks that have lost bytes from their middle, in place: their second length stands before the
        next block all the same."""
        stated = run.headers["length"].astype(np.int64)
        shorter = np.flatnonzero(stated > run.lengths)
        if not len(shorter):
            return
        word = np.dtype([("length", run.order + "u4")])
        second = run.window.gather(word, run.positions[shorter] + run.lengths[shorter] - 4)["length"]
        shorter = shorter[second == stated[shorter]]
        caplen[shorter] = np.maximum(caplen[shorter] - stated[shorter] + run.lengths[shorter], 0)

    def _bad_interfaces(
        self,
        run: Run,
        picked: Array,
        number: Array,
        row: Array,
        first: Array,
        defined: Array,
        before: int,
    ) -> None:
        """Frames of an interface that the section does not describe.

        They are frames all the same. Where all interfaces of the section agree on the link type it
        is theirs as well; else it is unknown.
        """
        bad = np.flatnonzero((row < 0) & (number >= 0))
        if not len(bad):
            return
        pairs, inverse = np.unique(np.stack([first[bad], defined[bad]]), axis=1, return_inverse=True)
        types = [self._sections.common_linktype(a, b) for a, b in pairs.T[:LISTED].tolist()]
        types += [UNKNOWN] * (pairs.shape[1] - len(types))
        picked["linktype"][bad] = np.array(types, np.uint16)[inverse.reshape(-1)]
        for i in bad[:LISTED].tolist():
            self._reading.problems.add(
                "bad_interface",
                f"interface {int(number[i])} is not described in this section",
                frame=self._reading.frames + before + i + 1,
                offset=int(run.positions[i]) + run.window.base,
            )

    def _comments(self, run: Run, enhanced: Array, at: Array, end: Array, before: int) -> None:
        """Comments among the options of enhanced packet blocks."""
        option = np.dtype([(name, run.order + "u2") for name in OPTION])
        active = np.flatnonzero(enhanced & (at + 4 <= end))
        at = at.copy()
        comments: list[tuple[int, str]] = []
        for _ in range(COMMENT_ROUNDS):
            if not len(active):
                break
            found = run.window.gather(option, at[active])
            code, length = found["code"], found["length"].astype(np.int64)
            stop = at[active] + 4 + length
            sound = (code != 0) & (stop <= end[active])
            for k in np.flatnonzero(sound & (code == blocks.OPT_COMMENT)).tolist():
                i = int(active[k])
                value = run.window.memory[int(at[i]) + 4 : int(stop[k])].tobytes()
                comments.append((i, blocks.text(value)))
            at[active] = (stop + 3) & ~3
            active = active[sound & (((stop + 3) & ~3) + 4 <= end[active])]
        for i, comment in sorted(comments, key=lambda pair: pair[0]):
            self._reading.comment(f"frame {self._reading.frames + before + i + 1}: {comment}")

    def note(self, kinds: Array | list[int]) -> None:
        """Count blocks that are skipped and have a type that nobody registered."""
        for kind, count in zip(*np.unique(kinds, return_counts=True), strict=True):
            if int(kind) not in REGISTERED and len(self._unregistered) < LISTED:
                self._unregistered[int(kind)] = self._unregistered.get(int(kind), 0) + int(count)

    def close(self) -> None:
        """Report what is missing, and what was skipped without being understood."""
        self._losses.report()
        if self._unregistered:
            kinds = ", ".join(f"{kind:#x}" for kind in sorted(self._unregistered)[:5])
            self._reading.problems.add(
                "unknown_block",
                f"{sum(self._unregistered.values())} blocks of types that are not registered were "
                f"skipped: {kinds}",
            )
