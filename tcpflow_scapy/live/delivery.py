"""Who is told of flows that ended, and of events: callbacks, and those who wait."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.capture.live.events import Event, EventLog
from tcpflow_scapy.live.closed import ClosedFlows

if TYPE_CHECKING:
    from tcpflow_scapy.live.engine_look import ClosedFlow


class Delivery:
    """Tells everybody. No lock is held while somebody is called: they may ask the capture anything.

    Parameters
    ----------
    log : EventLog
        Gets what callbacks raise.
    on_event : callable, optional
        Gets each event.
    """

    def __init__(self, log: EventLog, on_event: Callable[[Event], object] | None = None) -> None:
        self._log = log
        self._on_event = on_event
        self._waiting: weakref.WeakSet[ClosedFlows] = weakref.WeakSet()
        self.told = 0
        """flows so far"""
        self.recent: deque[tuple[Any, ...]] = deque()
        """the last ones, as the view shows them: a flow would hold what it was found among"""

    def add(self, flows: ClosedFlows) -> None:
        """Somebody waits."""
        self._waiting.add(flows)

    def waiting(self) -> list[ClosedFlows]:
        """Those who wait."""
        return list(self._waiting)

    def call(self, what: str, function: Callable[..., object], *arguments: Any) -> None:
        """Call back; trouble is an event. Even an exit: it would end a thread, not the program."""
        try:
            function(*arguments)
        except BaseException as error:
            self._log.add("error", f"{what}: {type(error).__name__}: {error}", merge=True)

    def flows(
        self,
        flows: Sequence[ClosedFlow],
        waiting: Sequence[ClosedFlows],
        on_flow: Callable[..., object] | None,
    ) -> None:
        """Flows have ended."""
        from tcpflow_scapy.live.view import ROWS, ended_row

        for number, flow in list(enumerate(flows, self.told + 1))[-ROWS:]:
            self.recent.append(ended_row(number, flow))
            while len(self.recent) > ROWS:
                self.recent.popleft()
        self.told += len(flows)
        for queue in waiting:
            if queue.put(flows):
                words = "flows that ended were forgotten: nobody took them from closed()"
                self._log.add("not_fetched", words, merge=True)
        if on_flow is not None:
            for flow in flows:
                self.call("on_flow", on_flow, flow)

    def events(self) -> None:
        """Events since the last call, for who wants them."""
        if self._on_event is not None:
            for event in self._log.take():
                self.call("on_event", self._on_event, event)
