"""sFlow (RFC 3176, and version 5): datagrams that quote the headers of sampled packets."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

from .udp import datagram

HEADER = np.dtype([("version", ">u4"), ("family", ">u4")])
SAMPLE = np.dtype([("kind", ">u4"), ("length", ">u4")])

VERSION_5 = 5
VERSIONS = (2, 4, VERSION_5)
AGENTS = {1: 4, 2: 16}
"""Family of the agent's address -> its bytes"""

BEFORE_SAMPLES = 12
"""Sequence, uptime, count of samples; version 5 has the agent's number in front"""

FLOW_SAMPLES = (1, 3)
"""Sampled packets (3: with longer numbers, version 5); the others are counters"""

MAX_SAMPLES = 64


def sflow(run: Run, items: Items) -> None:
    """A datagram like any other, but if it quotes packets, that is its reason."""
    datagram(run, items)
    items = items.pick(items.cursor + HEADER.itemsize <= items.end)
    header = run.read(HEADER, items.cursor)
    version, family = header["version"], header["family"]
    before = np.where(family == 1, AGENTS[1], AGENTS[2]) + BEFORE_SAMPLES + 4 * (version == VERSION_5)
    good = np.isin(version, VERSIONS) & np.isin(family, list(AGENTS))
    items.cursor = items.cursor + HEADER.itemsize + before
    items, version = items.pick(good), version[good]
    for _ in range(MAX_SAMPLES):
        inside = items.cursor + SAMPLE.itemsize <= items.end
        items, version = items.pick(inside), version[inside]
        if not len(items):
            return
        sample = run.read(SAMPLE, items.cursor)
        quotes = np.isin(sample["kind"], FLOW_SAMPLES)
        run.drop(items.pick(quotes), Reason.SAMPLED_HEADER)
        items.cursor = items.cursor + SAMPLE.itemsize + sample["length"]
        # Only in version 5 a sample says how long it is.
        more = ~quotes & (version == VERSION_5)
        items, version = items.pick(more), version[more]
