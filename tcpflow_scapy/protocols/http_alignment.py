"""Which answer belongs to which question, once messages may have been lost.

Every captured question and answer gets bounds for its place among all that were ever sent: how many a gap
can have hidden, that answers come in order (RFC 9112, 9.3), and that no answer is sent before its question
has arrived. Where the bounds leave one possibility, the pair is proved; elsewhere the likeliest is taken
(fewest questions lost, each answer to the newest question it can belong to) and called uncertain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MANY = 1 << 60
"""No bound."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of a message's place behind the one before it."""

    low: int = 0
    """fewest messages that can be hidden before it"""
    high: int = 0
    """most messages that can be hidden before it"""
    believed: bool = True
    """False where it was only found by its looks: it may lie inside a body"""


class Cap(NamedTuple):
    """The last question that an answer can belong to: number `question` (1-based), `less` so many."""

    question: int
    less: int


class Matched(NamedTuple):
    """A question and its answer, as indexes; -1 where there is none."""

    question: int
    answer: int
    certain: bool


@dataclass(slots=True)
class _Bounds:
    """Lowest and highest place of each message; the first entry stands for what was paired before."""

    low: list[int]
    high: list[int]

    def fixed(self, index: int) -> bool:
        return self.low[index] == self.high[index]


def align(
    questions: Sequence[Place], answers: Sequence[Place], caps: Sequence[Cap], tail: Place
) -> Iterator[Matched]:
    """Pair questions with answers, in order; each of either is in one match.

    Parameters
    ----------
    questions, answers : sequence of Place
    caps : sequence of Cap
        One for each answer. Question ``len(questions) + 1`` is the first that was not captured.
    tail : Place
        Questions that can be hidden behind the last one.
    """
    asked = [*questions, tail]
    believed_questions = _first_doubt(asked)
    believed_answers = _first_doubt(answers)
    sound = [
        cap if j < believed_answers and cap.question <= believed_questions else None
        for j, cap in enumerate(caps)
    ]
    bounds = _bounds(asked, answers, sound)
    consistent = all(low <= high for side in bounds for low, high in zip(side.low, side.high, strict=True))
    _loosen(bounds[0], believed_questions)
    _loosen(bounds[1], believed_answers)
    guess = _guess(asked, answers, caps)
    yield from _matches(guess, bounds, len(questions), consistent)


def _first_doubt(places: Sequence[Place]) -> int:
    """How many messages come before the first that may be none."""
    return next((i for i, place in enumerate(places) if not place.believed), len(places))


def _lowest(places: Sequence[Place], at_least: Sequence[int]) -> list[int]:
    """Lowest places, if nothing but the number of hidden messages and `at_least` bounds them."""
    low = [0] * (len(places) + 1)
    for i, place in enumerate(places, 1):
        low[i] = max(low[i - 1] + 1 + place.low, at_least[i])
    for i in range(len(places), 0, -1):
        low[i - 1] = max(low[i - 1], low[i] - 1 - places[i - 1].high)
    for i, place in enumerate(places, 1):
        low[i] = max(low[i], low[i - 1] + 1 + place.low)
    return low


def _highest(places: Sequence[Place], at_most: Sequence[int]) -> list[int]:
    """The same for highest places."""
    high = [0] * (len(places) + 1)
    for i, place in enumerate(places, 1):
        high[i] = min(high[i - 1] + 1 + place.high, at_most[i])
    for i in range(len(places), 0, -1):
        high[i - 1] = min(high[i - 1], high[i] - 1 - places[i - 1].low)
    for i, place in enumerate(places, 1):
        high[i] = min(high[i], high[i - 1] + 1 + place.high)
    return high


def _bounds(
    asked: Sequence[Place], answers: Sequence[Place], caps: Sequence[Cap | None]
) -> tuple[_Bounds, _Bounds]:
    answer_low = _lowest(answers, [0] * (len(answers) + 1))
    at_least = [0] * (len(asked) + 1)
    for j, cap in enumerate(caps, 1):
        if cap is not None:
            at_least[cap.question] = max(at_least[cap.question], answer_low[j] + cap.less)
    question_low = _lowest(asked, at_least)
    question_high = _highest(asked, [MANY] * (len(asked) + 1))
    at_most = [MANY] * (len(answers) + 1)
    for j, cap in enumerate(caps, 1):
        if cap is not None:
            at_most[j] = question_high[cap.question] - cap.less
    answer_high = _highest(answers, at_most)
    return _Bounds(question_low, question_high), _Bounds(answer_low, answer_high)


def _loosen(bounds: _Bounds, believed: int) -> None:
    """Of messages that may be none, nothing is known but what came before them."""
    for i in range(believed + 1, len(bounds.low)):
        bounds.low[i], bounds.high[i] = bounds.low[believed] + 1, MANY


def _guess(
    asked: Sequence[Place], answers: Sequence[Place], caps: Sequence[Cap]
) -> tuple[list[int], list[int]]:
    """The likeliest places: fewest questions lost, and each answer as late as can be."""
    answer_low = _lowest(answers, [0] * (len(answers) + 1))
    at_least = [0] * (len(asked) + 1)
    for j, cap in enumerate(caps, 1):
        at_least[cap.question] = max(at_least[cap.question], answer_low[j] + cap.less)
    question = _lowest(asked, at_least)
    answer = _highest(answers, [MANY, *(question[cap.question] - cap.less for cap in caps)])
    answer[0] = 0
    for i in range(1, len(answer)):
        answer[i] = max(answer[i], answer[i - 1] + 1)  # contradictions keep the order all the same
    return question, answer


def _matches(
    guess: tuple[list[int], list[int]], bounds: tuple[_Bounds, _Bounds], questions: int, consistent: bool
) -> Iterator[Matched]:
    asked, answered = guess[0][: questions + 1], guess[1]
    ask, answer = bounds
    i = j = 1
    while i < len(asked) or j < len(answered):
        first = asked[i] if i < len(asked) else MANY * 2
        second = answered[j] if j < len(answered) else MANY * 2
        if first == second:
            certain = ask.fixed(i) and answer.fixed(j) and ask.low[i] == answer.low[j]
            yield Matched(i - 1, j - 1, consistent and certain)
            i, j = i + 1, j + 1
        elif first < second:
            yield Matched(i - 1, -1, consistent and _alone(ask, i, questions + 1, answer, j, len(answered)))
            i += 1
        else:
            yield Matched(-1, j - 1, consistent and _alone(answer, j, len(answered), ask, i, len(asked)))
            j += 1


def _alone(mine: _Bounds, index: int, count: int, others: _Bounds, following: int, end: int) -> bool:
    """Whether a message is proved to have no partner among those captured."""
    if not mine.fixed(index):
        return False
    place = mine.low[index]
    before = following == 1 or others.high[following - 1] < place
    return before and (following >= end or others.low[following] > place)
