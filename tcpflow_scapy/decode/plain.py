"""The short cut for what most frames are: Ethernet II, IPv4 without options, TCP, whole.

Frames that do not fit are left for the layers; here is nothing that they do not do as well.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .reasons import Reason
from .run import Run

Array = np.ndarray[Any, np.dtype[Any]]

ETHERNET = 14
IP = 20
TCP = 20
PADDED = 46
"""Length of an IP packet that just fills the shortest frame"""
SMALLEST = ETHERNET + IP + TCP

# Fields of the three headers together, by offset from the frame's start. `kind` is Ethernet type, IP
# version and header length, and type of service; `piece` is flags, fragment offset, TTL, protocol.
_SKIP = 12
_FIELDS = {
    "kind": ("u4", 12),
    "total": (">u2", 16),
    "piece": ("u4", 20),
    "source": (">u4", 26),
    "destination": (">u4", 30),
    "source_port": (">u2", 34),
    "destination_port": (">u2", 36),
    "sequence": (">u4", 38),
    "acknowledgment": (">u4", 42),
    "offset": ("u1", 46),
    "flags": ("u1", 47),
    "window": (">u2", 48),
}
HEADER = np.dtype(
    {
        "names": list(_FIELDS),
        "formats": [form for form, _ in _FIELDS.values()],
        "offsets": [offset - _SKIP for _, offset in _FIELDS.values()],
        "itemsize": SMALLEST - _SKIP,
    }
)


def _word(*octets: int) -> np.uint32:
    return np.uint32(int.from_bytes(bytes(octets), sys.byteorder))


_KIND_MASK, _KIND = _word(0xFF, 0xFF, 0xFF, 0), _word(0x08, 0x00, 0x45, 0)
_PIECE_MASK, _PIECE = _word(0x3F, 0xFF, 0, 0xFF), _word(0, 0, 0, 6)

SAMPLE = 64
"""Frames looked at to see whether the short cut pays."""


def take_plain(run: Run, unit: Array | None, position: Array, caplen: Array, state: int) -> Array | None:
    """Decode the frames that fit.

    Parameters
    ----------
    run : Run
        Gets their rows; checksums are not verified here.
    unit : ndarray of int64, optional
        Frames to look at, all Ethernet; None: all.
    position, caplen : ndarray of int64
        Of the frames to look at.
    state : int
        The encapsulation state of ``eth/ip``.

    Returns
    -------
    ndarray of int or None
        Which of the frames looked at are left; None: all of them.
    """
    if not len(position) or not _pays(run, position, caplen):
        return None
    start = position + _SKIP
    header = run.read(HEADER, start)
    total = header["total"].astype(np.int64)
    data_offset = (header["offset"] >> 4).astype(np.int64) << 2
    size = total - IP
    size -= data_offset
    fits = (header["kind"] & _KIND_MASK) == _KIND
    fits &= (header["piece"] & _PIECE_MASK) == _PIECE
    fits &= caplen >= SMALLEST
    fits &= size >= 0
    fits &= data_offset >= TCP
    # Padding may be counted in: the layers look.
    fits &= total != PADDED
    captured = np.minimum(caplen - ETHERNET, total)
    captured -= IP
    rest = None
    if not fits.all():
        rest = np.flatnonzero(~fits)
        index = np.flatnonzero(fits)
        if not len(index):
            return rest
        header, position = header[index], position[index]
        size, captured, data_offset = size[index], captured[index], data_offset[index]
        unit = index if unit is None else unit[index]
    elif unit is None:
        unit = np.arange(len(position))
    run.reason[unit] = Reason.TCP
    shift = np.uint64(16)
    run.segments.append(
        {
            "unit": unit,
            "source": header["source"].astype(np.uint64) << shift | header["source_port"],
            "destination": header["destination"].astype(np.uint64) << shift | header["destination_port"],
            "state": np.broadcast_to(np.int32(state), (len(unit),)),
            "header": position + (run.base + ETHERNET + IP),
            "data_offset": np.minimum(data_offset, captured).astype(np.uint8),
            "sequence": header["sequence"].astype(np.uint32),
            "acknowledgment": header["acknowledgment"].astype(np.uint32),
            "flags": header["flags"] | (header["offset"] & np.uint16(1)) << np.uint16(8),
            "window": header["window"].astype(np.uint16),
            "length": np.maximum(captured - data_offset, 0).astype(np.uint32),
            "wire_length": size.astype(np.uint32),
        }
    )
    return np.empty(0, np.intp) if rest is None else rest


def _pays(run: Run, position: Array, caplen: Array) -> bool:
    """Whether enough of some frames fit: a capture full of tags would pay for nothing."""
    step = max(len(position) // SAMPLE, 1)
    some = np.flatnonzero(caplen[::step] >= SMALLEST) * step
    header = run.read(HEADER, position[some] + _SKIP)
    fits = (header["kind"] & _KIND_MASK) == _KIND
    fits &= (header["piece"] & _PIECE_MASK) == _PIECE
    return bool(fits.sum() * 8 >= len(some)) and len(some) > 0
