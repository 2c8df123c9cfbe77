"""Tables that grow in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tcpflow_scapy.capture.growing import GrowingColumn

Array = np.ndarray[Any, np.dtype[Any]]


class ColumnParts:
    """Collects parts of a table, column by column.

    Parameters
    ----------
    dtypes : mapping of str to dtype
        Names and types of the columns.
    """

    def __init__(self, dtypes: Mapping[str, Any]) -> None:
        self._columns = {name: GrowingColumn(dtype) for name, dtype in dtypes.items()}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, part: Mapping[str, Array]) -> None:
        """Keep a copy of a part; values are converted to the column's type."""
        lengths = {len(part[name]) for name in self._columns}
        if len(lengths) > 1:
            raise ValueError(f"columns of {sorted(lengths)} rows are no table")
        for name, column in self._columns.items():
            column.append(part[name])
        self._length += lengths.pop() if lengths else 0

    def build(self) -> dict[str, Array]:
        """The columns; nothing is left inside."""
        self._length = 0
        return {name: column.build() for name, column in self._columns.items()}


def join(parts: list[dict[str, Array]]) -> dict[str, Array]:
    """One part out of several."""
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def by_unit(part: dict[str, Array], key: str) -> tuple[Array, dict[str, Array]]:
    """Column `unit` and the others, in order of units and, within each, of the place that `key` names."""
    unit = part.pop("unit")
    if (unit[1:] <= unit[:-1]).any():
        order = np.lexsort((part[key], unit))
        unit = unit[order]
        part = {name: column[order] for name, column in part.items()}
    return unit, part
