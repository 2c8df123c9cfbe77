"""What the other side said of a stream: how far it has it, what it has beyond, and how much more it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.decode.options import tcp_options
from tcpflow_scapy.decode.packets import ACK, RST, SYN
from tcpflow_scapy.plot.segments import Segments
from tcpflow_scapy.reassembly.sequence import distances

if TYPE_CHECKING:
    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]

_MOST_SHIFT = 14
"""RFC 7323, 2.3"""

_SACK_HEADER = 20 + 10
"""No shorter header holds a block."""


@dataclass(frozen=True, slots=True)
class Acknowledgments:
    """Acknowledgments of one stream, by arrival. Columns of the same length."""

    index: Array
    """int64, index into the peer's segments"""
    offset: Array
    """int64, stream offset of the next byte expected"""
    edge: Array
    """int64, stream offset up to which the window reaches"""
    scale: int | None
    """shift count of the window; None where the handshake does not say, and `edge` is not scaled"""


def acknowledgments(evidence: Evidence, stream: int, data: Segments, peer: Segments) -> Acknowledgments:
    """Of one stream.

    Parameters
    ----------
    evidence : Evidence
    stream : int
        Which is acknowledged.
    data : Segments
        Its own.
    peer : Segments
        Those of the other stream.
    """
    index = np.flatnonzero((peer.flags & (ACK | RST)) == ACK)
    offset = offsets_of(evidence, stream, data, peer, peer.acknowledgment[index], index)
    scale = window_scale(evidence, data, peer)
    # The window of a SYN is never scaled (RFC 7323, 2.2).
    plain = (peer.flags[index] & SYN) == 0
    edge = offset + (peer.window[index] << np.where(plain, scale or 0, 0))
    return Acknowledgments(index, offset, edge, scale)


def offsets_of(
    evidence: Evidence, stream: int, data: Segments, peer: Segments, sequence: Array, index: Array
) -> Array:
    """Stream offsets of sequence numbers of `stream` that the peer named, nearest to what was sent till then.

    Parameters
    ----------
    sequence : ndarray of uint32
    index : ndarray of int64
        The peer's segments in which they stand.
    """
    found = evidence.reassembly
    base = np.uint32(found.streams.base[stream])
    if stream not in found.unwrapped or not len(data):
        return distances(sequence, np.full(len(sequence), base))
    reach = np.maximum.accumulate(data.end)
    at = np.searchsorted(data.row, peer.row[index]) - 1
    expected = np.where(at >= 0, reach[np.maximum(at, 0)], 0)
    return expected + distances(sequence, (expected + int(base)).astype(np.uint32))


def window_scale(evidence: Evidence, data: Segments, peer: Segments) -> int | None:
    """Shift count of the peer's windows (RFC 7323, 2); None where it cannot be known."""
    shifts: list[int | None] = []
    for side in (peer, data):
        row = side.row[(side.flags & (SYN | RST)) == SYN]
        if not len(row):
            shifts.append(None)
            continue
        shift = tcp_options(evidence.packets, row[:1], evidence.store)["window_scale"]
        shifts.append(int(shift[0]))
    if any(shift is not None and shift < 0 for shift in shifts):
        return 0
    mine = shifts[0]
    return None if mine is None or shifts[1] is None else min(mine, _MOST_SHIFT)


def selective(evidence: Evidence, stream: int, data: Segments, peer: Segments) -> tuple[Array, Array, Array]:
    """SACK blocks of a stream (RFC 2018).

    Returns
    -------
    tuple of ndarray
        For each block the index of the peer's segment, its begin and its end (stream offsets). Blocks that
        end before they begin are left out.
    """
    packets = evidence.packets
    could = np.flatnonzero(
        (packets.data_offset[peer.row] >= _SACK_HEADER) & ((peer.flags & (ACK | SYN | RST)) == ACK)
    )
    options = tcp_options(packets, peer.row[could], evidence.store)
    count = options["sack_count"].astype(np.int64)
    row, block = np.nonzero(np.arange(options["sack_left"].shape[1]) < count[:, None])
    index = could[row]
    left = offsets_of(evidence, stream, data, peer, options["sack_left"][row, block], index)
    length = distances(options["sack_right"][row, block], options["sack_left"][row, block])
    good = length > 0
    return index[good], left[good], (left + length)[good]
