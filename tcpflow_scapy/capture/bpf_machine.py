"""Runs classic BPF programs over whole columns of frames: the meaning of libpcap's bpf_filter, by numpy.

The interpreter goes through the program once, not once for each frame: every instruction has the set
of frames that reach it. Jumps go forward, so that the lowest waiting instruction is always complete.
Registers travel with the frames and are dropped as soon as no later instruction reads them.
Opcodes: McCanne and Jacobson, "The BSD Packet Filter" (USENIX 1993), and libpcap's additions (MOD, XOR).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import Array

Instruction = tuple[int, int, int, int]
"""code, jt, jf, k"""

BLOCK_FRAMES = 1 << 15
"""frames looked at together: the columns of a block stay in the processor's cache"""

MAX_BACKWARD_JUMPS = 64
"""`protochain` walks extension headers in a loop; longer loops reject the frame, as in newer libpcaps"""

MEMORY_WORDS = 16

A, X, JUMPS = "A", "X", "J"
"""names of the registers: accumulator, index, number of backward jumps; memory words are their numbers"""

Register = str | int

_LD, _LDX, _ST, _STX, _ALU, _JMP, _RET, _MISC = range(8)
_IMM, _ABS, _IND, _MEM, _LEN, _MSH = 0x00, 0x20, 0x40, 0x60, 0x80, 0xA0
_SIZES = {0x00: 4, 0x08: 2, 0x10: 1}
_SOURCE_X = 0x08
_DIV, _LSH, _RSH, _NEG, _MOD = 0x30, 0x60, 0x70, 0x80, 0x90

_JUMPS: dict[int, Callable[[Any, Any], Any]] = {
    0x10: lambda a, s: a == s,
    0x20: lambda a, s: a > s,
    0x30: lambda a, s: a >= s,
    0x40: lambda a, s: (a & s) != 0,
}

_ARITHMETIC: dict[int, Callable[[Any, Any], Any]] = {
    0x00: lambda a, s: a + s,
    0x10: lambda a, s: a - s,
    0x20: lambda a, s: a * s,
    _DIV: lambda a, s: a // s,
    0x40: lambda a, s: a | s,
    0x50: lambda a, s: a & s,
    # C leaves shifts of 32 and more open; libpcap defines them as 0.
    _LSH: lambda a, s: np.where(s < 32, a << (s & np.uint32(31)), np.uint32(0)),
    _RSH: lambda a, s: np.where(s < 32, a >> (s & np.uint32(31)), np.uint32(0)),
    _MOD: lambda a, s: a % s,
    0xA0: lambda a, s: a ^ s,
}

_VALID = (
    {_LD | mode | size for mode in (_ABS, _IND) for size in _SIZES}
    | {_LD | _IMM, _LD | _MEM, _LD | _LEN, _LDX | _IMM, _LDX | _MEM, _LDX | _LEN, _LDX | _MSH | 0x10}
    | {_ST, _STX, _JMP, _RET, _RET | 0x10, _MISC, _MISC | 0x80, _ALU | _NEG}
    | {_ALU | op | source for op in _ARITHMETIC for source in (0, _SOURCE_X)}
    | {_JMP | op | source for op in _JUMPS for source in (0, _SOURCE_X)}
)


@dataclass(slots=True)
class _Frames:
    """The frames that wait at one instruction, with their registers. A missing register is zero."""

    rows: Array | None
    """indices into the block; None for all of it, in order"""
    count: int
    registers: dict[Register, Array] = field(default_factory=dict)

    def where(self, mask: Array, count: int, keep: frozenset[Register] | None = None) -> _Frames:
        """Those of the mask (which has `count` ones), with the registers of `keep`."""
        if count == self.count:
            kept = {r: v for r, v in self.registers.items() if keep is None or r in keep}
            return _Frames(self.rows, count, kept)
        rows = np.flatnonzero(mask) if self.rows is None else self.rows.compress(mask)
        return _Frames(
            rows, count, {r: v.compress(mask) for r, v in self.registers.items() if keep is None or r in keep}
        )

    def read(self, register: Register) -> Array:
        """A register's column, uint32[count]."""
        value = self.registers.get(register)
        return np.zeros(self.count, np.uint32) if value is None else value


class Machine:
    """A BPF program, ready to run.

    Parameters
    ----------
    instructions : sequence of (code, jt, jf, k)
        As pcap_compile yields them. Invalid opcodes and jumps out of the program reject the frame,
        nothing else happens.
    """

    def __init__(self, instructions: Sequence[Instruction]) -> None:
        self.instructions = tuple(instructions)
        self._live = _liveness(self.instructions)

    def run(self, memory: Array, position: Array, caplen: Array, wirelen: Array) -> Array:
        """Which frames the program accepts.

        Parameters
        ----------
        memory : uint8[m]
            Bytes in which all frames lie.
        position, caplen, wirelen : int64[n]
            Start of each frame in `memory`, bytes kept, bytes on the wire.

        Returns
        -------
        bool[n]
        """
        accepted = np.zeros(len(position), bool)
        for start in range(0, len(position), BLOCK_FRAMES):
            block = slice(start, start + BLOCK_FRAMES)
            _Run(self, memory, position[block], caplen[block], wirelen[block], accepted[block]).run()
        return accepted

    def live(self, pc: int) -> frozenset[Register]:
        """Registers that the program may still read from instruction `pc` on."""
        return self._live[pc]


class _Run:
    """One pass of a program over one block of frames."""

    def __init__(
        self, machine: Machine, memory: Array, position: Array, caplen: Array, wirelen: Array, accepted: Array
    ) -> None:
        self.machine = machine
        self.position = position
        self.caplen = caplen
        self.wirelen = wirelen
        self.accepted = accepted
        self.shortest = int(caplen.min()) if len(caplen) else 0
        # Overlapping views: element i is the big-endian word that begins at byte i.
        self.words = {1: memory} | {
            size: np.ndarray((max(len(memory) - size + 1, 0),), f">u{size}", memory, strides=(1,))
            for size in (2, 4)
        }
        self.waiting: dict[int, list[_Frames]] = {}
        self.queue: list[int] = []

    def run(self) -> None:
        """Carry all frames to a RET, or drop them."""
        self.send(0, _Frames(None, len(self.position)))
        while self.queue:
            pc = heapq.heappop(self.queue)
            frames = self.merge(self.waiting.pop(pc), self.machine.live(pc))
            self.step(pc, frames)

    def send(self, pc: int, frames: _Frames) -> None:
        """Let frames wait at an instruction. Beyond the program's end they are rejected."""
        if not frames.count or not 0 <= pc < len(self.machine.instructions):
            return
        if pc in self.waiting:
            self.waiting[pc].append(frames)
        else:
            self.waiting[pc] = [frames]
            heapq.heappush(self.queue, pc)

    def merge(self, groups: list[_Frames], live: frozenset[Register]) -> _Frames:
        """Frames that came by different ways, as one."""
        if len(groups) == 1:
            return groups[0]
        registers = {
            r: np.concatenate([g.read(r) for g in groups])
            for r in live
            if any(r in g.registers for g in groups)
        }
        # Several groups are parts of the block, so each has its rows.
        rows = np.concatenate([g.rows for g in groups if g.rows is not None])
        return _Frames(rows, len(rows), registers)

    def step(self, pc: int, frames: _Frames) -> None:
        code, jt, jf, k = self.machine.instructions[pc]
        if code not in _VALID:
            return
        kind = code & 7
        if kind == _JMP:
            self.jump(pc, code, jt, jf, k, frames)
        elif kind == _RET:
            self.accept(code, k, frames)
        else:
            if kind in (_LD, _LDX):
                frames = self.load(A if kind == _LD else X, code, k, frames)
            elif kind == _ALU:
                frames = _calculate(code, k, frames)
            elif kind == _MISC:
                target, source = (A, X) if code & 0x80 else (X, A)
                frames.registers[target] = frames.read(source)
            elif k < MEMORY_WORDS:
                frames.registers[k] = frames.read(A if kind == _ST else X)
            else:
                return
            self.send(pc + 1, frames)

    def jump(self, pc: int, code: int, jt: int, jf: int, k: int, frames: _Frames) -> None:
        """All of JA, JEQ, JGT, JGE, JSET."""
        if code == _JMP:
            distance = k - (1 << 32) if k >> 31 else k
            if distance < 0:
                jumps = frames.read(JUMPS) + np.uint32(1)
                within = jumps <= MAX_BACKWARD_JUMPS
                frames.registers[JUMPS] = jumps
                frames = frames.where(within, int(np.count_nonzero(within)))
            self.send(pc + 1 + distance, frames)
            return
        source = frames.read(X) if code & _SOURCE_X else np.uint32(k)
        yes = _JUMPS[code & 0xF0](frames.read(A), source)
        count = int(np.count_nonzero(yes))
        for target, mask, number in ((pc + 1 + jt, yes, count), (pc + 1 + jf, ~yes, frames.count - count)):
            if number and target < len(self.machine.instructions):
                self.send(target, frames.where(mask, number, self.machine.live(target)))

    def accept(self, code: int, k: int, frames: _Frames) -> None:
        """RET: everything but 0 accepts."""
        rows: Any = slice(None) if frames.rows is None else frames.rows
        self.accepted[rows] = frames.read(A) != 0 if code & 0x10 else k != 0

    def load(self, target: Register, code: int, k: int, frames: _Frames) -> _Frames:
        """LD and LDX in all their modes; frames too short for a load are rejected."""
        mode = code & 0xE0
        if mode in (_ABS, _IND, _MSH):
            offset = k if mode != _IND else frames.read(X).astype(np.int64) + k
            size = _SIZES[code & 0x18]
            frames, value = self.gather(frames, offset, size)
            if mode == _MSH:
                value = (value & np.uint32(0xF)) << np.uint32(2)
        elif mode == _LEN:
            value = _pick(self.wirelen, frames.rows).astype(np.uint32)
        elif mode == _IMM:
            value = np.full(frames.count, k, np.uint32)
        elif k < MEMORY_WORDS:
            value = frames.read(k)
        else:
            return _Frames(None, 0)
        frames.registers[target] = value
        return frames

    def gather(self, frames: _Frames, offset: Any, size: int) -> tuple[_Frames, Array]:
        """Bytes at an offset (one for all, or int64[count]) of those frames that have them."""
        end = offset + size
        if not (isinstance(end, int) and end <= self.shortest):
            inside = end <= _pick(self.caplen, frames.rows)
            count = int(np.count_nonzero(inside))
            if count < frames.count and not isinstance(offset, int):
                offset = offset.compress(inside)
            frames = frames.where(inside, count)
        where = _pick(self.position, frames.rows) + offset
        return frames, self.words[size][where].astype(np.uint32)


def _pick(column: Array, rows: Array | None) -> Array:
    return column if rows is None else column.take(rows)


def _calculate(code: int, k: int, frames: _Frames) -> _Frames:
    """A = A op (K or X), unsigned 32-bit; division by zero rejects the frame."""
    op = code & 0xF0
    if op == _NEG:
        frames.registers[A] = np.negative(frames.read(A))
        return frames
    source: Any = np.uint32(k)
    if code & _SOURCE_X:
        source = frames.read(X)
        if op in (_DIV, _MOD):
            divisible = source != 0
            frames = frames.where(divisible, int(np.count_nonzero(divisible)))
            source = frames.read(X)
    elif k == 0 and op in (_DIV, _MOD):
        return _Frames(None, 0)
    frames.registers[A] = _ARITHMETIC[op](frames.read(A), source)
    return frames


def _liveness(instructions: tuple[Instruction, ...]) -> list[frozenset[Register]]:
    """For each instruction, the registers that are read before they are written, from there on."""
    loops = any(code == _JMP and k >> 31 for code, _, _, k in instructions)
    everything: frozenset[Register] = frozenset((A, X, JUMPS, *range(MEMORY_WORDS)))
    live: list[frozenset[Register]] = [frozenset()] * len(instructions)
    for pc in reversed(range(len(instructions))):
        if loops:
            # A backward jump would need a fixed point; such programs are rare and small.
            live[pc] = everything
            continue
        code, jt, jf, k = instructions[pc]
        targets: tuple[int, ...] = (pc + 1,)
        if code & 7 == _JMP:
            targets = (pc + 1 + k,) if code == _JMP else (pc + 1 + jt, pc + 1 + jf)
        elif code & 7 == _RET:
            targets = ()
        after: frozenset[Register] = frozenset()
        for target in targets:
            after |= live[target] if target < len(live) else frozenset()
        reads, writes = _effects(code, k)
        live[pc] = (after - writes) | reads
    return live


def _effects(code: int, k: int) -> tuple[set[Register], set[Register]]:
    """Registers that an instruction reads and writes."""
    kind, mode = code & 7, code & 0xE0
    if kind in (_LD, _LDX):
        reads: set[Register] = {X} if mode == _IND else {k} if mode == _MEM else set()
        return reads, {A if kind == _LD else X}
    if kind in (_ST, _STX):
        return {A if kind == _ST else X}, {k}
    if kind == _MISC:
        return ({X}, {A}) if code & 0x80 else ({A}, {X})
    if kind == _RET:
        return ({A} if code & 0x10 else set()), set()
    reads = {A, X} if code & _SOURCE_X else {A}
    return (set(), set()) if code == _JMP else (reads, {A} if kind == _ALU else set())
