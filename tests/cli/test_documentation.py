"""docs/tcpflow.md has every option of tcpflow, and says what ours really does with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tcpflow_scapy.cli.options import OPTIONS, REFUSED

PAGE = Path(__file__).parents[2] / "docs" / "tcpflow.md"
TCPFLOW = "aABbcCdDeEFfgHhIilLmopqRrSsTUVvwxXzZK0JP"
"""tcpflow's option letters (its getopt string), and -P of its manual."""


def rows() -> dict[str, list[str]]:
    cells = [re.split(r"\s*\|\s*", line.strip().strip("|").strip()) for line in PAGE.read_text().splitlines()]
    return {found[0][2]: found for found in cells if re.match(r"`-.( .*)?`$", found[0])}


def test_every_letter_of_tcpflow_has_a_row() -> None:
    assert set(rows()) == set(TCPFLOW)


@pytest.mark.parametrize("letter", TCPFLOW)
def test_the_page_tells_the_truth(letter: str) -> None:
    [option] = [each for each in OPTIONS if each.letter == letter]
    refused = rows()[letter][2] == "refused"
    assert refused == (option in REFUSED)
    if not refused:
        assert option.apply is not None or letter in "hV"
    assert bool(option.argument) == (" " in rows()[letter][0])
