"""What a header without a type field is followed by: looks at the bytes, by column.

MPLS, pseudowires and L2TPv3 do not say what they carry. These tests are strict enough that a wrong
guess needs an unlucky packet, and they only ever choose between roads; the layers still check.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .layers import Items
from .run import Run

Array = np.ndarray[Any, np.dtype[Any]]

_IPV4 = np.dtype([("version_length", "u1"), ("service", "u1"), ("total", ">u2")])
_IPV6 = np.dtype([("version", "u1"), ("flow", "V3"), ("payload", ">u2")])
_ETHERNET = np.dtype([("destination", "u1"), ("addresses", "V11"), ("type", ">u2"), ("sap", ">u2")])

_TEREDO = np.dtype(
    [("version", "u1"), ("flow", "V3"), ("payload", ">u2"), ("next", "V2"), ("source", ">u4")]
    + [("source_rest", "V12"), ("destination", ">u4")]
)

TEREDO_PREFIX = 0x20010000
TEREDO_PORT = 3544

PROTOCOL_AT = {4: 9, 6: 6}
"""Where the IP header of each version says what it carries"""

_EXTENSIONS = np.zeros(256, bool)
# Hop-by-hop, routing, fragment, destination options: what else may follow an IPv6 header.
_EXTENSIONS[[0, 43, 44, 60]] = True

_BYTE = np.dtype("u1")

_ETHERNET_SIZE = 14
_MAX_LENGTH = 1500
_MIN_LENGTH = 3


def first_byte(run: Run, items: Items) -> Array:
    """The byte at each cursor; 0 where the packet ends."""
    octet = run.read(_BYTE, items.cursor)
    return np.where(items.cursor < items.end, octet, np.uint8(0))


def can_carry(run: Run, protocol: Array) -> Array:
    """Whether we know what IP headers with these protocol numbers carry."""
    known: Array = _EXTENSIONS[protocol] | (run.context.switches.ip_protocols.codes[protocol] != 0)
    return known


def looks_ip(run: Run, items: Items, skip: int = 0) -> Array:
    """Whether an IP header of either version can begin `skip` bytes behind the cursor."""
    at = items.cursor + skip
    left = items.wire - at
    there = at + _IPV6.itemsize <= items.end
    at = np.where(there, at, items.cursor)
    four, six = run.read(_IPV4, at), run.read(_IPV6, at)
    length = (four["version_length"] & 15).astype(np.int64) << 2
    total, payload = four["total"].astype(np.int64), six["payload"].astype(np.int64)
    is_four = (four["version_length"] >> 4 == 4) & (length >= 20)
    is_six = six["version"] >> 4 == 6
    stated = is_four & (total >= length) & (total <= left)
    stated |= is_six & (payload > 0) & (payload + 40 <= left)
    # Left out for segmentation: then the rest must make sense, and not as Ethernet addresses.
    unstated = is_four & (total == 0) | is_six & (payload == 0)
    if unstated.any():
        carried = run.read(_BYTE, at + np.where(is_four, PROTOCOL_AT[4], PROTOCOL_AT[6]))
        unstated &= can_carry(run, carried) & ~looks_ethernet(run, items, skip)
    found: Array = there & (stated | unstated)
    return found


def looks_teredo(run: Run, items: Items) -> Array:
    """Whether the data of UDP datagrams is, to the byte, an IPv6 packet of the Teredo prefix.

    Two clients talk to each other from any port to any port (RFC 4380, 5.2).
    """
    at = items.cursor
    there = at + _TEREDO.itemsize <= items.end
    header = run.read(_TEREDO, at)
    prefix = (header["source"] == TEREDO_PREFIX) | (header["destination"] == TEREDO_PREFIX)
    exact = at + 40 + header["payload"] == items.wire
    found: Array = there & (header["version"] >> 4 == 6) & prefix & exact
    return found


def looks_ethernet(run: Run, items: Items, skip: int = 0) -> Array:
    """Whether an Ethernet header with a type that we know, or with LLC, can begin there."""
    at = items.cursor + skip
    there = at + _ETHERNET.itemsize <= items.end
    header = run.read(_ETHERNET, np.where(there, at, items.cursor))
    kind = header["type"]
    known = run.context.switches.ethertypes.codes[kind] != 0
    fits = at + _ETHERNET_SIZE + kind <= items.wire
    saps = np.isin(header["sap"], (0xAAAA, 0x4242, 0x0606))
    logical = (kind <= _MAX_LENGTH) & (kind >= _MIN_LENGTH) & fits & saps
    found: Array = there & (known | logical)
    return found
