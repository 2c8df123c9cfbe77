"""Address codes and their texts."""

from __future__ import annotations

from ipaddress import ip_address

import numpy as np
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


def test_nothing(book: AddressBook) -> None:
    assert list(address_category(book, np.empty(0, np.int64))) == []
