"""The machine against libpcap's own bpf_filter, instruction by instruction and program by program."""

from __future__ import annotations

import ctypes
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpflow_scapy.capture import bpf_machine, libpcap
from tcpflow_scapy.capture.bpf_machine import MAX_BACKWARD_JUMPS, Instruction, Machine

PADDING = 256


def columns(frames: list[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """memory, position, caplen of frames that lie one after the other, 7 bytes apart."""
    memory, position = bytearray(), []
    for frame in frames:
        memory += b"\xee" * 7
        position.append(len(memory))
        memory += frame
    memory += b"\xee" * PADDING
    lengths = np.array([len(f) for f in frames], np.int64)
    return np.frombuffer(bytes(memory), np.uint8), np.array(position, np.int64), lengths


def run(program: list[Instruction], frames: list[bytes], wirelen: list[int] | None = None) -> list[bool]:
    memory, position, caplen = columns(frames)
    wire = caplen if wirelen is None else np.array(wirelen, np.int64)
    return Machine(program).run(memory, position, caplen, wire).tolist()


def reference(
    program: list[Instruction], frames: list[bytes], wirelen: list[int] | None = None
) -> list[bool]:
    """bpf_filter of libpcap, frame by frame."""
    function = libpcap.load().library.bpf_filter
    function.restype = ctypes.c_uint
    function.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint]
    code = b"".join(struct.pack("=HBBI", *i) for i in program)
    wire = wirelen or [len(f) for f in frames]
    return [function(code, f, w, len(f)) != 0 for f, w in zip(frames, wire, strict=True)]


LD_W_ABS, LD_H_ABS, LD_B_ABS, LD_W_IND, LD_H_IND, LD_B_IND = 0x20, 0x28, 0x30, 0x40, 0x48, 0x50
LD_IMM, LD_MEM, LD_LEN, LDX_IMM, LDX_MEM, LDX_LEN, LDX_MSH = 0x00, 0x60, 0x80, 0x01, 0x61, 0x81, 0xB1
ST, STX, TAX, TXA, RET_K, RET_A, JA = 0x02, 0x03, 0x07, 0x87, 0x06, 0x16, 0x05
ALU = {"add": 0x04, "sub": 0x14, "mul": 0x24, "div": 0x34, "or": 0x44, "and": 0x54}
ALU |= {"lsh": 0x64, "rsh": 0x74, "neg": 0x84, "mod": 0x94, "xor": 0xA4}
JUMPS = {"jeq": 0x15, "jgt": 0x25, "jge": 0x35, "jset": 0x45}
SOURCE_X = 0x08


def equals(k: int) -> list[Instruction]:
    """Accept if A is k."""
    return [(JUMPS["jeq"], 0, 1, k), (RET_K, 0, 0, 1), (RET_K, 0, 0, 0)]


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ([(LD_W_ABS, 0, 0, 0)], 0x01020304),
        ([(LD_H_ABS, 0, 0, 1)], 0x0203),
        ([(LD_B_ABS, 0, 0, 3)], 4),
        ([(LDX_IMM, 0, 0, 1), (LD_W_IND, 0, 0, 2)], 0x04050607),
        ([(LDX_IMM, 0, 0, 1), (LD_H_IND, 0, 0, 2)], 0x0405),
        ([(LDX_IMM, 0, 0, 1), (LD_B_IND, 0, 0, 0)], 2),
        ([(LDX_MSH, 0, 0, 4), (TXA, 0, 0, 0)], 5 * 4),
        ([(LD_LEN, 0, 0, 0)], 99),
        ([(LDX_LEN, 0, 0, 0), (TXA, 0, 0, 0)], 99),
        ([(LD_IMM, 0, 0, 0xFFFFFFFF)], 0xFFFFFFFF),
        ([(LD_IMM, 0, 0, 9), (ST, 0, 0, 15), (LD_IMM, 0, 0, 1), (LD_MEM, 0, 0, 15)], 9),
        ([(LDX_IMM, 0, 0, 8), (STX, 0, 0, 0), (LDX_IMM, 0, 0, 1), (LDX_MEM, 0, 0, 0), (TXA, 0, 0, 0)], 8),
        ([(LD_IMM, 0, 0, 6), (TAX, 0, 0, 0), (LD_IMM, 0, 0, 0), (TXA, 0, 0, 0)], 6),
        ([(LD_IMM, 0, 0, 0xFFFFFFFF), (ALU["add"], 0, 0, 2)], 1),
        ([(LD_IMM, 0, 0, 1), (ALU["sub"], 0, 0, 2)], 0xFFFFFFFF),
        ([(LD_IMM, 0, 0, 0x10001), (ALU["mul"], 0, 0, 0x10001)], 0x20001),
        ([(LD_IMM, 0, 0, 7), (ALU["div"], 0, 0, 2)], 3),
        ([(LD_IMM, 0, 0, 7), (ALU["mod"], 0, 0, 4)], 3),
        ([(LD_IMM, 0, 0, 5), (ALU["neg"], 0, 0, 0)], 0xFFFFFFFB),
        ([(LD_IMM, 0, 0, 5), (ALU["xor"], 0, 0, 1)], 4),
        ([(LD_IMM, 0, 0, 1), (ALU["lsh"], 0, 0, 31)], 0x80000000),
        ([(LD_IMM, 0, 0, 1), (LDX_IMM, 0, 0, 32), (ALU["lsh"] | SOURCE_X, 0, 0, 0)], 0),
        ([(LD_IMM, 0, 0, 1 << 31), (LDX_IMM, 0, 0, 0xFFFFFFFF), (ALU["rsh"] | SOURCE_X, 0, 0, 0)], 0),
        ([(LD_IMM, 0, 0, 9), (LDX_IMM, 0, 0, 4), (ALU["mod"] | SOURCE_X, 0, 0, 0)], 1),
    ],
)
def test_each_instruction(program: list[Instruction], expected: int) -> None:
    frame = bytes(range(1, 9))
    whole = program + equals(expected)
    assert run(whole, [frame], [99]) == [True]
    assert reference(whole, [frame], [99]) == [True]


def test_memory_words_begin_as_zero() -> None:
    # As in the newest libpcap; older ones leave what the stack held.
    assert run([(LD_MEM, 0, 0, 7), *equals(0)], [b""]) == [True]


@pytest.mark.parametrize(
    "program",
    [
        [(LD_W_ABS, 0, 0, 5)],
        [(LD_W_ABS, 0, 0, 0xFFFFFFFC)],
        [(LD_H_ABS, 0, 0, 7)],
        [(LD_B_ABS, 0, 0, 8)],
        [(LD_B_ABS, 0, 0, 0xFFFFF000 + 44)],  # Linux's VLAN metadata, which a file does not have
        [(LDX_MSH, 0, 0, 8)],
        [(LDX_IMM, 0, 0, 0xFFFFFFFF), (LD_B_IND, 0, 0, 1)],  # must not wrap to offset 0
        [(LDX_IMM, 0, 0, 5), (LD_W_IND, 0, 0, 0)],
        [(LDX_IMM, 0, 0, 7), (LD_H_IND, 0, 0, 0)],
        [(LD_IMM, 0, 0, 1), (ALU["div"] | SOURCE_X, 0, 0, 0)],
        [(LD_IMM, 0, 0, 1), (ALU["mod"] | SOURCE_X, 0, 0, 0)],
    ],
)
def test_load_outside_and_division_by_zero_reject_the_frame(program: list[Instruction]) -> None:
    whole = [*program, (RET_K, 0, 0, 1)]
    frames = [bytes(range(1, 9)), b"", b"\x01"]
    assert run(whole, frames) == [False] * 3
    assert reference(whole, frames) == [False] * 3


@pytest.mark.parametrize(
    "program",
    [
        [],
        [(0xFF, 0, 0, 0), (RET_K, 0, 0, 1)],
        [(0x0E, 0, 0, 0)],  # RET X exists in no libpcap
        [(JA, 0, 0, 5), (RET_K, 0, 0, 1)],
        [(JA, 0, 0, 0xFFFFFFF0), (RET_K, 0, 0, 1)],
        [(JUMPS["jeq"], 9, 9, 0), (RET_K, 0, 0, 1)],
        [(LD_IMM, 0, 0, 1)],
        [(LD_MEM, 0, 0, 16), (RET_K, 0, 0, 1)],
        [(ST, 0, 0, 1 << 20), (RET_K, 0, 0, 1)],
        [(ALU["div"], 0, 0, 0), (RET_K, 0, 0, 1)],
    ],
)
def test_impossible_programs_reject_and_do_nothing_else(program: list[Instruction]) -> None:
    assert run(program, [b"abc", b""]) == [False, False]


def test_endless_loop_ends() -> None:
    assert run([(LD_IMM, 0, 0, 1), (JA, 0, 0, 0xFFFFFFFE), (RET_K, 0, 0, 1)], [b"abc"] * 3) == [False] * 3


def test_loop_runs_as_often_as_libpcap_lets_it() -> None:
    # Count down from the first byte, then accept.
    loop = [
        (LD_B_ABS, 0, 0, 0),
        (JUMPS["jeq"], 2, 0, 0),
        (ALU["sub"], 0, 0, 1),
        (JA, 0, 0, 0xFFFFFFFD),
        (RET_K, 0, 0, 1),
    ]
    frames = [bytes([n]) for n in (0, 1, 5, MAX_BACKWARD_JUMPS, MAX_BACKWARD_JUMPS + 1, 255)]
    assert run(loop, frames) == [True, True, True, True, False, False]
    assert reference(loop, frames[:4]) == [True] * 4


def test_no_frames_and_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    program = [(LD_B_ABS, 0, 0, 0), *equals(1)]
    assert run(program, []) == []
    monkeypatch.setattr(bpf_machine, "BLOCK_FRAMES", 3)
    frames = [bytes([n % 2]) for n in range(10)]
    assert run(program, frames) == [bool(n % 2) for n in range(10)]


def test_memory_shorter_than_a_word_and_read_only() -> None:
    memory = np.frombuffer(b"\x01\x02", np.uint8)
    position, caplen = np.array([0, 1]), np.array([1, 1])
    for load in (LD_W_ABS, LD_H_ABS):
        machine = Machine([(load, 0, 0, 0), (RET_K, 0, 0, 1)])
        assert machine.run(memory, position, caplen, caplen).tolist() == [False, False]


CELLS = (0, 1, 7, 15)
values = st.one_of(
    st.integers(0, 40),
    st.integers(0, 0xFFFFFFFF),
    st.sampled_from([31, 32, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]),
)
offsets = st.one_of(st.integers(0, 24), st.sampled_from([0xFFFFFFFF, 0xFFFFFFFC, 0x80000000]))


@st.composite
def programs(draw: st.DrawFn) -> list[Instruction]:
    """Any program that bpf_validate accepts: all opcodes, forward jumps, a RET at the end."""
    size = draw(st.integers(1, 24))
    loads = [LD_W_ABS, LD_H_ABS, LD_B_ABS, LD_W_IND, LD_H_IND, LD_B_IND, LDX_MSH]
    # Older libpcaps leave the memory words as they find them.
    program: list[Instruction] = [(ST, 0, 0, cell) for cell in CELLS]
    for pc in range(size):
        left = size - pc
        kind = draw(
            st.sampled_from(["load", "load", "set", "cell", "alu", "jump", "jump", "ja", "move", "ret"])
        )
        if kind == "load":
            program.append((draw(st.sampled_from(loads)), 0, 0, draw(offsets)))
        elif kind == "set":
            program.append((draw(st.sampled_from([LD_IMM, LDX_IMM, LD_LEN, LDX_LEN])), 0, 0, draw(values)))
        elif kind == "cell":
            program.append(
                (draw(st.sampled_from([ST, STX, LD_MEM, LDX_MEM])), 0, 0, draw(st.sampled_from(CELLS)))
            )
        elif kind == "alu":
            name = draw(st.sampled_from(sorted(ALU)))
            source = SOURCE_X if name != "neg" and draw(st.booleans()) else 0
            k = draw(values)
            if name in ("div", "mod"):
                k = k or 1
            elif name in ("lsh", "rsh"):
                k %= 32
            program.append((ALU[name] | source, 0, 0, k))
        elif kind == "jump":
            near = st.integers(0, min(left - 1, 255))
            code = draw(st.sampled_from(sorted(JUMPS.values()))) | draw(st.sampled_from([0, SOURCE_X]))
            program.append((code, draw(near), draw(near), draw(values)))
        elif kind == "ja":
            program.append((JA, 0, 0, draw(st.integers(0, left - 1))))
        elif kind == "move":
            program.append((draw(st.sampled_from([TAX, TXA])), 0, 0, 0))
        else:
            program.append((draw(st.sampled_from([RET_A, RET_K])), 0, 0, draw(st.integers(0, 1))))
    program.append((RET_A, 0, 0, 0))
    return program


@settings(deadline=None, max_examples=300)
@given(programs(), st.lists(st.binary(max_size=24), max_size=8), st.integers(0, 100))
def test_any_valid_program_means_what_it_means_to_libpcap(
    program: list[Instruction], frames: list[bytes], more: int
) -> None:
    wirelen = [len(f) + more for f in frames]
    assert run(program, frames, wirelen) == reference(program, frames, wirelen)
