"""What the command line says on standard error: one line at a time, nothing that commands a terminal."""

from __future__ import annotations

import sys

from tcpflow_scapy.render.escape import one_line

PROGRAM = "tcpflow-scapy"

STDOUT_CLOSED = "standard output is closed"


def say(text: str) -> None:
    """One line on standard error; a file name in it may hold anything, so it is escaped."""
    sys.stderr.write(f"{PROGRAM}: {one_line(text)}\n")
    sys.stderr.flush()


def plural(count: int, word: str) -> str:
    """``1 flow``, ``2,000 flows``."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
