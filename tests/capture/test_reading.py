"""What a format reader works with."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.capture.info import CaptureInfo, Interface
from tcpflow_scapy.capture.limits import MAX_COMMENTS, MAX_PROBLEMS
from tcpflow_scapy.capture.medium import MemoryMedium
from tcpflow_scapy.capture.reading import Reading
from tcpflow_scapy.capture.windows import Windows


def reading(info: CaptureInfo | None = None, path: str = "a", frames: int = 0) -> Reading:
    medium = MemoryMedium(bytes(1000), path)
    return Reading(medium, Windows(), info or CaptureInfo(), path, address=5 << 44, frames=frames)


def test_problems_are_listed_up_to_a_limit_and_counted_beyond() -> None:
    one = reading()
    for i in range(MAX_PROBLEMS + 7):
        one.problems.add("damaged", "x", frame=i)
    one.problems.close()
    assert len(one.info.problems) == MAX_PROBLEMS + 1
    assert one.info.problems[-1].kind == "more"
    assert one.info.problems[-1].message.startswith("7 further")
    few = reading()
    few.problems.add("damaged", "x", offset=3, length=4)
    few.problems.close()
    assert [(p.path, p.offset, p.length) for p in few.info.problems] == [("a", 3, 4)]


def test_equal_interfaces_of_one_file_are_one() -> None:
    info = CaptureInfo()
    one, two = reading(info, "a"), reading(info, "b")
    assert [one.interface(Interface(1, 96)), one.interface(Interface(1, 96))] == [0, 0]
    assert one.interface(Interface(1, 96, name="eth0")) == 1
    assert two.interface(Interface(1, 96)) == 2
    assert [i.path for i in info.interfaces] == ["a", "a", "b"]


def test_comments_are_limited() -> None:
    one = reading()
    for i in range(MAX_COMMENTS + 5):
        one.comment(str(i))
    assert len(one.info.comments) == MAX_COMMENTS


def test_batches_are_numbered_and_addressed() -> None:
    one = reading(frames=41)
    column = np.arange(3, dtype=np.int64)
    for expected in (41, 44):
        window = one.window(100)
        batch = one.batch(
            window, position=column, caplen=column, wirelen=column, time=column, linktype=113, interface=0
        )
        assert batch.first == expected
        assert batch.base == (5 << 44) + 100
        assert batch.interface is None
        assert batch.linktype.strides == (0,)
    batch = one.batch(
        one.window(0), position=column, caplen=column, wirelen=column, time=column, linktype=1, interface=2
    )
    assert batch.interface is not None
    assert batch.interface.tolist() == [2, 2, 2]


def test_progress_is_told_the_offset() -> None:
    told: list[int] = []
    one = reading()
    one.advance = told.append
    one.window(10)
    one.window(700)
    assert told == [10, 700]
