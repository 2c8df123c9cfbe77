"""Categorical columns from small codes."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]


def categorical(codes: Array, texts: list[str] | pd.Index) -> Any:
    """pandas.Categorical of distinct texts by code."""
    import pandas as pd

    from_codes: Any = pd.Categorical.from_codes
    return from_codes(codes, categories=texts)


def distinct_categorical(codes: Array, texts: pd.Index) -> Any:
    """The same for many texts that are known to differ.

    pandas would put them all into a hash table to see that they do, which takes longer than anything else
    that is done for a table of a million flows. It keeps the answer with the index: there it is put. A pandas
    that keeps it elsewhere finds out by itself.
    """
    kept = getattr(texts, "_cache", None)
    if isinstance(kept, dict):
        kept["is_unique"] = True
    return categorical(codes, texts)


def labelled(codes: Array, kind: type[IntEnum]) -> Any:
    """pandas.Categorical of the labels of an enumeration whose values count from 0."""
    return categorical(codes.astype(np.int8), [member.label for member in kind])  # type: ignore[attr-defined]


def compact(codes: Array, texts: list[str]) -> Any:
    """pandas.Categorical by code; equal texts are one category, unused ones are none."""
    if not len(codes):
        return categorical(np.empty(0, np.int8), [])
    present = codes[:1] if codes.strides == (0,) else np.flatnonzero(np.bincount(codes))
    names, where = np.unique(
        np.array([texts[code] for code in present.tolist()], object), return_inverse=True
    )
    number = np.zeros(len(texts), np.int8 if len(names) < 128 else np.int32)
    number[present] = where
    return categorical(number[codes], names.tolist())
