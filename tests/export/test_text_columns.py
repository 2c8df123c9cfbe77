"""Characters by column, beside formatting one by one."""

from __future__ import annotations

from ipaddress import ip_address

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.decode.packets import IPV6_BASE, AddressBook
from tcpflow_scapy.export.text_columns import (
    addresses,
    beside,
    characters,
    decimals,
    hexadecimals,
    padded_addresses,
    picked,
    same_length,
    together,
)

NUMBERS = st.lists(st.one_of(st.integers(0, 1000), st.integers(0, 2**63 - 1)), max_size=20)


def lines(chars: np.ndarray) -> list[str]:
    return together(beside(chars, "\n")).split("\n")[:-1]


@given(NUMBERS)
def test_numbers_have_as_few_digits_as_they_need(numbers: list[int]) -> None:
    assert lines(decimals(np.array(numbers, np.int64))) == [str(number) for number in numbers]


@given(st.lists(st.integers(0, 65535), max_size=20))
def test_numbers_of_a_width_have_zeros_in_front(numbers: list[int]) -> None:
    assert same_length(decimals(np.array(numbers, np.int64), 5)) == [f"{number:05d}" for number in numbers]


def test_octets_are_hexadecimal() -> None:
    octets = np.array([[0, 1, 0xAB, 0xFF], [16, 32, 48, 64]], np.uint8)
    assert lines(hexadecimals(octets)) == [bytes(row).hex(":") for row in octets]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\n")), max_size=9))
def test_texts_of_any_length_and_script_stay_what_they_are(texts: list[str]) -> None:
    assert lines(characters(texts)) == texts


def test_texts_are_picked_by_number() -> None:
    assert lines(picked(np.array([1, 0, 1]), ("client", "server"))) == ["server", "client", "server"]


def test_addresses_of_both_families() -> None:
    book = AddressBook()
    packed = [bytes([10, 0, 0, 1]), bytes([0x20, 1, 0xD, 0xB8, *range(12)]), bytes([255] * 4)]
    codes = book.codes(packed)
    found = lines(addresses(book, np.array([*codes, codes[0]], np.int64)))
    assert found == [str(ip_address(address)) for address in [*packed, packed[0]]]


def test_addresses_in_names_are_padded() -> None:
    codes = np.array([0x0A000001, 0xFFFFFFFF, 0], np.int64)
    assert same_length(padded_addresses(codes)) == ["010.000.000.001", "255.255.255.255", "000.000.000.000"]
    with pytest.raises(ValueError, match="not an IPv4"):
        padded_addresses(np.array([IPV6_BASE]))


def test_rows_that_are_not_present_are_empty() -> None:
    numbers = np.array([7, 0, 12])
    assert lines(beside(" n='", decimals(numbers), "'", present=numbers != 0)) == [" n='7'", "", " n='12'"]


def test_no_rows_are_no_text() -> None:
    none = np.empty(0, np.int64)
    assert together(beside("a", decimals(none), characters([]), "b")) == ""
    assert same_length(padded_addresses(none)) == []


def test_of_many_texts_those_are_looked_at_that_are_picked() -> None:
    texts = [str(number) for number in range(1000)]
    assert lines(picked(np.array([999, 5, 999, 0]), texts)) == ["999", "5", "999", "0"]
    assert picked(np.array([7, 8]), texts).shape == (2, 1)
