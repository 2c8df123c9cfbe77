"""Order is not meaning: what the same packets say does not depend on how they arrive."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy import reassemble
from tests.helpers.traffic import Capture

from .effort import kin, law
from .scripts import captures, conversations, isns, seeds
from .view import reassembled, view, wanted, whole_view


@kin
@given(captures())
def test_a_capture_in_order_is_what_the_script_meant(capture: Capture) -> None:
    assert view(reassembled(capture)) == wanted(capture)


@law
@given(captures(), seeds)
def test_shuffled(capture: Capture, seed: int) -> None:
    shuffled = reassembled(capture.shuffle(seed))
    assert view(shuffled) == wanted(capture)
    assert whole_view(shuffled) == whole_view(reassembled(capture))


@kin
@given(captures(), seeds)
def test_shuffled_without_a_clock(capture: Capture, seed: int) -> None:
    assert view(reassembled(capture.shuffle(seed).without_times())) == wanted(capture)


@law
@given(captures(), seeds, st.integers(1, 8))
def test_duplicated(capture: Capture, seed: int, count: int) -> None:
    doubled = reassembled(capture.duplicate(seed=seed, count=count))
    assert whole_view(doubled) == whole_view(reassembled(capture))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("split")


@law
@given(capture=captures(), count=st.integers(2, 4), turned=st.booleans())
def test_split_into_files(folder: Path, capture: Capture, count: int, turned: bool) -> None:
    whole = whole_view(reassembled(capture))
    parts = capture.split(count)
    if turned:
        parts.reverse()
    paths = [
        part.write(folder / f"{number}.cap", "pcapng" if number % 2 else "pcap", ns=True)
        for number, part in enumerate(parts)
    ]
    split = reassemble(paths, progress=False)
    assert whole_view(split) == whole
    del split


@kin
@given(captures(), isns)
def test_any_constant_added_to_all_sequence_numbers(capture: Capture, constant: int) -> None:
    assert whole_view(reassembled(capture.shifted(constant))) == whole_view(reassembled(capture))


@kin
@given(conversations(), st.booleans())
def test_directions_swapped(conversation: Capture, syn: bool) -> None:
    capture = Capture(conversation)
    here, there = capture[0].source, capture[0].destination  # type: ignore[attr-defined]
    swap = {here: there, there: here}
    turned = whole_view(reassembled(capture.mirrored()))
    back = {frozenset((swap[s[0]], *s[1:]) for s in flow): count for flow, count in turned.items()}
    assert back == whole_view(reassembled(capture))


@kin
@given(captures(lossy=False), seeds)
def test_cut_into_other_segments(capture: Capture, seed: int) -> None:
    assert whole_view(reassembled(capture.resegmented(seed))) == whole_view(reassembled(capture))


@kin
@given(captures(lossy=True), seeds, seeds)
def test_all_at_once(capture: Capture, first: int, second: int) -> None:
    changed = capture.resegmented(first).duplicate(seed=first, count=4).shuffle(second)
    assert view(reassembled(changed.shifted(second).without_times())) == wanted(capture)
