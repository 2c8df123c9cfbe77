"""Waiting for descriptors, whatever their numbers.

`select.select` knows none from 1024 up, and a process that holds many files open has such.
"""

from __future__ import annotations

import select
from collections.abc import Iterable


def readable(descriptors: Iterable[int], seconds: float) -> set[int]:
    """Wait until some descriptors can be read, or have an error to tell.

    Parameters
    ----------
    descriptors : iterable of int
    seconds : float
        How long at most.

    Returns
    -------
    set of int
        Those that can; empty when the time is over.
    """
    if not hasattr(select, "poll"):  # pragma: no cover
        return set(select.select(list(descriptors), [], [], max(seconds, 0.0))[0])
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    # Rounded up: who waits for the end of a time must not wake before it again and again.
    return {descriptor for descriptor, _ in poll.poll(max(0, -int(-seconds * 1000 // 1)))}
