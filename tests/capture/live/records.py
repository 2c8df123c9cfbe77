"""Made records and blocks for the tests of live capture."""

from __future__ import annotations

import random
import struct

import numpy as np

from tcpflow_scapy.capture.frames import Array
from tcpflow_scapy.capture.live.blocks import BlockMaker, Blocks

SECOND = 1_700_000_000


def frames(count: int, seed: int = 1) -> list[bytes]:
    """Frames of many lengths, each with its number in front where it fits."""
    rng = random.Random(seed)
    lengths = [rng.choice([0, 1, 2, 3, 4, 60, 61, 62, 63, 1514]) for _ in range(count)]
    return [(struct.pack(">I", i) * 400)[:length] for i, length in enumerate(lengths)]


def records(data: list[bytes], spare: int = 0, second: int = SECOND) -> Array:
    """Classic records as libpcap dumps them: frame i is of `second` + i seconds and i fractions."""
    parts = [struct.pack("=IIII", second + i, i, len(x), len(x) + spare) + x for i, x in enumerate(data)]
    return np.frombuffer(b"".join(parts), np.uint8)


def blocks(data: list[bytes], interface: int = 0) -> Blocks:
    """The same as blocks, in memory of their own."""
    made = BlockMaker().make(records(data), interface, nanoseconds=True)
    return Blocks(memoryview(bytes(made.data)), made.ends, made.last)
