"""IP fragments: any cut, any order, any copies; what is missing is missing, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.headers import ip_fragments
from tests.helpers.traffic import Capture, Frame, IpFrame, RawFrame

from .effort import kin
from .scripts import captures, seeds
from .view import captured, reassembled, view, wanted


def in_pieces(capture: Capture, sizes: list[int]) -> Capture:
    """Each IPv4 packet that is longer than its size as fragments of one identification."""
    out: list[RawFrame] = []
    for number, frame in enumerate(capture):
        size = sizes[number % len(sizes)]
        if not isinstance(frame, Frame) or ":" in frame.source[0]:
            out.append(frame)
            continue
        parts = ip_fragments(frame.ip_packet(), size, identification=number + 1)
        out += [IpFrame(time=frame.time, vlans=frame.vlans, packet=part) for part in parts]
    return Capture(out)


sizes = st.lists(st.sampled_from([8, 16, 24, 32, 48, 1480]), min_size=1, max_size=6)


@kin
@given(captures(lossy=False), sizes)
def test_fragments_in_order(capture: Capture, sizes: list[int]) -> None:
    assert view(reassembled(in_pieces(capture, sizes))) == wanted(capture)


@kin
@given(captures(lossy=False), sizes, seeds, st.integers(0, 6))
def test_fragments_shuffled_and_doubled(capture: Capture, sizes: list[int], seed: int, count: int) -> None:
    changed = in_pieces(capture, sizes).duplicate(seed=seed, count=count).shuffle(seed)
    assert view(reassembled(changed)) == wanted(capture)


@kin
@given(captures(lossy=False), sizes, seeds, st.data())
def test_a_missing_fragment_adds_nothing(
    capture: Capture, sizes: list[int], seed: int, data: st.DataObject
) -> None:
    whole = in_pieces(capture, sizes).shuffle(seed)
    kept = sorted(data.draw(st.sets(st.integers(0, len(whole) - 1))))
    few = reassembled(whole.order(kept))
    assert captured(few) <= captured(reassembled(whole))
