"""Events are kept, merged, bounded, and become problems where something may be missing."""

from __future__ import annotations

import pytest

from tcpflow_scapy.capture.live import events as module
from tcpflow_scapy.capture.live.events import KINDS, LOSSES, MERGE_WITHIN, EventLog


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
        log.add("rotated", f"{number}")
    # Each kind for itself: files that follow each other do not hide losses.
    log.add("kernel_drop", "full", count=1)
    assert len(log) == 7
    assert [p.message for p in log.problems("x") if p.kind == "more"] == [
        "2 further events (error) are not listed"
    ]


def test_other_words_are_another_event() -> None:
    log = EventLog()
    for words in ("on_flow: no", "on_event: no", "on_event: no"):
        log.add("error", words, merge=True)
    assert [e.text for e in log.all()] == ["on_flow: no", "on_event: no"]


def test_sums_go_on_where_events_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [10**18]
    monkeypatch.setattr("tcpflow_scapy.capture.live.events.time.time_ns", lambda: clock[0])
    monkeypatch.setattr(module, "MAX_EVENTS", 2)
    log = EventLog()
    for _ in range(5):
        clock[0] += 10 * MERGE_WITHIN
        log.add("kernel_drop", "full", count=1, merge=True)
    assert log.count("kernel_drop") == 5
    assert not log.unlisted


def test_each_event_is_taken_once() -> None:
    log = EventLog()
    log.add("kernel_drop", "full", count=1, merge=True)
    log.add("kernel_drop", "full", count=1, merge=True)
    assert [(e.kind, e.count) for e in log.take()] == [("kernel_drop", 2)]
    log.add("stopped", "end")
    assert [e.text for e in log.take()] == ["end"]
    assert log.take() == []


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
