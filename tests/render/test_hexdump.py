from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpflow_scapy.render.hexdump import hexdump, tcpflow_hexdump

from .hostile import assert_safe


def test_classic_lines() -> None:
    data = b"GET / HTTP/1.1\r\nHost: \x1b\xff~"
    assert list(hexdump(data)) == [
        "00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|",
        "00000010  48 6f 73 74 3a 20 1b ff  7e                       |Host: ..~|",
    ]


def test_nothing_gives_no_line() -> None:
    assert list(hexdump(b"")) == []
    assert list(tcpflow_hexdump(b"")) == []


def test_start_and_offsets_beyond_32_bits() -> None:
    assert next(hexdump(b"a", start=0x1234)).startswith("00001234  61")
    lines = list(hexdump(bytes(32), start=0xFFFFFFF0))
    assert [line[:11] for line in lines] == ["0fffffff0  ", "100000000  "]


def test_a_line_fits_a_terminal() -> None:
    assert len(next(hexdump(bytes(16)))) == 78


@pytest.mark.parametrize("width", [1, 7, 8, 9, 16, 17, 24])
def test_columns_line_up_for_any_width(width: int) -> None:
    lines = list(hexdump(bytes(range(65, 90)) * 2, width=width))
    assert len({line.index("|") for line in lines}) == 1
    assert bytes.fromhex("".join(line.split("|")[0][10:] for line in lines)) == bytes(range(65, 90)) * 2


def test_width_must_be_positive() -> None:
    with pytest.raises(ValueError, match="one byte"):
        list(hexdump(b"a", width=0))


def test_gaps_are_not_shown_as_zeros() -> None:
    lines = list(hexdump(b"abc" + bytes(20) + b"xyz" + bytes(16), start=100, gaps=[(103, 123), (140, 900)]))
    assert lines == [
        "00000064  61 62 63 -- -- -- -- --  -- -- -- -- -- -- -- --  |abc             |",
        "00000074  -- -- -- -- -- -- -- 78  79 7a 00 00 00 00 00 00  |       xyz......|",
        "00000084  00 00 00 00 00 00 00 00  -- --                    |........  |",
    ]


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(1, 33), st.lists(st.integers(0, 220), max_size=6))
def test_gaps_against_a_slow_model(data: bytes, width: int, edges: list[int]) -> None:
    edges = sorted(set(edges))
    gaps = list(zip(edges[::2], edges[1::2], strict=False))
    lines = list(hexdump(data, width=width, gaps=gaps))
    pairs = " ".join(line.split("|")[0][10:] for line in lines).split()
    unknown = {i for start, end in gaps for i in range(start, end)}
    assert pairs == ["--" if i in unknown else f"{b:02x}" for i, b in enumerate(data)]
    for line in lines:
        assert_safe(line)


def test_long_data_comes_in_lines_not_at_once() -> None:
    lines = hexdump(memoryview(bytes(1 << 20)))
    assert next(lines).startswith("00000000  00")
    assert sum(1 for _ in lines) == (1 << 16) - 1


def test_chunks_join_without_a_seam() -> None:
    data = bytes(i * 7 % 251 for i in range(16 * 4096 * 2 + 5))
    text = list(hexdump(data))
    assert bytes.fromhex("".join(line[10:58] for line in text)) == data
    assert [int(line[:8], 16) for line in text] == list(range(0, len(data), 16))
    lines = list(tcpflow_hexdump(data))
    assert [int(line.split(":")[0], 16) for line in lines] == list(range(0, len(data), 32))
    assert bytes.fromhex("".join(line.split(": ")[1][:80] for line in lines)) == data


PAYLOADS = [b"A", b"AB", bytes(range(256)), b"x" * 31, b"y" * 32, b"z" * 33, b"w" * 65, b"v" * 62]


def test_tcpflow_lines() -> None:
    assert list(tcpflow_hexdump(b"A")) == ["0000: 41 A"]
    assert list(tcpflow_hexdump(b"AB")) == ["0000: 4142  AB"]
    full, rest = tcpflow_hexdump(b"z" * 33)
    assert full == "0000: " + "7a7a " * 16 + " " + "z" * 32
    assert rest == "0020: 7a" + " " * 79 + "z"
    assert len(full) - 32 == len(rest) - 1


@pytest.mark.peer
def test_tcpflow_prints_the_same(need_tool: Callable[[str], str], tmp_path: Path) -> None:
    tcpflow = need_tool("tcpflow")
    capture, sequence = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1), 1
    for payload in PAYLOADS:
        tcp = struct.pack(">HHIIBBHHH", 1000, 80, sequence, 1, 0x50, 24, 1000, 0, 0)
        ip = struct.pack(
            ">BBHHHBBH4B4B", 0x45, 0, 40 + len(payload), 1, 0, 64, 6, 0, 10, 0, 0, 1, 10, 0, 0, 2
        )
        frame = bytes(12) + b"\x08\0" + ip + tcp + payload
        capture += struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame
        sequence += len(payload)
    path = tmp_path / "a.pcap"
    path.write_bytes(capture)
    done = subprocess.run(
        [tcpflow, "-C", "-D", "-r", str(path)], cwd=tmp_path, capture_output=True, check=True, timeout=30
    )
    ours = "\n\n".join("\n".join(tcpflow_hexdump(payload)) for payload in PAYLOADS) + "\n\n"
    assert done.stdout.decode("ascii") == ours
