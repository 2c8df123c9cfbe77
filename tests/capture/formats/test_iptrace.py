"""AIX iptrace: versions, interfaces, link types."""

from __future__ import annotations

import pytest

from tcpflow_scapy.capture.linktypes import UNKNOWN
from tests.capture.made import SECOND, Frame, iptrace, read, some_frames

FRAMES = some_frames(30)


def test_version_2_has_nanoseconds() -> None:
    frames = [Frame(f.data, f.time + 17) for f in FRAMES]
    got = read(iptrace(frames))
    assert got.frames == frames
    assert got.info.problems == []
    assert got.info.formats == ["iptrace 2.0"]


def test_version_1_has_seconds() -> None:
    got = read(iptrace(FRAMES, version=1))
    assert got.frames == [Frame(f.data, f.time // SECOND * SECOND) for f in FRAMES]
    assert got.info.formats == ["iptrace 1.0"]


def test_interfaces_have_names_and_link_types_of_their_own() -> None:
    parts = [
        iptrace(FRAMES[:3]),
        iptrace(FRAMES[3:5], unit=1)[11:],
        iptrace(FRAMES[5:7], kind=24, name=b"lo")[11:],
        iptrace(FRAMES[7:9], kind=15, name=b"fddi", before=bytes(3))[11:],
        iptrace(FRAMES[9:10], kind=200, name=b"zz")[11:],
    ]
    got = read(b"".join(parts))
    assert got.data == [f.data for f in FRAMES[:10]]
    names = [got.info.interfaces[f.interface].name for f in got.frames]
    assert names == ["en0"] * 3 + ["en1"] * 2 + ["lo0"] * 2 + ["fddi0"] * 2 + ["zz0"]
    assert [f.linktype for f in got.frames] == [1] * 5 + [101] * 2 + [10] * 2 + [UNKNOWN]
    assert got.kinds == ["unknown_linktype"]


@pytest.mark.parametrize("version", [1, 2])
def test_cut_short(version: int) -> None:
    data = iptrace(FRAMES, version=version)
    got = read(data[:-5])
    assert got.data == [f.data for f in FRAMES[:-1]]
    (problem,) = got.info.problems
    assert (problem.kind, problem.frame) == ("cut_short", len(FRAMES))
    assert problem.offset == len(iptrace(FRAMES[:-1], version=version))
