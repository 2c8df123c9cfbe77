"""Categorical columns from small codes."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def categorical(codes: Array, texts: list[str]) -> Any:
    """pandas.Categorical of distinct texts by code."""
    import pandas as pd

    from_codes: Any = pd.Categorical.from_codes
    return from_codes(codes, categories=texts)


def labelled(codes: Array, kind: type[IntEnum]) -> Any:
    """pandas.Categorical of the labels of an enumeration whose values count from 0."""
    return categorical(codes.astype(np.int8), [member.label for member in kind])  # type: ignore[attr-defined]


def compact(codes: Array, texts: list[str]) -> Any:
    """pandas.Categorical by code; equal texts are one category, unused ones are none."""
    if not len(codes):
        return categorical(np.empty(0, np.int8), [])
    names, where = np.unique(np.array(texts, object), return_inverse=True)
    mapped = where[codes]
    used = np.zeros(len(names), bool)
    used[mapped] = True
    return categorical((np.cumsum(used) - 1)[mapped], names[used].tolist())
