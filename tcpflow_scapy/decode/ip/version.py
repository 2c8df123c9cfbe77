"""IP headers of the other version than the type in front of them says, as packet editors leave them."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.guess import PROTOCOL_AT, can_carry, first_byte, looks_ip
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x0800, 0x86DD

TCP = 6
IPV6_SIZE = 40
SHORTEST = 8
"""Bytes of the shortest extension header, and of UDP"""
TRAILER = 8
"""Bytes that may follow a packet: a checksum, a mark of the tap"""

_U1, _U2 = np.dtype("u1"), np.dtype(">u2")


def other_version(run: Run, items: Items) -> None:
    """Believe the version field, if the rest of the header fits it: one flipped bit makes 4 a 6."""
    version = first_byte(run, items) >> 4
    at = np.where(version == 4, PROTOCOL_AT[4], PROTOCOL_AT[6])
    carried = run.read(_U1, items.cursor + at)
    # Where an IPv6 header has its length, IPv4 has its identification: that fits no frame but by chance.
    length = run.read(_U2, items.cursor + 4).astype(np.int64)
    over = items.wire - items.cursor - IPV6_SIZE - length
    fits = (over <= TRAILER) & (length >= SHORTEST) | (length == 0) & (carried == TCP)
    good = looks_ip(run, items) & can_carry(run, carried) & (fits | (version == 4))
    items, version = run.keep(items, good, Reason.MALFORMED_IP, version)
    run.ethertype(np.where(version == 4, ETHERTYPE_IPV4, ETHERTYPE_IPV6), items)
