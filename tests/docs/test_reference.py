"""The reference has every public name, and says of every table in the code what it says itself."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import tcpflow_scapy
from tcpflow_scapy.capture.info import PROBLEMS
from tcpflow_scapy.capture.live.events import KINDS

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

facts = pytest.importorskip("facts", reason="needs the docs extra", exc_type=ImportError)

PAGES = {path: path.read_text() for path in DOCS.rglob("*.md") if "_build" not in path.parts}


def test_every_public_name_is_in_the_reference() -> None:
    listed = set((DOCS / "reference" / "index.md").read_text().split())
    assert not {name for name in tcpflow_scapy.__all__ if not name.startswith("_")} - listed


@pytest.mark.parametrize("name", facts.FACTS)
def test_tables_have_heads_and_rows(name: str) -> None:
    heads, rows = facts.FACTS[name]()
    made = list(rows)
    assert made
    assert all(len(row) == len(heads) and row[0] for row in made)


def test_every_table_is_shown_and_every_shown_table_exists() -> None:
    shown = {name for text in PAGES.values() for name in re.findall(r"```\{facts\} (\S+)", text)}
    assert shown == set(facts.FACTS)


def test_every_kind_of_problem_that_is_reported_has_a_meaning() -> None:
    package = Path(tcpflow_scapy.__file__).parent
    report = re.compile(
        r'(?:\bproblems\.add|\bProblem|_?report|_end|problem=|kind, message =|kind =)[(\s]*"([a-z_]+)"'
    )
    stages = [
        package / "pipeline.py",
        *(package / "capture").rglob("*.py"),
        *(package / "flows").rglob("*.py"),
    ]
    sources = [path.read_text() for path in stages]
    reported = {kind for text in sources for kind in report.findall(text)}
    assert reported >= {"cut_short", "damaged", "clock", "handshake", "wrong_linktype"}
    assert reported - set(PROBLEMS) - set(KINDS) == set()


def test_pictures_are_there_and_say_what_they_show() -> None:
    for path, text in {**PAGES, DOCS.parent / "README.md": (DOCS.parent / "README.md").read_text()}.items():
        for address in re.findall(
            r"```\{image\} (\S+)|!\[[^]]+\]\(([^)]+)\)|(?:src|srcset)=\"([^\"]+)", text
        ):
            picture = path.parent / "".join(address)
            assert picture.stat().st_size > 1000, picture
    for image in re.findall(r"```\{image\}.*?```", "".join(PAGES.values()), re.S):
        assert ":alt:" in image


def test_nothing_is_drawn_by_the_network() -> None:
    for picture in (DOCS / "pictures").glob("*.svg"):
        text = picture.read_text()
        assert "url(http" not in text
        assert "@font-face" not in text
