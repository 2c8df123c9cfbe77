"""Fragments in a running capture: whole datagrams at once, incomplete ones when nothing more can come."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.live import engine_fragments
from tcpflow_scapy.live.engine import Engine
from tests.decode.rebuilt.compressor import Compressor
from tests.decode.rebuilt.lines import talk as talk_on_a_line
from tests.decode.rebuilt.test_deflated import ipcomp
from tests.decode.rebuilt.test_multilink import pieces
from tests.helpers.headers import ip_fragments, ip_packet, udp_packet
from tests.helpers.traffic import Capture, Conversation, IpFrame, RawFrame

from .spools import GrowingSpool, blocks
from .test_engine import check, pcapng, run

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


def rebuilt_frames(seed: int) -> list[RawFrame]:
    """IPComp of one connection, compressed headers of another, a third in pieces of multilink; in tunnels."""
    rng = random.Random(seed)
    talks = [talk_on_a_line(rng, 2000 + i, turns=8) for i in range(3)]
    senders, numbers = [Compressor(), Compressor()], [0, 0]
    frames: list[RawFrame] = []
    packets = [(i, *each) for i, one in enumerate(talks) for each in one.packets]
    order = sorted(range(len(packets)), key=lambda n: (n % len(talks[0].packets), n))
    for kind, side, packet in (packets[n] for n in order):
        outer = (f"192.0.2.{1 + side}", f"192.0.2.{2 - side}")
        if kind == 0:
            frames.append(IpFrame(packet=ip_packet(*outer, 108, ipcomp(4, packet))))
            continue
        protocol, body = senders[side].send(packet) if kind == 1 else (0x21, packet)
        content = struct.pack("!H", protocol) + body
        parts = [content] if kind == 1 else pieces(content, numbers[side], 200)
        numbers[side] += len(parts) * (kind == 2)
        for part in parts:
            data = struct.pack("!HHH", 2, 3, 4 + side) + part
            frames.append(IpFrame(packet=udp_packet((outer[0], 1701), (outer[1], 1701), data)))
    for number, each in enumerate(frames):
        each.time = START + number * SECOND // 100
    return frames


@pytest.mark.parametrize("seed", range(3))
def test_packets_that_stand_in_no_frame_come_as_in_the_whole(tmp_path: Path, seed: int) -> None:
    blob = pcapng(Capture(rebuilt_frames(seed)))[0]
    spool = GrowingSpool(tmp_path, blob)
    step = len(blob) // 12
    engine, closed_flows = run(spool, [(step, "advance")] * 13, linger=0.5)
    check(spool, engine, closed_flows)
    flows = reassemble(spool.paths(), progress=False)
    assert len(flows) == 3
    assert flows.capture.unused == {}
    assert set(flows.df["missing_bytes"]) == {0}
