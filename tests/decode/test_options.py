from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpflow_scapy.decode.options import tcp_options
from tests.helpers import headers
from tests.helpers.headers import ethernet, ip_packet, tcp_segment

from .batches import decode


def frame(options: bytes, payload: bytes = b"xy") -> bytes:
    a, b = ("10.0.0.1", 1), ("10.0.0.2", 2)
    return ethernet(ip_packet(a[0], b[0], 6, tcp_segment(a, b, 0, 0, 16, payload, options=options)))


def read(*frames: bytes) -> dict[str, np.ndarray]:
    result = decode(frames)
    return tcp_options(result.packets, np.arange(len(frames)), result.store)


def test_the_usual_options() -> None:
    syn = headers.option_mss(1460) + headers.option_sack_permitted() + headers.option_window_scale(7)
    found = read(
        frame(syn + headers.option_timestamps(0xFFFFFFFF, 5)),
        frame(headers.option_sack((10, 20), (0xFFFFFFF0, 4))),
        frame(b""),
    )
    assert found["mss"].tolist() == [1460, -1, -1]
    assert found["window_scale"].tolist() == [7, -1, -1]
    assert found["sack_permitted"].tolist() == [True, False, False]
    assert found["tsval"].tolist() == [0xFFFFFFFF, -1, -1]
    assert found["tsecr"].tolist() == [5, -1, -1]
    assert found["sack_count"].tolist() == [0, 2, 0]
    assert found["sack_left"][1].tolist() == [10, 0xFFFFFFF0, 0, 0]
    assert found["sack_right"][1].tolist() == [20, 4, 0, 0]


def test_rows_are_chosen_and_keep_their_order() -> None:
    result = decode([frame(headers.option_mss(n)) for n in range(100, 110)])
    assert tcp_options(result.packets, np.array([7, 2]), result.store)["mss"].tolist() == [107, 102]


def test_options_cut_by_snaplen_are_not_read() -> None:
    octets = frame(headers.option_mss(1460) + headers.option_timestamps(1, 2))
    result = decode([octets[: 14 + 20 + 20 + 4]], wire=[len(octets)])
    found = tcp_options(result.packets, np.arange(1), result.store)
    assert (found["mss"][0], found["tsval"][0]) == (1460, -1)
    assert (result.rows[0].length, result.rows[0].wire_length) == (0, 2)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_random_options_as_scapy_reads_them(lists: list[bytes]) -> None:
    from scapy.layers.l2 import Ether

    frames = [frame(options) for options in lists]
    found = read(*frames)
    for row, octets in enumerate(frames):
        theirs = _well_formed(octets[54 : 14 + 20 + 4 * (octets[46] >> 4)])
        assert Ether(octets)["TCP"].dataofs == octets[46] >> 4
        assert found["mss"][row] == theirs.get(2, -1)
        assert found["tsval"][row] == theirs.get(8, -1)
        assert found["window_scale"][row] == theirs.get(3, -1)
        assert found["sack_permitted"][row] == (4 in theirs)


def _well_formed(data: bytes) -> dict[int, int]:
    """Option kind -> value, one list at a time, byte for byte."""
    sizes = {2: (4, 2), 3: (3, 1), 4: (2, 0), 8: (10, 4)}
    found: dict[int, int] = {}
    at = 0
    while at < len(data) and data[at] != 0:
        if data[at] == 1:
            at += 1
            continue
        if at + 2 > len(data) or data[at + 1] < 2 or at + data[at + 1] > len(data):
            break
        kind, length = data[at], data[at + 1]
        if kind in sizes and sizes[kind][0] == length:
            found[kind] = int.from_bytes(data[at + 2 : at + 2 + sizes[kind][1]], "big")
        at += length
    return found
