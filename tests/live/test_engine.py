"""Incremental equals whole: whatever the borders of what is written, whenever flows are asked for."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy import reassemble
from tcpflow_scapy.capture import open_source
from tcpflow_scapy.capture.writer import PcapngWriter
from tcpflow_scapy.errors import CaptureFormatError, CaptureOSError
from tcpflow_scapy.live import engine_watch
from tcpflow_scapy.live.engine import Engine
from tests.helpers.traffic import Capture, Conversation, play
from tests.properties.effort import costly, kin
from tests.properties.scripts import captures, contradicting, conversations, seeds
from tests.properties.test_fragments import in_pieces

from .spools import GrowingSpool, facts, flow_facts, last_bytes

SAMPLES = sorted((Path(__file__).parents[2] / "sample_pcaps").glob("*.pcap*"))

steps = st.lists(
    st.tuples(st.integers(1, 2500), st.sampled_from(["advance", "advance", "advance", "flows", "nothing"])),
    max_size=24,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spool")


def pcapng(*captures: Capture) -> list[bytes]:
    return [capture.to_bytes("pcapng", ns=True) for capture in captures]


def spaced(capture: Capture, seconds: float) -> Capture:
    """The same frames, so far apart in time."""
    for number, frame in enumerate(capture):
        frame.time = 1_600_000_000_000_000_000 + round(number * seconds * 1e9)
    return capture


def ends_of(flow: Any) -> frozenset[tuple[str, int]]:
    return frozenset((stream.address, stream.port) for stream in flow.streams)


def run(spool: GrowingSpool, script: list[tuple[int, str]], **options: Any) -> tuple[Engine, list[Any]]:
    """Write and advance as the script says; the engine, and what it had closed by then."""
    engine = Engine(spool.paths, **options)
    closed = []
    for count, what in script:
        if not spool.write(count):
            break
        if what == "advance":
            engine.advance()
        elif what == "flows":
            engine.flows()
        while engine.closed:
            closed.append(engine.closed.popleft())
    return engine, closed


def check(spool: GrowingSpool, engine: Engine, closed: list[Any], **options: Any) -> None:
    """The end is what the whole gives, and so is the last report of each flow."""
    spool.write_all()
    table = engine.finish()
    whole = reassemble(spool.paths(), progress=False, **options)
    final = list(map(repr, facts(whole)))
    assert list(map(repr, facts(table))) == final
    assert table.capture.unused == whole.capture.unused
    assert table.capture.problems == whole.capture.problems
    closed += engine.closed
    last = {(ends_of(flow), flow.first_frame): flow for flow in closed}
    reported = [repr(flow_facts(flow)) for flow in last.values()]
    assert [report for report in final if report not in reported] == []


@kin
@given(capture=captures(), script=steps, gap=st.sampled_from([0.0, 0.1, 1.0]), seed=seeds)
def test_random_traffic_and_borders(
    folder: Path, capture: Capture, script: list[tuple[int, str]], gap: float, seed: int
) -> None:
    spool = GrowingSpool(folder, *pcapng(spaced(capture, gap)))
    engine, closed = run(spool, script, linger=0.2, park=0.5)
    check(spool, engine, closed)


@costly
@given(capture=captures(), script=steps, seed=seeds, count=st.integers(1, 3))
def test_out_of_order_in_several_files_without_a_clock(
    folder: Path, capture: Capture, script: list[tuple[int, str]], seed: int, count: int
) -> None:
    parts = capture.shuffle(seed).without_times().split(count)
    spool = GrowingSpool(folder, *pcapng(*parts))
    check(spool, *run(spool, script, linger=0, park=0))


@costly
@given(
    first=conversations(both=True),
    again=conversations(both=True),
    script=steps,
    options=st.sampled_from(
        [{}, {"timeout": 0.15}, {"max_gap": 10}, {"overlap": "last"}, {"filter": "tcp port 80"}]
    ),
)
def test_a_reused_port(
    folder: Path, first: Conversation, again: Conversation, script: list[tuple[int, str]], options: Any
) -> None:
    capture = spaced(Capture(*first.frames, *again.frames, *first.frames[-2:]), 0.1)
    spool = GrowingSpool(folder, *pcapng(capture))
    engine, closed = run(spool, script, linger=0.05, park=0.2, **options)
    check(spool, engine, closed, **options)


@costly
@given(conversation=contradicting(), script=steps, overlap=st.sampled_from(["first", "last", "linux"]))
def test_contradictions(
    folder: Path, conversation: Conversation, script: list[tuple[int, str]], overlap: str
) -> None:
    spool = GrowingSpool(folder, *pcapng(spaced(Capture(conversation), 1)))
    engine, closed = run(spool, script, linger=0, park=0, overlap=overlap)
    check(spool, engine, closed, overlap=overlap)


@costly
@given(
    capture=captures(), script=steps, seed=seeds, size=st.sampled_from([8, 24, 64]), shuffled=st.booleans()
)
def test_fragments(
    folder: Path, capture: Capture, script: list[tuple[int, str]], seed: int, size: int, shuffled: bool
) -> None:
    pieces = in_pieces(capture, [size, 1480, 24])
    if shuffled:
        pieces = pieces.duplicate(seed=seed, count=2).shuffle(seed)
    spool = GrowingSpool(folder, *pcapng(spaced(pieces, 0.5)))
    engine, closed = run(spool, script, linger=1, park=3)
    check(spool, engine, closed)


def as_pcapng(path: Path) -> bytes:
    """A capture of any format, frame for frame."""
    out = io.BytesIO()
    writer = PcapngWriter(out)
    for batch in open_source(str(path)).batches():
        columns = (batch.position, batch.caplen, batch.wirelen, batch.time, batch.linktype)
        for position, caplen, wirelen, time, linktype in zip(*(c.tolist() for c in columns), strict=True):
            writer.write(
                batch.memory[position : position + caplen].tobytes(), time, wirelen, linktype=linktype
            )
    return out.getvalue()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples(tmp_path: Path, path: Path) -> None:
    blob = as_pcapng(path)
    spool = GrowingSpool(tmp_path, blob)
    script = [(max(1, len(blob) // 9 + number), "advance") for number in range(9)]
    check(spool, *run(spool, script, linger=0.01, park=0.1))


def closed_now(engine: Engine) -> list[tuple[str, bool, bytes]]:
    found = [(flow.ended, flow.again, flow.client.data) for flow in engine.closed]
    engine.closed.clear()
    return found


def test_flows_are_reported_when_they_have_ended_and_lingered(tmp_path: Path) -> None:
    talk = play("> SYN\n< SYN ACK\n> ACK\n> 'GET /'\n< '200 OK'\n> FIN\n< FIN\n> ACK")
    reset = Conversation("10.0.0.1:2000", isn=7)
    reset.handshake()
    reset.client(b"reset")
    reset.reset("server")
    late = Conversation("10.0.0.1:3000")
    late.handshake()
    capture = spaced(Capture(*talk.frames, *reset.frames, *late.frames), 0.001)
    capture[-1].time += 3_000_000_000
    spool = GrowingSpool(tmp_path, *pcapng(capture))
    engine = Engine(spool.paths, linger=2, park=60)
    blob = pcapng(capture)[0]
    spool.write(len(blob) - last_bytes(blob, 1) - 1)
    assert engine.advance() == len(capture) - 2
    assert engine.advance() == 0
    assert not engine.closed
    spool.write_all()
    assert engine.advance() == 2
    assert sorted(closed_now(engine)) == [("fin", False, b"GET /"), ("reset", False, b"reset")]
    engine.finish()
    assert closed_now(engine) == [("capture", False, b"")]


def test_a_quiet_link_has_a_clock_too(tmp_path: Path) -> None:
    talk = play("> SYN\n< SYN ACK\n> ACK\n> 'GET /'\n> RST")
    capture = spaced(Capture(*talk.frames), 0.001)
    spool = GrowingSpool(tmp_path, *pcapng(capture))
    spool.write_all()
    engine = Engine(spool.paths, linger=2)
    engine.advance(capture[-1].time + 1_000_000_000)
    assert not engine.closed
    engine.advance(capture[-1].time + 3_000_000_000)
    assert closed_now(engine) == [("reset", False, b"GET /")]


def test_the_time_of_day_is_not_that_of_an_old_capture(tmp_path: Path) -> None:
    talk = play("> SYN\n< SYN ACK\n> ACK\n> 'GET /'\n> RST")
    capture = spaced(Capture(*talk.frames), 0.001)
    spool = GrowingSpool(tmp_path, *pcapng(capture))
    spool.write_all()
    engine = Engine(spool.paths, linger=2)
    engine.advance(capture[-1].time + 10 * 365 * 86400 * 10**9)
    assert not engine.closed


def test_a_straggler_brings_its_flow_back(tmp_path: Path) -> None:
    talk = play("> SYN\n< SYN ACK\n> ACK\n> 'GET '\nx> '/'\n> FIN\n< FIN\n> ACK")
    again = talk.send("client", b"/", at=4)
    capture = spaced(Capture(*talk.frames), 10)
    spool = GrowingSpool(tmp_path, *pcapng(capture))
    engine = Engine(spool.paths, linger=2, park=5)
    blob = pcapng(capture)[0]
    spool.write(len(blob) - last_bytes(blob, 1))
    engine.advance()
    engine.advance(again.time)
    assert closed_now(engine) == [("fin", False, b"GET ")]
    assert engine.hot == 0
    spool.write_all()
    engine.advance()
    assert engine.hot == 1
    engine.advance(again.time + 3_000_000_000)
    assert closed_now(engine) == [("fin", True, b"GET /")]
    engine.finish()
    assert not engine.closed


def test_a_pair_that_is_used_for_ever_is_not_looked_at_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_watch, "WHOLE_PAIR", 20)
    frames = []
    for number in range(30):
        talk = Conversation(isn=number * 10_000_019 % 2**32, server_isn=number * 77_000_003 % 2**32)
        talk.handshake()
        talk.client(b"%d" % number)
        talk.close()
        frames += talk.frames
    capture = spaced(Capture(*frames), 0.5)
    spool = GrowingSpool(tmp_path, *pcapng(capture))
    engine = Engine(spool.paths, linger=1, park=2)
    looks = []
    engine.listen(lambda look: looks.append(len(look.evidence.packets)))
    closed = []
    while spool.write(700):
        engine.advance()
        closed += closed_now(engine)
    assert len(closed) > 20
    assert max(looks) < len(capture) // 2
    engine.finish()
    closed += closed_now(engine)
    assert sorted({data for _, _, data in closed}) == sorted(b"%d" % number for number in range(30))
    assert facts(engine.flows()) == facts(reassemble(spool.paths(), progress=False))


def test_flows_are_kept_until_something_new_comes(tmp_path: Path) -> None:
    blob = pcapng(Capture(play("> SYN\n< SYN ACK\n> ACK\n> 'one'\n> 'two'")))[0]
    spool = GrowingSpool(tmp_path, blob)
    engine = Engine(spool.paths)
    assert len(engine.flows()) == 0
    spool.write(len(blob) - last_bytes(blob, 1))
    engine.advance()
    first = engine.flows()
    assert engine.flows() is first
    spool.write_all()
    engine.advance()
    assert engine.flows() is not first
    assert engine.flows()[0].client.data == b"onetwo"
    assert first[0].client.data == b"one"


def test_growing_flows_are_looked_at_only_when_someone_listens(tmp_path: Path) -> None:
    talk = Conversation()
    talk.handshake()
    for _ in range(200):
        talk.client(b"x" * 10)
    blob = pcapng(spaced(Capture(*talk.frames), 0.1))[0]

    def looks(listen: Callable[[Engine, list[int]], None]) -> list[int]:
        spool = GrowingSpool(tmp_path, blob)
        engine = Engine(spool.paths)
        sizes: list[int] = []
        listen(engine, sizes)
        while spool.write(500):
            engine.advance()
        return sizes

    assert looks(lambda engine, sizes: None) == []
    sizes = looks(lambda engine, sizes: engine.listen(lambda look: sizes.append(int(look.packets[0]))))
    assert sizes == sorted(set(sizes))
    assert len(sizes) > 10


def test_what_is_no_spool_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"this is no capture at all")
    with pytest.raises(CaptureFormatError, match="pcapng"):
        Engine(lambda: [path]).advance()
    with pytest.raises(ValueError, match="linger"):
        Engine(lambda: [path], linger=10, park=1)
    with pytest.raises(CaptureOSError):
        Engine(lambda: [path], folder=tmp_path / "absent")


def test_an_engine_that_was_torn_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = GrowingSpool(tmp_path, *pcapng(Capture(play("> SYN\n< SYN ACK\n> ACK\n> 'one'"))))
    spool.write_all()
    engine = Engine(spool.paths)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine._rows, "append", full)
    with pytest.raises(OSError, match="No space"):
        engine.advance()
    monkeypatch.undo()
    for step in (engine.flows, engine.finish):
        with pytest.raises(RuntimeError, match="reassemble"):
            step()


def test_looks_cost_no_more_than_what_came_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A reset that nobody believes, again and again, would have the whole pair looked at every time.
    talk = Conversation()
    talk.handshake()
    for _ in range(400):
        talk.client(b"x" * 50)
        talk.send("client", b"", 4, seq=(talk.frames[-1].seq + 2**31) % 2**32)
    capture = spaced(Capture(*talk.frames), 2)
    spool = GrowingSpool(tmp_path, *pcapng(capture))
    monkeypatch.setattr(engine_watch, "MOST_CREDIT", 1000)
    monkeypatch.setattr(engine_watch, "CREDIT", 4)
    engine = Engine(spool.paths, linger=1, park=10)
    looked = []
    judge = engine_watch.judge
    monkeypatch.setattr(
        engine_watch,
        "judge",
        lambda evidence, *rest: (looked.append(len(evidence.packets)), judge(evidence, *rest))[1],
    )
    while spool.write(150):
        engine.advance()
    assert len(looked) > 3
    assert sum(looked) < 6 * len(capture)
    engine.finish()
    assert facts(engine.flows()) == facts(reassemble(spool.paths(), progress=False))
