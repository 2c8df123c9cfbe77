from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode.fragments.copies import equal_ranges, exact_copies
from tcpflow_scapy.decode.fragments.grouping import line_up

from .test_grouping import first, last, table


@given(st.binary(min_size=1, max_size=700), st.data())
def test_ranges_are_equal_where_their_bytes_are(data: bytes, draw: st.DataObject) -> None:
    # The second half nearly repeats the first: ranges that differ do so in single bytes.
    octets = bytearray(data + data)
    for place in draw.draw(st.lists(st.integers(0, len(octets) - 1), max_size=3)):
        octets[place] ^= 1
    store = Store()
    store.add(bytes(octets[: len(data)]), "one")
    second = store.add(bytes(octets), "both")
    ranges = st.tuples(st.integers(0, len(data)), st.integers(0, len(data)), st.booleans())
    pairs = draw.draw(st.lists(ranges, min_size=1, max_size=20))
    one, other, length = [], [], []
    for start, size, elsewhere in pairs:
        one.append(start if elsewhere else second + start)
        other.append(second + len(data) + start)
        length.append(min(size, len(data) - start))
    expected = [store.read(a, n) == store.read(b, n) for a, b, n in zip(one, other, length, strict=True)]
    assert equal_ranges(store, *(np.array(x, np.int64) for x in (one, other, length))).tolist() == expected


@pytest.mark.parametrize("size", [8, 24, 400])
def test_every_copy_knows_the_first(size: int) -> None:
    store = Store()
    store.add(b"a" * size * 2 + b"b" * size, "test")
    rows = [first(wire_length=size, address=at * size) for at in (0, 1, 2, 0)]
    fragments = table(*rows, last(offset=size, wire_length=size))
    lineup = line_up(fragments, np.arange(5), np.zeros(5, np.int64))
    heads = exact_copies(store, fragments, lineup)
    assert heads is not None
    assert lineup.index[heads].tolist() == [0, 0, 2, 0, 4]


def test_no_copies() -> None:
    fragments = table(first(), last(), first(identification=8))
    lineup = line_up(fragments, np.arange(3), np.zeros(3, np.int64))
    assert exact_copies(Store(), fragments, lineup) is None
