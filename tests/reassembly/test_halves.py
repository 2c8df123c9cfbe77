"""Directions cut into halves: by empty stretches of the circle, and by SYNs."""

from __future__ import annotations

import numpy as np
import pytest

from tcpflow_scapy.reassembly.halves import Halves, find_halves

MODULUS = 1 << 32
MAX_GAP = 1000


def halves(
    *points: tuple[int, int] | tuple[int, str], direction: list[int] | None = None, directions: int = 1
) -> Halves:
    """Points as (sequence number, length); a SYN has the length "syn"."""
    syn = np.array([n == "syn" for _, n in points], bool)
    return find_halves(
        np.array(direction or [0] * len(points), np.int64),
        directions,
        np.array([s % MODULUS for s, _ in points], np.uint32),
        np.array([0 if n == "syn" else n for _, n in points], np.int64),
        syn,
        MAX_GAP,
    )


def located(found: Halves, *numbers: int, before: bool = False, direction: int = 0) -> list[int]:
    sequence = np.array([n % MODULUS for n in numbers], np.uint32)
    return found.locate(np.full(len(numbers), direction), sequence, before).tolist()


def test_what_lies_together_is_one_half() -> None:
    found = halves((5000, 100), (5100, 100), (6199, 10))
    assert found.count == 1
    assert found.row_half.tolist() == [0, 0, 0]
    assert found.start.tolist() == [5000]
    assert found.isn.tolist() == [-1]


def test_an_empty_stretch_wider_than_the_limit_cuts() -> None:
    assert halves((5000, 100), (6100, 10)).count == 1
    found = halves((6101, 10), (5000, 100))
    assert found.row_half.tolist() == [1, 0]
    assert found.arc.tolist() == [0, 1]


def test_a_long_segment_bridges_short_ones_inside_it() -> None:
    assert halves((0, 3000), (10, 5), (3900, 5)).count == 1


@pytest.mark.parametrize("shift", [0, -50, -120, -300, 1 << 31, MODULUS - 5000])
def test_the_circle_is_closed(shift: int) -> None:
    """The same places anywhere on the circle: one half, then another far away."""
    points = [(5000 + shift, 100), (5100 + shift, 100), (5300 + shift, 10), (90_000 + shift, 7)]
    found = halves(*points)
    assert found.count == 2
    one, two = found.row_half.tolist()[0], found.row_half.tolist()[3]
    assert one != two
    assert found.row_half.tolist()[:3] == [one] * 3
    positions = found.row_position.tolist()
    assert [p - positions[0] for p in positions[:3]] == [0, 100, 300]
    assert located(found, 5000 + shift, 5309 + shift, 90_003 + shift) == [one, one, two]


def test_syns_with_other_isns_cut_but_a_repeated_one_does_not() -> None:
    found = halves((1000, "syn"), (1001, 50), (1000, "syn"), (1500, "syn"), (1501, 9))
    assert found.count == 2
    assert found.isn.tolist() == [1000, 1500]
    assert found.row_half.tolist() == [0, 0, 0, 1, 1]
    assert found.arc.tolist() == [0, 0]


def test_data_before_the_first_syn_of_an_arc_is_a_half_of_its_own() -> None:
    found = halves((900, 50), (1000, "syn"), (1001, 5))
    assert found.isn.tolist() == [-1, 1000]
    assert found.row_half.tolist() == [0, 1, 1]


def test_at_the_isn_itself_data_is_old_and_a_keep_alive_is_new() -> None:
    found = halves((990, 10), (1000, "syn"), (1000, 20), (1000, 1))
    assert found.row_half.tolist() == [0, 1, 0, 1]


def test_an_older_half_that_reaches_the_next_isn_is_seen() -> None:
    apart = halves((1000, "syn"), (1001, 100), (1500, "syn"), (1501, 9))
    assert apart.crossed.tolist() == [False, False]
    meeting = halves((1000, "syn"), (1001, 600), (1500, "syn"), (1501, 9))
    assert meeting.crossed.tolist() == [False, True]


def test_directions_do_not_touch() -> None:
    found = halves((1000, 10), (1000, 10), (1010, 5), direction=[0, 2, 0], directions=3)
    assert found.count == 2
    assert found.row_half.tolist() == [0, 1, 0]
    assert found.direction.tolist() == [0, 2]
    assert located(found, 1003, direction=0) == [0]
    assert located(found, 1003, direction=1) == [-1]
    assert located(found, 1003, direction=2) == [1]


def test_acknowledgments_mean_the_byte_before() -> None:
    found = halves((1000, "syn"), (1001, 99), (1100, "syn"), (1101, 5))
    assert located(found, 1100, before=True) == [0]
    assert located(found, 1101, before=True) == [1]
    assert located(found, 1100) == [1]


def test_numbers_are_near_a_half_or_nowhere() -> None:
    found = halves((100_000, 100))
    assert located(found, 100_000 - MAX_GAP, 100_100 + MAX_GAP) == [0, 0]
    assert located(found, 100_000 - MAX_GAP - 1, 100_101 + MAX_GAP, 0, 1 << 31) == [-1, -1, -1, -1]


def test_nothing() -> None:
    found = halves()
    assert found.count == 0
    assert located(found, 5) == [-1]


def test_more_data_than_the_circle_holds_is_followed_in_the_order_of_arrival() -> None:
    size = 1 << 28
    points = [(i * size, size) for i in range(20)]
    found = find_halves(
        np.zeros(20, np.int64),
        1,
        np.array([p[0] % MODULUS for p in points], np.uint32),
        np.array([p[1] for p in points], np.int64),
        np.zeros(20, bool),
        MAX_GAP,
    )
    assert found.count == 1
    assert found.row_position.tolist() == [p[0] for p in points]
