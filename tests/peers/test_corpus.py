"""Real captures that nobody here wrote, against an independent reference, one test for each capture.

The corpus is not part of the project: it lies beside it (``../shared/corpus``), or where
``TCPFLOW_SCAPY_CORPUS`` says. Without it these tests are skipped.
"""

from __future__ import annotations

import pytest

from .corpus import CORPUS, captures
from .explained import EXPLAINED
from .judge import explanation, judge_one, pairs

CASES = {name: (path, oracle) for name, path, oracle in pairs(*captures())} if CORPUS else {}


@pytest.mark.skipif(not CASES, reason="the corpus of real captures is not here")
@pytest.mark.parametrize("name", sorted(CASES) or ["none"])
def test_every_stream_is_the_references_or_explained(name: str) -> None:
    _, found = judge_one(name, *CASES[name])
    unexplained = [f"{d.kind}  {d.stream}  {d.what}" for d in found if explanation(d) is None]
    assert not unexplained, "\n".join([name, *unexplained])
    differing = {(d.capture, stream, d.kind) for d in found for stream in (d.stream, "*")}
    stale = [key for key in EXPLAINED if key[0] == name and key not in differing]
    assert not stale, f"explained, but equal now: {stale}"


@pytest.mark.skipif(not CASES, reason="the corpus of real captures is not here")
def test_explanations_name_captures_of_the_corpus() -> None:
    assert {key[0] for key in EXPLAINED} <= set(CASES)
    assert all("frame" in text for text in EXPLAINED.values())
