"""Events are kept, merged, bounded, and become problems where something may be missing."""

from __future__ import annotations

import pytest

from tcpflow_scapy.capture.live import events as module
from tcpflow_scapy.capture.live.events import KINDS, LOSSES, Event, EventLog


def test_losses_of_one_kind_are_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_700_000_000_000_000_000]
    monkeypatch.setattr("tcpflow_scapy.capture.live.events.time.time_ns", lambda: clock[0])
    log = EventLog()
    for count in (5, 10):
        log.add("kernel_drop", "eth0: full", interface="eth0", count=count, merge=True)
        log.add("kernel_drop", "eth1: full", interface="eth1", count=1, merge=True)
        clock[0] += 2_000_000_000
    clock[0] += module.MERGE_WITHIN
    log.add("kernel_drop", "eth0: full", interface="eth0", count=7, merge=True)
    assert [(e.interface, e.count) for e in log.all()] == [("eth0", 15), ("eth1", 2), ("eth0", 7)]
    assert log.count("kernel_drop") == 24
    assert [p.message for p in log.problems("x")] == [
        "2023-11-14T22:13:20.000Z to 2023-11-14T22:13:22.000Z eth0: full: 15 frames",
        "2023-11-14T22:13:20.000Z to 2023-11-14T22:13:22.000Z eth1: full: 2 frames",
        "2023-11-14T22:13:34.000Z eth0: full: 7 frames",
    ]


def test_what_is_no_loss_is_no_problem() -> None:
    log = EventLog()
    for kind in KINDS:
        log.add(kind, "words", count=1)
    assert [problem.kind for problem in log.problems("x")] == [k for k in KINDS if k in LOSSES]
    table = log.frame()
    assert table.kind.tolist() == list(KINDS)
    assert list(table.columns) == ["time", "until", "interface", "kind", "count", "message"]
    assert str(table.time.dtype) == "datetime64[ns, UTC]"


def test_an_empty_table_has_its_columns() -> None:
    assert EventLog().frame().shape == (0, 6)


def test_events_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_EVENTS", 3)
    log = EventLog()
    for number in range(5):
        log.add("error", f"{number}")
    assert len(log) == 3
    assert log.problems("x")[-1].message == "2 further events are not listed"


def test_a_listener_hears_each_event_once() -> None:
    heard: list[Event] = []
    log = EventLog(heard.append)
    log.add("kernel_drop", "full", count=1, merge=True)
    log.add("kernel_drop", "full", count=1, merge=True)
    log.add("stopped", "end")
    assert [(e.kind, e.count) for e in heard] == [("kernel_drop", 1), ("stopped", 0)]
    assert [e.text for e in log.all()] == ["full: 2 frames", "end"]


def test_an_outage_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [10**18]
    monkeypatch.setattr("tcpflow_scapy.capture.live.events.time.time_ns", lambda: clock[0])
    log = EventLog()
    log.add("interface_down", "eth0: down", interface="eth0")
    clock[0] += 5
    log.update("interface_down", "eth0", ended=True)
    clock[0] += 5
    log.update("interface_down", "eth0", ended=True)
    log.update("interface_down", "eth9")
    assert [e.until - e.time for e in log.all()] == [5]
