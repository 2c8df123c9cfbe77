"""ICMP and ICMPv6: never TCP traffic, but errors quote it."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

_HEADER = np.dtype("u1")

_ERRORS = np.zeros(256, bool)
# Unreachable, source quench, redirect, time exceeded, parameter problem (RFC 792).
_ERRORS[[3, 4, 5, 11, 12]] = True

_QUOTED = np.dtype([("icmp", "V8"), ("first", "u1"), ("v4", "V8"), ("protocol", "u1")])
_QUOTED6 = np.dtype([("icmp", "V8"), ("first", "u1"), ("v6", "V5"), ("next", "u1")])

_TCP = 6


def icmp(run: Run, items: Items) -> None:
    """Errors that quote a TCP segment are told apart from the rest."""
    run.drop(items, Reason.ICMP)
    fits = items.pick(items.cursor + _QUOTED.itemsize <= items.end)
    header = run.read(_QUOTED, fits.cursor)
    error = _ERRORS[run.read(_HEADER, fits.cursor)]
    error &= (header["first"] >> 4 == 4) & (header["protocol"] == _TCP)
    run.drop(fits.pick(error), Reason.ICMP_ERROR)


def icmpv6(run: Run, items: Items) -> None:
    """The same for ICMPv6, whose errors are the types below 128 (RFC 4443, 2.1)."""
    run.drop(items, Reason.ICMPV6)
    fits = items.pick(items.cursor + _QUOTED6.itemsize <= items.end)
    header = run.read(_QUOTED6, fits.cursor)
    error = run.read(_HEADER, fits.cursor) < 128
    error &= (header["first"] >> 4 == 6) & (header["next"] == _TCP)
    run.drop(fits.pick(error), Reason.ICMP_ERROR)
