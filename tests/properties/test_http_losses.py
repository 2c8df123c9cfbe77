"""HTTP after losses: what is called certain is true, and what was captured whole is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy import reassemble
from tcpflow_scapy.flows.flow import Flow
from tcpflow_scapy.protocols.http import HttpExchange
from tests.helpers.http_talks import HttpTalk, http_talk, lose_frames
from tests.helpers.traffic import Capture

from .effort import law

SECOND = 10**9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("losses")


def flow_of(talk: HttpTalk, folder: Path, clock: bool, acks: bool) -> Flow:
    c = talk.conversation
    for number, frame in enumerate(c.frames):
        frame.time = 10**18 + (number * SECOND if clock else 0)
        if frame.payload and not acks:
            frame.ack = 5001 if frame.source == c.endpoints[0] else 1001  # nothing, ever
    Capture(c).write(folder / "x.pcap")
    [flow] = reassemble(folder / "x.pcap", progress=False)
    return flow


def told(exchange: HttpExchange, talk: HttpTalk) -> tuple[int | None, int | None]:
    """Which request and which response an exchange is made of; -1 where it is none that was sent."""
    asked = {said.start: i for i, said in enumerate(talk.requests)}
    answered = {said.start: i for i, said in enumerate(talk.responses)}
    request, response = exchange.request, exchange.response
    return (
        None if request is None else asked.get(request.start, -1),
        None if response is None else answered.get(response.start, -1),
    )


def assert_certain_is_true(talk: HttpTalk, found: list[tuple[HttpExchange, int | None, int | None]]) -> None:
    """What is called certain was so."""
    asked, answered = {q for _, q, _ in found}, {r for _, _, r in found}
    for exchange, question, answer in found:
        if not exchange.certain:
            continue
        assert -1 not in (question, answer)
        if question is None:
            assert answer not in asked
        elif answer is None:
            assert question not in answered
        else:
            assert question == answer
        for message, number, sent in (
            (exchange.request, question, talk.requests),
            (exchange.response, answer, talk.responses),
        ):
            if message is not None and number is not None and message.complete:
                assert message.body == sent[number].body


@law
@given(st.integers(0, 2**32), st.sampled_from([1, 2, 4]), st.booleans(), st.booleans())
def test_certain_is_true_and_whole_bodies_are_found(
    folder: Path, seed: int, depth: int, clock: bool, acks: bool
) -> None:
    talk = http_talk(seed, depth)
    lose_frames(seed, talk)
    flow = flow_of(talk, folder, clock, acks)
    found = [(exchange, *told(exchange, talk)) for exchange in flow.http]
    assert_certain_is_true(talk, found)
    answers = {exchange.response.start: exchange for exchange, _, _ in found if exchange.response}
    gaps = list(flow.server.gaps[["start", "end"]].itertuples(index=False, name=None))
    for said in talk.responses:
        begin = said.start - said.head
        end = begin + len(said.wire)
        if end <= flow.server.end and not any(a < end and begin < b for a, b in gaps):
            exchange = answers[said.start]
            # Without its request, nothing tells that what a gap follows is the answer to a HEAD.
            if said.body or exchange.certain:
                assert exchange.response is not None
                assert exchange.response.body == said.body


@law
@given(st.integers(0, 2**32), st.sampled_from([1, 2]), st.booleans(), st.booleans(), st.integers(1, 2))
def test_certain_is_true_in_tunnels(
    folder: Path, seed: int, depth: int, clock: bool, acks: bool, tunnels: int
) -> None:
    whole = http_talk(seed, depth, tunnels)
    flow = flow_of(whole, folder, clock, acks)
    if depth == 1:
        assert [told(exchange, whole)[0] for exchange in flow.http] == list(range(len(whole.requests)))
        assert all(exchange.certain for exchange in flow.http)
    talk = http_talk(seed, depth, tunnels)
    lose_frames(seed, talk)
    flow = flow_of(talk, folder, clock, acks)
    assert_certain_is_true(talk, [(exchange, *told(exchange, talk)) for exchange in flow.http])
