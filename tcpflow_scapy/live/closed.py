"""Flows as they end, for whoever waits for them: threads, or coroutines."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from tcpflow_scapy.flows.flow import Flow

WAITING_FLOWS = 100_000
"""Flows kept for somebody who does not fetch them; then the oldest are forgotten (and counted)."""


class ClosedFlows:
    """What ``LiveCapture.closed()`` returns: each flow once, as it ends, until the capture does.

    For ``for`` and ``async for``. Flows that are open when the capture stops come at the end.
    """

    def __init__(self) -> None:
        self._flows: deque[Flow] = deque()
        self._ended = False
        self._ready = threading.Condition()
        self._sleepers: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self.missed = 0
        """flows forgotten because nobody fetched them"""

    def put(self, flows: Iterable[Flow]) -> int:
        """Add some; how many others were forgotten for them."""
        with self._ready:
            self._flows.extend(flows)
            missed = max(len(self._flows) - WAITING_FLOWS, 0)
            for _ in range(missed):
                self._flows.popleft()
            self.missed += missed
            self._wake()
            return missed

    def end(self) -> None:
        """There will be no more."""
        with self._ready:
            self._ended = True
            self._wake()

    def abandon(self) -> None:
        """The same in a child process, where whoever held the lock is not there to give it back."""
        self._ready = threading.Condition()
        self._ended = True
        self._sleepers.clear()

    def _wake(self) -> None:
        self._ready.notify_all()
        sleepers, self._sleepers = self._sleepers, []
        for loop, future in sleepers:
            try:
                loop.call_soon_threadsafe(_set, future)
            except RuntimeError:
                # The loop was closed: nobody waits there any more.
                pass

    def __iter__(self) -> Iterator[Flow]:
        return self

    def __next__(self) -> Flow:
        with self._ready:
            while not self._flows:
                if self._ended:
                    raise StopIteration
                # In pieces, so that Ctrl-C is heard on every system.
                self._ready.wait(1.0)
            return self._flows.popleft()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Flow:
        while True:
            with self._ready:
                if self._flows:
                    return self._flows.popleft()
                if self._ended:
                    raise StopAsyncIteration
                loop = asyncio.get_running_loop()
                future: asyncio.Future[None] = loop.create_future()
                sleeper = (loop, future)
                self._sleepers.append(sleeper)
            try:
                await future
            finally:
                # Who waits for a while only, again and again, must not pile up.
                with self._ready:
                    if sleeper in self._sleepers:
                        self._sleepers.remove(sleeper)


def _set(future: Any) -> None:
    if not future.done():
        future.set_result(None)
