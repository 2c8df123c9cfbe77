"""Fragments in a running capture: whole datagrams at once, incomplete ones when nothing more can come."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpflow_scapy.live import engine_fragments
from tcpflow_scapy.live.engine import Engine
from tests.helpers.headers import ip_fragments
from tests.helpers.traffic import Capture, Conversation, IpFrame, RawFrame

from .spools import GrowingSpool, blocks
from .test_engine import pcapng

SECOND = 10**9
START = 1_600_000_000 * SECOND


def talk() -> tuple[list[RawFrame], Conversation]:
    """A flow whose request comes in three fragments."""
    conversation = Conversation()
    conversation.handshake()
    conversation.client(b"0123456789" * 8)
    conversation.reset("server")
    frames: list[RawFrame] = []
    for frame in conversation.frames:
        parts = ip_fragments(frame.ip_packet(), 48, identification=9) if frame.payload else None
        frames += [frame] if parts is None else [IpFrame(packet=part) for part in parts]
    for number, each in enumerate(frames):
        each.time = START + number * SECOND // 100
    return frames, conversation


def closed(engine: Engine) -> list[tuple[bytes, list[str]]]:
    found = [(flow.client.data, flow.client.gaps["cause"].tolist()) for flow in engine.closed]
    engine.closed.clear()
    return found


def test_a_datagram_is_used_when_it_is_whole(tmp_path: Path) -> None:
    frames, _ = talk()
    blob = pcapng(Capture(frames))[0]
    spool = GrowingSpool(tmp_path, blob)
    engine = Engine(spool.paths, linger=1)
    for begin, end in blocks(blob):
        spool.write(end - begin)
        engine.advance()
    engine.advance(START + 5 * SECOND)
    assert closed(engine) == [(b"0123456789" * 8, [])]
    store = engine._store
    origins = store.origins()
    assert origins is not None
    assert len(origins.start) == len({int(frame) for frame in origins.frame}) == 3
    assert store.snapshot().read(int(origins.address[0]), 4) == store.read(int(origins.start[0]), 4)
    engine.finish()
    assert closed(engine) == []


def test_an_incomplete_one_when_there_is_no_hope(tmp_path: Path) -> None:
    frames, _ = talk()
    frames.pop(4)
    spool = GrowingSpool(tmp_path, *pcapng(Capture(frames)))
    spool.write_all()
    engine = Engine(spool.paths, linger=1)
    engine.advance(START + 5 * SECOND)
    assert closed(engine) == [(b"", [])]
    engine.advance(START + 70 * SECOND)
    engine.advance(START + 75 * SECOND)
    begun = (b"0123456789" * 8)[:28]
    assert closed(engine) == [(begun, ["fragment_missing"])]
    final = engine.finish()
    assert final[0].client.data == begun
    assert not engine.closed


def test_those_that_wait_are_not_more_than_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_fragments, "WAITING", 10)
    _, conversation = talk()
    packet = conversation.frames[3].ip_packet()
    frames = [
        IpFrame(packet=ip_fragments(packet, 48, identification=number)[0], time=START + number)
        for number in range(100)
    ]
    blob = pcapng(Capture(frames))[0]
    spool = GrowingSpool(tmp_path, blob)
    engine = Engine(spool.paths)
    while spool.write(1000):
        engine.advance()
    assert len(engine._fragments) == 100
    assert len(engine._fragments._waiting["frame"]) <= 10
    assert len(engine.finish()) == 1
