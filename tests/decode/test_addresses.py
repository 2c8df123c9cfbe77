from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpflow_scapy.decode.addresses import PACKED, intern_ipv6, packed_ipv6
from tcpflow_scapy.decode.packets import IPV6_BASE, AddressBook


def packed(*addresses: bytes) -> np.ndarray:
    return np.frombuffer(b"".join(addresses), PACKED)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 6).map(lambda n: bytes(15) + bytes([n])), min_size=1), max_size=4))
def test_codes_stand_for_their_addresses_over_many_batches(batches: list[list[bytes]]) -> None:
    book = AddressBook()
    for addresses in batches:
        codes = intern_ipv6(book, packed(*addresses))
        assert [book.packed(int(c)) for c in codes] == addresses
        assert packed_ipv6(book, codes, IPV6_BASE).tolist() == addresses
    assert len(set(book.ipv6)) == len(book.ipv6)


def test_codes_follow_first_sight() -> None:
    a, b, c = (bytes([n]) * 16 for n in (9, 1, 5))
    assert intern_ipv6(AddressBook(), packed(b, a, b, c, a)).tolist() == [
        IPV6_BASE + n for n in (0, 1, 0, 2, 1)
    ]


def test_addresses_made_to_collide_in_the_mix_stay_apart() -> None:
    # high * A ^ low * B: solve for a second pair with the same mix (B is odd, so it has an inverse).
    a, b, mask = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, (1 << 64) - 1
    target = (1 * a & mask) ^ (2 * b & mask)
    pairs = [(1, 2)]
    for high in range(2, 40):
        pairs.append((high, ((high * a & mask) ^ target) * pow(b, -1, 1 << 64) & mask))
    # The mix reads the machine's own words.
    raw = [np.array(pair, np.uint64).tobytes() for pair in pairs]
    book = AddressBook()
    codes = intern_ipv6(book, packed(*raw, *raw))
    assert [book.packed(int(c)) for c in codes] == raw * 2


def test_nothing_in_nothing_out() -> None:
    assert len(intern_ipv6(AddressBook(), packed())) == 0
