"""Numbers with their nouns."""

from __future__ import annotations

from tcpflow_scapy.render.quantity import count


def counted(number: int, noun: str) -> str:
    """``1 gap``, ``1,330 gaps``; what follows the first word stays: ``1 frame without a time``."""
    first, space, rest = noun.partition(" ")
    return f"{count(number)} {first}{'s' * (number != 1)}{space}{rest}"
