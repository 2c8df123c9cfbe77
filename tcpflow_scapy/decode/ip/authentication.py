"""Authentication header over IPv4 (RFC 4302): the payload behind it is in the clear."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

HEADER = np.dtype([("next", "u1"), ("length", "u1")])


def authentication(run: Run, items: Items) -> None:
    """Step over it."""
    items, header = run.take(items, HEADER, Reason.TRUNCATED_IP)
    items.cursor = items.cursor + ((header["length"].astype(np.int64) + 2) << 2)
    inside = items.cursor <= items.end
    items, header = run.keep(items, inside, Reason.TRUNCATED_IP, header)
    run.ip_protocol(header["next"], items)
