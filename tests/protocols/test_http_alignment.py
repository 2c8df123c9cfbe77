from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.protocols.http_alignment import MANY, Cap, Place, align

hidden = st.tuples(st.integers(0, 1), st.integers(0, 2)).map(lambda pair: Place(min(pair), max(pair)))


@st.composite
def puzzles(draw: st.DrawFn) -> tuple[list[Place], list[Place], list[Cap], Place]:
    questions = draw(st.lists(hidden, max_size=3))
    answers = draw(st.lists(hidden, max_size=3))
    tail = draw(hidden)
    last = sorted(draw(st.integers(0, len(questions) + 1)) for _ in answers)
    caps = [Cap(n, int(n > len(questions)) or draw(st.integers(0, 1))) for n in last]
    return questions, answers, caps, tail


def places(messages: list[Place]) -> list[list[int]]:
    """Every way in which messages can stand among all that were sent."""
    found = []
    for gaps in product(*(range(place.low, place.high + 1) for place in messages)):
        at, row = 0, []
        for gap in gaps:
            at += gap + 1
            row.append(at)
        found.append(row)
    return found


@given(puzzles())
def test_what_is_certain_holds_in_every_possible_world(
    puzzle: tuple[list[Place], list[Place], list[Cap], Place],
) -> None:
    questions, answers, caps, tail = puzzle
    worlds = [
        (asked, answered)
        for asked, answered in product(places([*questions, tail]), places(answers))
        if all(at <= [0, *asked][cap.question] - cap.less for at, cap in zip(answered, caps, strict=True))
    ]
    matches = list(align(questions, answers, caps, tail))
    assert [m.question for m in matches if m.question >= 0] == list(range(len(questions)))
    assert [m.answer for m in matches if m.answer >= 0] == list(range(len(answers)))
    if not worlds:
        assert not any(match.certain for match in matches)
    for i, j, certain in matches:
        if i >= 0 and j >= 0:
            always = bool(worlds) and all(asked[i] == answered[j] for asked, answered in worlds)
        elif i >= 0:
            always = bool(worlds) and not any(asked[i] in answered for asked, answered in worlds)
        else:
            always = bool(worlds) and not any(answered[j] in asked[:-1] for asked, answered in worlds)
        assert always or not certain
        # Nothing that is proved is left open, but that a message has no partner: its place may be open.
        assert certain or not always or i < 0 or j < 0


def test_the_likeliest_is_taken_where_nothing_is_proved() -> None:
    lost = Place(0, 9)
    # An answer behind a gap belongs to the newest question it can belong to.
    assert list(align([Place(), Place(), Place()], [Place(), lost], [Cap(1, 0), Cap(3, 0)], Place())) == [
        (0, 0, True),
        (1, -1, False),
        (2, 1, False),
    ]
    # No more questions were lost than must have been.
    assert list(align([Place(), lost], [Place()] * 3, [Cap(1, 0), Cap(2, 1), Cap(2, 0)], Place())) == [
        (0, 0, True),
        (-1, 1, True),
        (1, 2, False),
    ]


def test_from_a_message_that_may_be_none_on_nothing_is_certain() -> None:
    found = Place(0, 0, believed=False)
    plain, doubtful = [Place()] * 3, [Place(), found, Place()]
    caps = [Cap(1, 0), Cap(2, 0), Cap(3, 0)]
    for questions, answers in ((plain, doubtful), (doubtful, plain)):
        assert [m.certain for m in align(questions, answers, caps, Place())] == [True, False, False]


def test_a_capture_that_begins_in_the_middle_proves_nothing() -> None:
    begun = Place(0, MANY)
    assert list(align([begun], [begun], [Cap(1, 0)], Place())) == [(0, 0, False)]
