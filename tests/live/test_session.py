"""A running capture without any right: frames come from a made-up interface."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy import Flow, FlowTable, LiveCapture, reassemble, sniff
from tcpflow_scapy.capture.live.check import check_spool
from tcpflow_scapy.capture.live.devices import InterfaceLost
from tcpflow_scapy.capture.live.events import Event
from tcpflow_scapy.errors import CaptureOSError, ExportError
from tcpflow_scapy.live.engine_look import Look
from tcpflow_scapy.live.running import RUNNING
from tcpflow_scapy.live.stats import LiveStats
from tests.capture.live.test_pump import MadeTap, wait_for


def summary(flows: FlowTable) -> list[tuple[Any, ...]]:
    return [(f.key, f.client.data, f.server.data, f.state) for f in flows]


def test_flows_at_any_time(
    taps: dict[str, MadeTap], sample: FlowTable, sample_frames: list[bytes], tmp_path: Path
) -> None:
    with sniff("made0", spool=tmp_path / "s.pcapng") as live:
        assert len(live.flows) == 0
        assert live.running
        assert "running" in repr(live)
        taps["made0"].give(sample_frames[:6])
        wait_for(lambda: len(live.flows) == 1)
        assert live.flows.open.all()
        assert live.flows.state.tolist() == ["S1"]
        taps["made0"].give(sample_frames[6:])
        wait_for(lambda: len(live.flows) == len(sample))
    assert not live.running
    flows = live.flows
    assert flows is live.stop() is live.flows
    assert summary(flows) == summary(sample)
    assert not flows.open.any()
    assert summary(reassemble(tmp_path / "s.pcapng")) == summary(sample)
    assert "stopped" in repr(live)
    assert live.spools == [live.spool] == [tmp_path / "s.pcapng"]
    assert len(live.chain_head) == 64
    assert live.interfaces == ["made0"]
    assert isinstance(live.stats, LiveStats)
    assert live.stats.frames == len(sample_frames)


def test_every_flow_is_told_once_as_it_ends(
    taps: dict[str, MadeTap], sample: FlowTable, sample_frames: list[bytes]
) -> None:
    told: list[Flow] = []
    live = sniff("made0", on_flow=told.append)
    iterated: list[Flow] = []
    reader = threading.Thread(target=lambda queue: iterated.extend(queue), args=(live.closed(),))
    reader.start()
    taps["made0"].give(sample_frames)
    live.stop()
    reader.join(60)
    expected = sorted(flow.key for flow in sample)
    assert sorted(flow.key for flow in told) == expected
    assert sorted(flow.key for flow in iterated) == expected
    by_key = {flow.key: flow for flow in told}
    for flow in sample:
        assert by_key[flow.key].server.data == flow.server.data
    assert list(live.closed()) == []


def test_flows_that_end_are_told_while_others_go_on(
    taps: dict[str, MadeTap], monkeypatch: pytest.MonkeyPatch, sample: FlowTable, sample_frames: list[bytes]
) -> None:
    told: list[str] = []
    live = sniff("made0", on_flow=lambda flow: told.append(flow.key))
    taps["made0"].give(sample_frames)
    wait_for(lambda: len(told) == len(sample))
    assert live.running
    live.stop()
    assert len(told) == len(sample)


def test_coroutines(taps: dict[str, MadeTap], sample: FlowTable, sample_frames: list[bytes]) -> None:
    live = sniff("made0")

    async def listen() -> list[str]:
        found = []
        async for flow in live.closed():
            found.append(flow.key)
            if len(found) == len(sample):
                live.stop()
        return found

    async def both() -> list[str]:
        task = asyncio.create_task(listen())
        await asyncio.sleep(0.05)
        taps["made0"].give(sample_frames)
        return await asyncio.wait_for(task, 60)

    assert sorted(asyncio.run(both())) == sorted(flow.key for flow in sample)
    live.stop()


def test_a_callback_that_fails_is_an_event(taps: dict[str, MadeTap], sample_frames: list[bytes]) -> None:
    def fail(flow: Flow) -> None:
        # Not even this ends the thread that calls.
        sys.exit("no")

    def fail_again(event: Event) -> None:
        raise RuntimeError("no")

    live = sniff("made0", on_flow=fail, on_event=fail_again)
    taps["made0"].give(sample_frames)
    flows = live.stop()
    assert len(flows) > 0
    assert {"on_flow: SystemExit: no", "on_event: RuntimeError: no"} <= set(live.events.message)
    assert flows.capture.problems[0].kind == "error"


def test_who_hears_of_an_event_may_ask_and_stop(taps: dict[str, MadeTap], sample_frames: list[bytes]) -> None:
    heard: list[tuple[str, int]] = []

    def hear(event: Event) -> None:
        heard.append((event.kind, len(live.flows)))
        if event.kind == "kernel_drop":
            live.stop()

    live = sniff("made0", on_event=hear)
    taps["made0"].give(sample_frames)
    wait_for(lambda: len(live.flows) > 0)
    taps["made0"].dropped = 3
    assert live.wait(60)
    live.stop()
    assert [kind for kind, _ in heard] == ["started", "kernel_drop", "stopped"]
    assert heard[-1][1] == len(live.flows) > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_has_no_capture_and_waits_for_none(
    taps: dict[str, MadeTap], sample_frames: list[bytes]
) -> None:
    with sniff("made0") as live:
        closed = live.closed()
        child = os.fork()
        if not child:
            # Whatever fails here: the tests go on in the parent alone.
            ok = 0
            with suppress(BaseException):
                signal.alarm(20)
                with live:
                    ok += not live.running and list(closed) == []
                with pytest.raises(RuntimeError, match="fork"):
                    live.stop()
                ok += 1
            os._exit(0 if ok == 2 else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert live.running
        taps["made0"].give(sample_frames)
    assert len(live.flows) > 0


def test_interrupting_a_look_leaves_the_engine_whole(
    taps: dict[str, MadeTap], sample: FlowTable, sample_frames: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = sniff("made0")
    advance, reading = live.engine.advance, threading.Event()

    def slow(now: int) -> int:
        if threading.current_thread().name == "capture-read":
            reading.set()
            time.sleep(0.3)
        return advance(now)

    monkeypatch.setattr(live.engine, "advance", slow)
    taps["made0"].give(sample_frames)

    def interrupt() -> None:
        reading.wait(60)
        # Not while the thread is being started: Python's own locks do not bear an interrupt there.
        time.sleep(0.1)
        signal.raise_signal(signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        live.flows  # noqa: B018
    interrupter.join()
    assert summary(live.stop()) == summary(sample)
    assert "error" not in set(live.events.kind)


def test_nothing_runs_where_a_thread_cannot_be_had(
    taps: dict[str, MadeTap], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "capture-flows":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="new thread"):
        sniff(["made0", "made1"], spool=tmp_path / "s.pcapng")
    assert all(tap.closed for tap in taps.values())
    assert list(tmp_path.iterdir()) == []
    assert not RUNNING


def test_a_callback_may_stop_the_capture(taps: dict[str, MadeTap], sample_frames: list[bytes]) -> None:
    box: list[LiveCapture] = []
    live = sniff("made0", on_flow=lambda flow: box[0].stop())
    box.append(live)
    taps["made0"].give(sample_frames)
    assert live.wait(60)


def test_count_over_several_interfaces(taps: dict[str, MadeTap], sample_frames: list[bytes]) -> None:
    live = sniff(["made0", "made1", "made0"], count=10)
    assert live.interfaces == ["made0", "made1"]
    for tap in taps.values():
        tap.give(sample_frames[:8])
    assert live.wait(60)
    assert live.stats.frames == 10
    assert live.flows.capture.frames == 10


def test_scapys_interfaces_have_names(taps: dict[str, MadeTap]) -> None:
    from scapy.interfaces import InterfaceProvider, NetworkInterface

    data = {"name": "made0", "network_name": "made0", "index": 1, "ips": [], "flags": 0}
    with sniff([NetworkInterface(InterfaceProvider(), data), "made1"]) as live:
        assert live.interfaces == ["made0", "made1"]
    with pytest.raises(ValueError, match="no interface"):
        sniff([])


AT_EXIT = """
import sys
sys.path[:0] = {path!r}
from tcpflow_scapy import sniff
from tcpflow_scapy.live import sniffing
from tests.capture.live.test_pump import MadeTap, frames, wait_for
tap = MadeTap()
sniffing.open_tap = lambda name, options: tap
live = sniff("made0", spool={spool!r})
tap.give(frames(10))
wait_for(lambda: live.stats.frames == 10)
"""


def test_who_forgets_to_stop_has_a_whole_spool(tmp_path: Path) -> None:
    spool = tmp_path / "s.pcapng"
    code = AT_EXIT.format(path=sys.path, spool=str(spool))
    folder = Path(__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=folder
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert {each.status for each in check_spool(spool)} == {"intact"}
    assert reassemble(spool).capture.frames == 10


def test_a_process_that_is_killed_leaves_a_whole_capture(tmp_path: Path) -> None:
    spool = tmp_path / "s.pcapng"
    code = AT_EXIT.format(path=sys.path, spool=str(spool)) + "import os; os.kill(os.getpid(), 9)"
    found = subprocess.run([sys.executable, "-c", code], timeout=60, cwd=Path(__file__).parents[2])
    assert found.returncode == -9
    capture = reassemble(spool).capture
    assert (capture.frames, capture.problems) == (10, [])
    assert "changed" not in {each.status for each in check_spool(spool)}


def test_flows_outlive_the_capture_and_its_temporary_spool(
    taps: dict[str, MadeTap], sample: FlowTable, sample_frames: list[bytes]
) -> None:
    live = sniff("made0")
    path = live.spool
    taps["made0"].give(sample_frames)
    early: list[Flow] = []
    live.on_flow = early.append
    flows = live.stop()
    del live
    early_data = {flow.key: flow for flow in early}
    gc.collect()
    assert not path.exists()
    assert summary(flows) == summary(sample)
    assert len(flows.scapy()) == len(sample_frames)
    for flow in flows:
        assert early_data[flow.key].server.data == flow.server.data
        assert flow.server.at(0) == flows[flow.id].server.at(0)


def test_timeout_and_waiting(taps: dict[str, MadeTap]) -> None:
    live = sniff("made0", timeout=0.3)
    assert not live.wait(0.01)
    assert live.wait(60)
    assert {"started", "stopped"} <= set(live.events.kind)


def test_losses_are_problems_of_every_table(taps: dict[str, MadeTap], sample_frames: list[bytes]) -> None:
    live = sniff("made0")
    taps["made0"].dropped = 7
    taps["made0"].give(sample_frames[:4])
    wait_for(lambda: live.stats.kernel_dropped == 7)
    for _ in range(3):
        [problem] = live.flows.capture.problems
        assert "made0: the kernel's buffer was full: 7 frames" in problem.message
    [problem] = live.stop().capture.problems
    assert problem.kind == "kernel_drop"
    assert live.stats.lost == 7
    assert "7 lost" in repr(live)


def test_an_interface_that_stays_away(taps: dict[str, MadeTap], sample_frames: list[bytes]) -> None:
    live = sniff("made0")
    tap = taps["made0"]
    tap.give(sample_frames[:4])
    wait_for(lambda: live.stats.frames == 4)
    tap.give(InterfaceLost("The interface disappeared"))
    wait_for(lambda: taps["made0"] is not tap)
    taps["made0"].give(sample_frames[4:])
    flows = live.stop()
    assert flows.capture.frames == len(sample_frames)
    assert [p.kind for p in flows.capture.problems] == ["interface_down"]


def test_an_engine_that_fails_loses_nothing(
    taps: dict[str, MadeTap], sample: FlowTable, sample_frames: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = sniff("made0")
    monkeypatch.setattr(live.engine, "advance", lambda now: 1 / 0)
    taps["made0"].give(sample_frames)
    flows = live.stop()
    assert summary(flows) == summary(sample)
    [problem] = flows.capture.problems
    assert problem.message.endswith("flows cannot be followed any more: division by zero")


def test_files_that_cannot_be_written_do_not_end_it(
    taps: dict[str, MadeTap], sample: FlowTable, sample_frames: list[bytes], tmp_path: Path
) -> None:
    def refuse(look: Look) -> None:
        raise ExportError(f"{tmp_path}/{len(look)}: No space left on device")

    ended: list[Flow] = []
    live = sniff("made0", on_flow=ended.append, before=lambda live: live.engine.listen(refuse))
    taps["made0"].give(sample_frames)
    wait_for(lambda: "error" in set(live.events.kind))
    assert summary(live.stop()) == summary(sample)
    assert len(ended) == len(sample)
    assert live.events[live.events.kind == "error"].message.tolist() == [
        "flow files: No space left on device"
    ]


def test_nothing_is_left_behind_where_nothing_can_begin(taps: dict[str, MadeTap], tmp_path: Path) -> None:
    with pytest.raises(CaptureOSError, match="missing0: there is no such interface"):
        sniff(["made0", "missing0"], spool=tmp_path / "s.pcapng")
    assert taps["made0"].closed

    def refuse(live: LiveCapture) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        sniff("made0", spool=tmp_path / "s.pcapng", before=refuse)
    for options in ({"overlap": "wrong"}, {"count": 0}, {"timeout": -1}, {"idle": 0}, {"snaplen": -1}):
        [name] = options
        with pytest.raises(ValueError, match=name):
            sniff("made0", spool=tmp_path / "s.pcapng", **options)
    for path in ("", "/", "."):
        with pytest.raises(CaptureOSError, match="is no name for a file"):
            sniff("made0", spool=path)
    with pytest.raises(TypeError):
        sniff("made0", spool=tmp_path / "s.pcapng", wrong=1)
    assert list(tmp_path.iterdir()) == []
    assert not RUNNING


def test_reprs(taps: dict[str, MadeTap], sample_frames: list[bytes]) -> None:
    from rich.console import Console

    with sniff("made0") as live:
        taps["made0"].give(sample_frames[:6])
        wait_for(lambda: live.stats.frames == 6)
        html = live._repr_html_()
        assert "made0" in html
        assert "<script" not in html
        console = Console(record=True, width=120, file=open("/dev/null", "w"))  # noqa: SIM115
        with console.file:
            console.print(live)
        text = console.export_text()
        assert "●" in text
        assert "running" in text


def test_a_long_capture_shows_what_ended(
    taps: dict[str, MadeTap], sample_frames: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tcpflow_scapy.live.view.MOST_FRAMES", 10)
    with sniff("made0") as live:
        taps["made0"].give(sample_frames)
        wait_for(lambda: live.ended == 3)
        monkeypatch.setattr(type(live), "flows", property(lambda live: 1 / 0))
        html = live._repr_html_()
        assert "flows that ended" in html
        assert "3 have ended" in html
        assert html.count("SF") >= 3


def test_shown_in_a_terminal(taps: dict[str, MadeTap], capsys: pytest.CaptureFixture[str]) -> None:
    with sniff("made0") as live:
        live._ipython_display_()
    assert "no TCP flows yet" in capsys.readouterr().out


class Shell:
    kernel = object()


def test_a_notebook_is_shown_the_capture_until_it_ends(
    taps: dict[str, MadeTap], sample_frames: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    class Handle:
        def update(self, html: Any) -> None:
            shown.append(html.data)

    def display(html: Any, display_id: bool) -> Handle:
        shown.append(html.data)
        return Handle()

    monkeypatch.setattr("IPython.core.getipython.get_ipython", Shell)
    monkeypatch.setattr("IPython.display.display", display)
    live = sniff("made0")
    live.show(refresh=0.05)
    taps["made0"].give(sample_frames)
    wait_for(lambda: len(shown) > 3)
    live.stop()
    wait_for(lambda: not any(thread.name == "capture-view" for thread in threading.enumerate()))
    assert "running" in shown[0]
    assert "stopped" in shown[-1]


@pytest.fixture(autouse=True)
def _nothing_runs_on() -> Iterator[None]:
    yield
    for live in list(RUNNING):
        live.end()
