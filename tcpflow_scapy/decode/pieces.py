"""Fragments of link layers and tunnels, next to those of IP: how they are told apart.

They wait in the same table (`fragments.plan.FRAGMENT_DTYPES`) and become packets by the same code. A kind
stands above the bits of the source's address, where IP has none, so that kinds never mix.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

KIND_SHIFT = 56
"""Address codes and MAC addresses lie below"""


class Kind(IntEnum):
    """What a fragment is a fragment of; `tables.FRAGMENTED` says what follows when it is whole."""

    IP = 0
    WLAN = 1
    WLAN_MESH = 2
    CAPWAP = 3
    CAPWAP_NATIVE = 4
    BATMAN = 5
    BATMAN_14 = 6
    MULTILINK = 16
    """PPP multilink, from its header on, whose first four bytes are in column `identification`"""
    DEFLATED = 17
    """the compressed data of IPComp; column `offset` is the protocol of what it holds"""
    LINE_STATE = 18
    """an IP packet that sets the state of Van Jacobson's decompressor, and is a packet of its own"""
    LINE_CHANGE = 19
    """a TCP packet whose headers are changes of that state"""


COUNTED = (Kind.WLAN, Kind.WLAN_MESH, Kind.BATMAN_14)
"""Kinds whose fragments have a number in place of an offset; the number is in column `protocol`"""

COUNTED_FROM_END = (Kind.BATMAN,)
"""Likewise, but number 0 is the end; the whole length is in the upper half of `identification`"""


REBUILT = Kind.MULTILINK
"""Kinds from here up are not put together by offset: package `rebuilt` makes packets of them"""


def kinds(source: Array) -> Array:
    """The kind of each fragment, by column `source`."""
    found: Array = (source >> np.uint64(KIND_SHIFT)).astype(np.uint8)
    return found


def tagged(kind: int | Array, source: Array) -> Array:
    """Column `source` of fragments of that kind."""
    found: Array = np.uint64(kind) << np.uint64(KIND_SHIFT) | source.astype(np.uint64)
    return found


def untagged(source: Array) -> Array:
    """The addresses without the kind."""
    found: Array = source & np.uint64((1 << KIND_SHIFT) - 1)
    return found
