"""Captures that run: at exit their spools are ended orderly, whoever forgot to."""

from __future__ import annotations

import atexit
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcpflow_scapy.live.session import LiveCapture

RUNNING: set[LiveCapture] = set()
"""Those of this process."""


def _end_all() -> None:
    for live in list(RUNNING):
        with suppress(Exception):
            live.end()


atexit.register(_end_all)


def _leave_all() -> None:
    """A child has none of the threads that it would wait for."""
    for live in list(RUNNING):
        live._leave()
    RUNNING.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)
