"""Statistics blocks tell what is missing; broken ones tell nothing."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.capture.info import Problem
from tcpflow_scapy.capture.live.sections import Counters, SpoolInterface, describe, section, statistics


def problems(path: Path, *parts: bytes) -> list[Problem]:
    path.write_bytes(b"".join([section(), *parts]))
    return reassemble(path).capture.problems


ETH0, WLAN0 = describe(SpoolInterface("eth0", 1, 0)), describe(SpoolInterface("wlan0", 1, 0))


def test_the_last_counters_of_each_interface(tmp_path: Path) -> None:
    found = problems(
        tmp_path / "a.pcapng",
        ETH0,
        statistics(0, Counters(100, 1, 0)),
        WLAN0,
        statistics(1, Counters(100, 0, 1)),
        statistics(0, Counters(9000, 1234, 0)),
        section(),
        describe(SpoolInterface("lo", 1, 0)),
        statistics(0, Counters(9, 7, 8)),
    )
    assert [(problem.kind, problem.message) for problem in found] == [
        ("kernel_drop", "eth0: 1,234 frames dropped by the system while it was captured"),
        ("interface_drop", "wlan0: 1 frame dropped by the interface while it was captured"),
        ("kernel_drop", "lo: 7 frames dropped by the system while it was captured"),
        ("interface_drop", "lo: 8 frames dropped by the interface while it was captured"),
    ]


def test_what_was_captured_and_not_kept(tmp_path: Path) -> None:
    counters = Counters(1050, 20, 0, taken=1000, not_kept=33)
    found = problems(tmp_path / "a.pcapng", ETH0, statistics(0, counters))
    assert [(problem.kind, problem.message) for problem in found] == [
        ("kernel_drop", "eth0: 20 frames dropped by the system while it was captured"),
        ("spool_full", "eth0: 33 frames captured and not kept"),
    ]


def test_nothing_was_lost(tmp_path: Path) -> None:
    assert problems(tmp_path / "a.pcapng", ETH0, statistics(0, Counters(100, 0, 0))) == []


@pytest.mark.parametrize("interface", [1, 7, 0xFFFFFFFF])
def test_interfaces_that_are_not_there(tmp_path: Path, interface: int) -> None:
    assert problems(tmp_path / "a.pcapng", ETH0, statistics(interface, Counters(1, 2, 3))) == []


def test_broken_options(tmp_path: Path) -> None:
    for options in (b"", b"\x07\x00\xff\xff", struct.pack("<HHI", 7, 4, 5), b"\x07\x00\x08\x00" + bytes(4)):
        length = struct.pack("<I", 24 + len(options))
        block = struct.pack("<I", 5) + length + bytes(12) + options + length
        assert problems(tmp_path / "a.pcapng", ETH0, block) == []
