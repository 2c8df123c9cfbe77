"""A queue of flows for threads and coroutines."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from tcpflow_scapy.live import closed as module
from tcpflow_scapy.live.closed import ClosedFlows


def made(*names: str) -> Any:
    return list(names)


def test_in_order_and_then_the_end() -> None:
    queue = ClosedFlows()
    queue.put(made("a", "b"))
    queue.end()
    assert list(queue) == ["a", "b"]
    assert list(queue) == []


def test_a_thread_waits() -> None:
    queue, found = ClosedFlows(), []
    thread = threading.Thread(target=lambda: found.extend(queue))
    thread.start()
    for name in "abc":
        queue.put(made(name))
    queue.end()
    thread.join(60)
    assert found == ["a", "b", "c"]


def test_several_coroutines_share_what_comes() -> None:
    async def take(queue: ClosedFlows) -> list[Any]:
        return [flow async for flow in queue]

    async def run() -> list[list[Any]]:
        queue = ClosedFlows()
        tasks = [asyncio.create_task(take(queue)) for _ in range(3)]
        await asyncio.sleep(0)
        threading.Thread(target=lambda: (queue.put(made(*"abcdef")), queue.end())).start()
        return await asyncio.wait_for(asyncio.gather(*tasks), 5)

    assert sorted(sum(asyncio.run(run()), [])) == list("abcdef")  # noqa: RUF017


def test_a_loop_that_was_closed_is_no_trouble() -> None:
    queue = ClosedFlows()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.__anext__(), 0.01)

    asyncio.run(give_up())
    queue.put(made("a"))
    queue.end()
    assert list(queue) == ["a"]


def test_who_waits_for_a_while_only_does_not_pile_up() -> None:
    queue = ClosedFlows()

    async def look_in() -> None:
        for _ in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(queue.__anext__(), 0.001)

    asyncio.run(look_in())
    assert not queue._sleepers


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_FLOWS", 2)
    queue = ClosedFlows()
    assert queue.put(made(*"abcd")) == 2
    queue.end()
    assert (list(queue), queue.missed) == (["c", "d"], 2)
