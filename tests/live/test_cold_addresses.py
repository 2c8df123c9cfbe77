from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.decode.packets import AddressBook
from tcpflow_scapy.live import cold_addresses
from tcpflow_scapy.live.cold_addresses import ColdAddressBook
from tests.properties.effort import kin


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("addresses"))


addresses = st.integers(0, 30).map(lambda number: (number * 0x1234567_89ABCDEF_01234567).to_bytes(16, "big"))


@kin
@given(parts=st.lists(st.lists(addresses, max_size=20), max_size=20), recent=st.integers(0, 40))
def test_it_is_an_address_book(folder: str, parts: list[list[bytes]], recent: int) -> None:
    saved, cold_addresses.RECENT = cold_addresses.RECENT, recent
    try:
        cold, warm = ColdAddressBook(folder), AddressBook()
        for part in parts:
            assert cold.codes(part) == warm.codes(part)
        assert list(cold.ipv6) == warm.ipv6
        for number in range(32):
            packed = (number * 0x1234567_89ABCDEF_01234567).to_bytes(16, "big")
            assert cold.knows(packed) == warm.knows(packed)
        for packed in warm.ipv6:
            assert cold.packed(cold.code(packed)) == packed
    finally:
        cold_addresses.RECENT = saved


def test_addresses_with_one_key_are_told_apart(tmp_path: Path) -> None:
    book = ColdAddressBook(str(tmp_path))
    # The key of a pair is the same in both directions.
    one, other = bytes(8) + b"\1" * 8, b"\1" * 8 + bytes(8)
    assert book.code(one) != book.code(other)
    book._recent.clear()
    assert book.codes([other, one]) == [book.code(other), book.code(one)]
    assert len(book.ipv6) == 2
    assert book.ipv6[-1] == other
    assert book.ipv6[0:2] == [one, other]
    with pytest.raises(IndexError):
        book.ipv6[2]


def test_ipv4_addresses_are_their_own_codes(tmp_path: Path) -> None:
    book = ColdAddressBook(str(tmp_path))
    assert book.code(b"\1\2\3\4") == 0x01020304
    assert book.packed(0x01020304) == b"\1\2\3\4"
    assert book.knows(b"\1\2\3\4")
