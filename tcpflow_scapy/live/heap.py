"""Freed memory given back to the system, now and then.

A capture that runs for hours makes and frees a few arrays for every batch, with small things that stay
between them. The C library keeps what was freed, in ever more splinters: of 79 MB after ten minutes 13 were
such, and it grew. Asked, it gives back every page that is free, wherever it lies.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from functools import cache
from typing import Any

SECONDS = 10.0
"""Between two times; one takes about a millisecond."""


@cache
def system_trim() -> Callable[[int], int] | None:
    """``malloc_trim`` of the C library; None where it has none, as everywhere but in glibc."""
    try:
        function: Any = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None
    function.argtypes, function.restype = (ctypes.c_size_t,), ctypes.c_int
    trim: Callable[[int], int] = function
    return trim


class Heap:
    """The memory of the process, for one that runs long.

    Parameters
    ----------
    clock : callable
        Seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = clock() + SECONDS

    def trim(self) -> bool:
        """Give back what is free, if the last time is long enough ago; whether it was done."""
        now = self._clock()
        if now < self._due:
            return False
        self._due = now + SECONDS
        trim = system_trim()
        if trim is not None:
            trim(0)
        return trim is not None
