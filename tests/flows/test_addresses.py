"""Address codes and their texts."""

from __future__ import annotations

from ipaddress import ip_address

import numpy as np
import pandas as pd
import pytest

from tcpflow_scapy.decode.packets import AddressBook
from tcpflow_scapy.flows.addresses import address_category, address_texts

ADDRESSES = [
    "10.0.0.10",
    "10.0.0.2",
    "2001:db8::9",
    "255.255.255.255",
    "0.0.0.0",
    "::",
    "::ffff:10.0.0.1",
    "2001:db8::1",
    "192.168.0.1",
]


@pytest.fixture
def book() -> AddressBook:
    return AddressBook()


def codes_of(book: AddressBook, addresses: list[str]) -> np.ndarray:
    return np.array([book.code(ip_address(text).packed) for text in addresses], np.int64)


def test_texts_are_those_of_the_standard_library(book: AddressBook) -> None:
    expected = [str(ip_address(text)) for text in ADDRESSES]
    assert address_texts(book, codes_of(book, ADDRESSES)) == expected


def test_categories_are_in_the_order_of_the_numbers(book: AddressBook) -> None:
    found = address_category(book, codes_of(book, ADDRESSES * 2))
    assert list(found) == [str(ip_address(text)) for text in ADDRESSES] * 2
    numbers = [ip_address(text) for text in found.categories]
    assert numbers == sorted(numbers, key=lambda x: (x.version, int(x)))
    assert len(numbers) == len(ADDRESSES)


@pytest.mark.parametrize("storage", ["python", "pyarrow"])
def test_a_category_is_what_pandas_would_have_made(book: AddressBook, storage: str) -> None:
    if storage == "pyarrow":
        pytest.importorskip("pyarrow")
    rng = np.random.default_rng(5)
    numbers = np.concatenate((rng.integers(0, 1 << 32, 2_000), rng.integers(0, 300, 2_000) * 257))
    sixes = [book.code(rng.bytes(16)) for _ in range(50)]
    codes = np.concatenate((numbers, np.repeat(sixes, 3), numbers[:500]))
    rng.shuffle(codes)
    texts = [str(ip_address(book.packed(code))) for code in codes.tolist()]
    ordered = sorted(map(ip_address, set(texts)), key=lambda x: (x.version, int(x)))
    with pd.option_context("mode.string_storage", storage):
        expected = pd.Categorical(texts, categories=[str(x) for x in ordered])
        found = address_category(book, codes)
        pd.testing.assert_extension_array_equal(found, expected)
        assert found.categories.dtype == expected.categories.dtype
        assert found.categories.is_unique
        assert (found.categories.get_indexer(texts) == found.codes).all()


def test_one_address_many_times(book: AddressBook) -> None:
    for text in ("10.0.0.1", "2001:db8::1"):
        found = address_category(book, codes_of(book, [text] * 5))
        assert list(found) == [text] * 5
        assert list(found.categories) == [text]


def test_nothing(book: AddressBook) -> None:
    assert list(address_category(book, np.empty(0, np.int64))) == []
