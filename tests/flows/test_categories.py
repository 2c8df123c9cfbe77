"""Categoricals from codes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tcpflow_scapy.flows.categories import categorical, compact, distinct_categorical, labelled
from tcpflow_scapy.reassembly.tables import GapCause


def test_codes_become_texts() -> None:
    found = categorical(np.array([1, 0, 1], np.int8), ["client", "server"])
    assert list(found) == ["server", "client", "server"]
    assert list(found.categories) == ["client", "server"]


def test_texts_known_to_differ_are_not_looked_at() -> None:
    texts = pd.Index(["b", "a"])
    found = distinct_categorical(np.array([1, 0, 1], np.int8), texts)
    assert found.equals(pd.Categorical(["a", "b", "a"], categories=["b", "a"]))
    assert texts.is_unique
    assert texts.get_loc("a") == 1


def test_labels_of_an_enumeration() -> None:
    found = labelled(np.array([GapCause.NOT_CAPTURED, GapCause.TRUNCATED], np.uint8), GapCause)
    assert list(found) == ["not_captured", "truncated"]
    assert list(found.categories) == [cause.label for cause in GapCause]


def test_equal_texts_are_one_category_and_unused_ones_none() -> None:
    found = compact(np.array([3, 1, 0, 3]), ["b", "a", "unused", "a"])
    assert list(found) == ["a", "a", "b", "a"]
    assert list(found.categories) == ["a", "b"]


def test_nothing() -> None:
    assert list(compact(np.empty(0, np.int64), ["a"])) == []
    assert list(labelled(np.empty(0, np.uint8), GapCause)) == []
