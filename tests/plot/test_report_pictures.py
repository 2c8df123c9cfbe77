"""The pictures of the report show its tables."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.plot.report_pictures import TOP, ranking, report_pictures
from tcpflow_scapy.plot.scene import Stack, Texts
from tests.plot.talks import nothing, several

FLOWS = several(6)


def test_pictures_and_their_numbers() -> None:
    tables = FLOWS.report_tables()
    pictures = report_pictures(FLOWS, tables)
    assert list(pictures) == ["traffic", "addresses", "ports", "sizes", "missing", "incomplete", "unused"]
    stack, words = pictures["ports"].marks
    assert isinstance(stack, Stack)
    assert isinstance(words, Texts)
    assert stack.series["from clients"].tolist() == tables["ports"]["client_bytes"].tolist()
    assert [t for _, t in pictures["ports"].y.ticks or ()] == tables["ports"]["service"].tolist()
    assert pictures["unused"].marks == []
    assert pictures["unused"].empty == "every frame was used"
    assert (pictures["missing"].y.ticks or ())[0][1] == "not captured (5 gaps)"


def test_nothing_has_pictures() -> None:
    for scene in report_pictures(nothing(), nothing().report_tables()).values():
        assert scene.marks == []


def test_the_rest_of_a_ranking_is_a_number_without_a_bar() -> None:
    values = np.arange(30, 0, -1)
    scene = ranking(
        "t", [f"n{i}" for i in range(30)], {"a": (values, "#000000"), "b": (values, "#ffffff")}, "bytes"
    )
    stack, words = scene.marks
    assert isinstance(stack, Stack)
    assert isinstance(words, Texts)
    assert len(stack.low) == TOP + 1
    assert stack.series["a"].tolist() == [*values[:TOP].tolist(), 0]
    assert words.texts[-1] == f"{2 * values[TOP:].sum()} B"
    assert (scene.y.ticks or ())[-1][1] == "20 others"


def test_one_more_than_fits_is_named() -> None:
    scene = ranking(
        "t", [f"n{i}" for i in range(TOP + 1)], {"": (np.ones(TOP + 1), "#000000")}, "frames", kind="count"
    )
    assert [t for _, t in scene.y.ticks or ()][-1] == f"n{TOP}"
