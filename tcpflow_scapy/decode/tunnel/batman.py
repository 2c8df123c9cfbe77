"""batman-adv: Ethernet over wireless meshes, routed by the Linux kernel (compatibility versions 14 and 15).

Versions differ in their packet types; of these, all that carry a host's frame in the clear are here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.link.ethernet import ethernet
from tcpflow_scapy.decode.pieces import Kind, tagged
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

Array = np.ndarray[Any, np.dtype[Any]]

HEADER = np.dtype([("kind", "u1"), ("version", "u1"), ("time_to_live", "u1")])
MULTICAST = np.dtype([("fixed", "V4"), ("options", ">u2")])
PIECE = np.dtype(
    [
        ("fixed", "V3"),
        ("number", "u1"),
        ("to_high", ">u2"),
        ("to", ">u4"),
        ("from_high", ">u2"),
        ("from", ">u4"),
    ]
    + [("sequence", ">u2"), ("total", ">u2")]
)
PIECE_14 = np.dtype(
    [("fixed", "V4"), ("to_high", ">u2"), ("to", ">u4"), ("flags", "u1"), ("align", "u1")]
    + [("from_high", ">u2"), ("from", ">u4"), ("sequence", ">u2")]
)
HEAD = 0x01
"""Flag of the first of the two fragments of version 14; the other one has the next sequence number"""

SIZES = {
    (15, 0x01): 14,
    (15, 0x40): 10,
    (15, 0x42): 18,
    (14, 0x03): 10,
    (14, 0x04): 14,
    (14, 0x09): 18,
}
"""Bytes in front of the frame, by version and packet type: broadcast, unicast, unicast with four addresses"""
MULTICAST_15, PIECE_15_KIND, PIECE_14_KIND = (15, 0x05), (15, 0x41), (14, 0x06)

LABEL = Label("batman")


def batman(run: Run, items: Items) -> None:
    """Step over the mesh's header; fragments wait for each other."""
    items, header = run.take(items, HEADER)
    run.mark(items, LABEL)
    code = header["version"].astype(np.int64) << 8 | header["kind"]
    left = np.ones(len(items), bool)
    for (version, kind), size in SIZES.items():
        chosen = code == (version << 8 | kind)
        inner = items.pick(chosen)
        inner.cursor = inner.cursor + size
        run.forward(ethernet, inner)
        left &= ~chosen
    for (version, kind), layer in (
        (MULTICAST_15, _multicast),
        (PIECE_15_KIND, _piece),
        (PIECE_14_KIND, _piece_14),
    ):
        chosen = code == (version << 8 | kind)
        layer(run, items.pick(chosen))
        left &= ~chosen
    run.drop(items.pick(left), Reason.OTHER_ETHERTYPE)


def _multicast(run: Run, items: Items) -> None:
    """For several receivers, which are named in front of the frame."""
    items, header = run.take(items, MULTICAST)
    items.cursor = items.cursor + MULTICAST.itemsize + header["options"].astype(np.int64)
    run.forward(ethernet, items)


def _ends(header: Array, kind: Kind) -> tuple[Array, Array]:
    source, destination = (
        header[f"{end}_high"].astype(np.uint64) << np.uint64(32) | header[end] for end in ("from", "to")
    )
    return tagged(kind, source), destination


def _piece(run: Run, items: Items) -> None:
    """A fragment of a packet of the mesh, counted from the packet's end."""
    items, header = run.take(items, PIECE)
    items.cursor = items.cursor + PIECE.itemsize
    number = header["number"] >> 4
    run.fragment(
        items,
        protocol=number,
        identification=header["total"].astype(np.uint32) << 16 | header["sequence"],
        offset=np.zeros(len(items), np.int64),
        more=number > 0,
        ends=_ends(header, Kind.BATMAN),
    )


def _piece_14(run: Run, items: Items) -> None:
    """One of two fragments of a host's frame."""
    items, header = run.take(items, PIECE_14)
    items.cursor = items.cursor + PIECE_14.itemsize
    head = header["flags"] & HEAD != 0
    run.fragment(
        items,
        protocol=(~head).astype(np.uint8),
        identification=(header["sequence"].astype(np.uint32) - ~head) & np.uint32(0xFFFF),
        offset=np.zeros(len(items), np.int64),
        more=head,
        ends=_ends(header, Kind.BATMAN_14),
    )
