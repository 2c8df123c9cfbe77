"""Tables that grow in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class ColumnParts:
    """Collects parts of a table and joins them column by column, so that memory peaks low.

    Parameters
    ----------
    dtypes : mapping of str to dtype
        Names and types of the columns.
    """

    def __init__(self, dtypes: Mapping[str, Any]) -> None:
        self._dtypes = dict(dtypes)
        self._parts: dict[str, list[Array]] = {name: [] for name in dtypes}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, part: Mapping[str, Array]) -> None:
        """Keep a part; values are converted to the column's type."""
        length = -1
        for name, dtype in self._dtypes.items():
            column = np.asarray(part[name], dtype)
            if length not in (-1, len(column)):
                raise ValueError(f"column {name} has {len(column)} rows, not {length}")
            length = len(column)
            self._parts[name].append(column)
        self._length += max(length, 0)

    def build(self) -> dict[str, Array]:
        """The columns; nothing is left inside."""
        columns = {}
        for name, dtype in self._dtypes.items():
            parts = self._parts[name]
            self._parts[name] = []
            if len(parts) == 1:
                columns[name] = parts[0]
            else:
                columns[name] = np.concatenate(parts) if parts else np.empty(0, dtype)
            del parts
        self._length = 0
        return columns


def join(parts: list[dict[str, Array]]) -> dict[str, Array]:
    """One part out of several."""
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
