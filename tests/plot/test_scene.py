"""Scenes: what has no place is left out, what is too short to be seen is made longer."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.plot.scene import Axis, Boxes, Points, Scene, Segments, Steps

Y = np.array([0.0, 50.0, 100.0])


def scene(*marks: object, **axes: Axis) -> Scene:
    return Scene("t", axes.get("x", Axis("x")), axes.get("y", Axis("y")), list(marks))  # type: ignore[arg-type]


def test_marks_without_a_place_are_not_drawn() -> None:
    x = np.array([1.0, np.nan, 3.0])
    made = scene(
        Points(x, Y, "p", "#000000", frame=np.array([1, 2, 3])),
        Steps(x, Y, "s", "#000000"),
        Segments(x, Y, x, Y + 10, "l", "#000000"),
        Boxes(x, x + 1, Y, Y, "b"),
        Points(np.array([np.nan]), np.array([1.0]), "none", "#000000"),
    )
    points, steps, lines, boxes = made.drawn(100)
    assert [len(m) for m in (points, steps, lines, boxes)] == [2, 2, 2, 2]
    assert isinstance(points, Points)
    assert points.frame is not None
    assert points.frame.tolist() == [1, 3]


def test_a_byte_in_a_megabyte_can_be_seen() -> None:
    x = np.array([0.0, 1.0])
    made = scene(Segments(x, np.array([0.0, 10.0]), x, np.array([1e6, 11.0]), "", "#000000"))
    (lines,) = made.drawn(100, shortest=0.001)
    assert isinstance(lines, Segments)
    assert lines.y0.tolist() == [0, 10.5 - 500]
    assert lines.y1.tolist() == [1e6, 10.5 + 500]


def test_level_lines_grow_sideways_within_the_limits_of_the_axis() -> None:
    zero = np.zeros(1)
    made = scene(Segments(zero + 5, zero, zero + 5, zero, "", "#000000"), x=Axis("x", limits=(0.0, 1000.0)))
    (line,) = made.drawn(100, shortest=0.01)
    assert isinstance(line, Segments)
    assert (line.x0[0], line.x1[0], line.y0[0], line.y1[0]) == (0, 10, 0, 0)


def test_a_lone_instant_has_a_length() -> None:
    zero = np.zeros(1)
    (line,) = scene(Segments(zero, zero, zero, zero, "", "#000000"), x=Axis("x", "utc")).drawn(10)
    assert isinstance(line, Segments)
    assert line.x1[0] > line.x0[0]


def test_every_mark_is_thinned() -> None:
    many = np.arange(50_000, dtype=float)
    made = scene(
        Points(many, many, "p", "#000000"),
        Steps(many, many, "s", "#000000"),
        Segments(many, many, many, many + 1, "l", "#000000"),
        Boxes(many, many + 1, many, many, "b"),
    )
    assert all(0 < len(mark) <= 4_500 for mark in made.drawn(4_000))
