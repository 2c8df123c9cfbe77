"""IP payload compression (RFC 3173)."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.pieces import Kind
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

HEADER = np.dtype([("next", "u1"), ("flags", "u1"), ("index", ">u2")])

DEFLATE = 2
NEGOTIATED = 256
"""Indices from here up mean what the two ends agreed on, which is mostly DEFLATE; the data decide"""

LABEL = Label("ipcomp")
"""Packets that would not shrink are sent without it (RFC 3173, 2.2), so it is not part of a key"""


def ipcomp(run: Run, items: Items) -> None:
    """Data compressed by DEFLATE waits to be decompressed; other algorithms are not known."""
    items, header = run.take(items, HEADER, Reason.TRUNCATED_IP)
    index = header["index"]
    known = (index == DEFLATE) | (index >= NEGOTIATED)
    items, header = run.keep(items, known, Reason.NOT_DECOMPRESSED, header)
    items.cursor = items.cursor + HEADER.itemsize
    run.mark(items, LABEL)
    run.rebuild(items, Kind.DEFLATED, value=header["next"])
