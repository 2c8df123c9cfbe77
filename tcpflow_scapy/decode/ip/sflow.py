"""sFlow (version 5): datagrams that quote the headers of sampled packets."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .udp import datagram

HEADER = np.dtype([("version", ">u4"), ("family", ">u4")])
SAMPLE = np.dtype([("kind", ">u4"), ("length", ">u4")])

VERSION_5 = 5
AGENTS = {1: 4, 2: 16}
"""Family of the agent's address -> its bytes"""

BEFORE_SAMPLES = 16
"""Agent's number, sequence, uptime, count of samples"""

FLOW_SAMPLES = (1, 3)
"""Sampled packets; the others are counters"""

MAX_SAMPLES = 64


def sflow(run: Run, items: Items) -> None:
    """A datagram like any other, but if it quotes packets, that is the reason to be told."""
    datagram(run, items)
    (items,) = run.keep(items, items.cursor + HEADER.itemsize <= items.end, Reason.UDP)
    header = run.read(HEADER, items.cursor)
    size = np.where(header["family"] == 1, AGENTS[1], AGENTS[2])
    good = (header["version"] == VERSION_5) & np.isin(header["family"], list(AGENTS))
    items, size = run.keep(items, good, Reason.UDP, size)
    items.cursor = items.cursor + HEADER.itemsize + size + BEFORE_SAMPLES
    for _ in range(MAX_SAMPLES):
        (items,) = run.keep(items, items.cursor + SAMPLE.itemsize <= items.end, Reason.UDP)
        sample = run.read(SAMPLE, items.cursor)
        quotes = np.isin(sample["kind"], FLOW_SAMPLES)
        run.drop(items.pick(quotes), Reason.SAMPLED_HEADER)
        items.cursor = items.cursor + SAMPLE.itemsize + sample["length"]
        items = items.pick(~quotes)
        if not len(items):
            return
