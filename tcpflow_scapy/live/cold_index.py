"""Which rows belong to a key: an index that grows without end and needs next to no memory.

New entries are sorted in memory. When there are enough of them they become a *run*: sorted on disk, read
through the page cache. A few runs of about the same length are merged to a longer one, so that there are
never more than a few for each power of `FAN`, and every entry is moved only as often (the log-structured
merge tree of O'Neil and others, 1996). Merging goes on in steps, between which the old runs serve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpflow_scapy.live.cold_columns import DiskColumn
from tcpflow_scapy.reassembly.columns import first_rows, ranges

Array = np.ndarray[Any, np.dtype[Any]]

YOUNG = 1 << 16
"""Entries that are kept in memory before they become a run on disk."""

FAN = 4
"""Runs of one level that are merged to one of the next."""

STEP = 1 << 16
"""Entries that one step of a merge moves: what is allocated for it comes and goes with every step."""

STEPS = 4
"""Steps taken at a time. Together they move more than one batch of a capture brings."""


@dataclass(slots=True, eq=False)
class Run:
    """Entries in order of key: distinct keys, and the rows of each."""

    keys: Array
    """uint64, ascending"""
    starts: Array
    """int64[len(keys) + 1]: where the rows of each key begin"""
    rows: Array
    """int64, ascending for each key"""
    level: int = 0
    columns: tuple[DiskColumn, ...] = ()
    """the files that hold the arrays, for a run on disk"""

    def __len__(self) -> int:
        return len(self.rows)

    def find(self, keys: Array) -> tuple[Array, Array]:
        """Which of `keys` are here (indices into `keys`), and the place of each in the run."""
        if not len(self.keys):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        hit = np.flatnonzero(self.keys[place] == keys)
        return hit, place[hit]

    def counts(self, place: Array) -> Array:
        """Number of rows at places."""
        counts: Array = self.starts[place + 1] - self.starts[place]
        return counts


def sorted_run(keys: Array, rows: Array) -> Run:
    """A run in memory, of entries whose rows are ascending for each key."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    heads = np.flatnonzero(first_rows(ordered))
    return Run(ordered[heads], np.append(heads, len(ordered)).astype(np.int64), rows[order])


class _Merge:
    """Several runs on their way to one; they stay as they are until it is done."""

    def __init__(self, runs: list[Run], folder: str) -> None:
        self.runs = runs
        """oldest first"""
        self._places = [0] * len(runs)
        self._columns = (
            DiskColumn(np.uint64, folder),
            DiskColumn(np.int64, folder),
            DiskColumn(np.int64, folder),
        )

    def step(self) -> Run | None:
        """Move some entries; the new run when all were moved."""
        bound = self._bound()
        parts = []
        for number, run in enumerate(self.runs):
            low = self._places[number]
            high = len(run.keys) if bound is None else int(np.searchsorted(run.keys, bound, side="right"))
            parts.append((run, low, high))
            self._places[number] = high
        self._write(parts)
        if bound is not None:
            return None
        keys, starts, rows = self._columns
        starts.append(np.array([len(rows)]))
        level = max(run.level for run in self.runs) + 1
        return Run(keys.view(), starts.view(), rows.view(), level, self._columns)

    def _bound(self) -> Array | None:
        """The last key of this step; None if all that is left is one step's work."""
        share = STEP // len(self.runs)
        bounds = []
        for run, place in zip(self.runs, self._places, strict=True):
            if len(run.rows) - int(run.starts[place]) > share:
                stop = int(np.searchsorted(run.starts, run.starts[place] + share, side="right")) - 1
                bounds.append(run.keys[max(stop, place + 1) - 1])
        return min(bounds) if bounds else None

    def _write(self, parts: list[tuple[Run, int, int]]) -> None:
        keys = np.concatenate([run.keys[low:high] for run, low, high in parts])
        if not len(keys):
            return
        counts = np.concatenate([np.diff(run.starts[low : high + 1]) for run, low, high in parts])
        rows = np.concatenate(
            [run.rows[int(run.starts[low]) : int(run.starts[high])] for run, low, high in parts]
        )
        order = np.argsort(keys, kind="stable")
        ordered, sizes = keys[order], counts[order]
        heads = np.flatnonzero(first_rows(ordered))
        into = self._columns
        begin = np.cumsum(sizes) - sizes + len(into[2])
        into[0].append(ordered[heads])
        into[1].append(begin[heads])
        into[2].append(rows[ranges((np.cumsum(counts) - counts)[order], sizes)])


class KeyIndex:
    """Rows by key.

    Parameters
    ----------
    folder : str
        For the files, which have no names.
    young : int
        Entries kept in memory.
    """

    def __init__(self, folder: str, young: int = YOUNG) -> None:
        self._folder = folder
        self._limit = young
        self._young = sorted_run(np.empty(0, np.uint64), np.empty(0, np.int64))
        self._runs: list[Run] = []
        self._merge: _Merge | None = None

    def __len__(self) -> int:
        return len(self._young) + sum(map(len, self._runs))

    @property
    def _all(self) -> list[Run]:
        return [*self._runs, self._young]

    def append(self, keys: Array, rows: Array) -> None:
        """Add entries.

        Parameters
        ----------
        keys : ndarray of uint64
        rows : ndarray of int64
            Higher than all rows that their keys had before, ascending for each key.
        """
        if not len(keys):
            return
        old = self._young
        held = np.repeat(old.keys, np.diff(old.starts))
        self._young = sorted_run(np.concatenate((held, keys)), np.concatenate((old.rows, rows)))
        if len(self._young) >= self._limit:
            self._write_young()

    def _write_young(self) -> None:
        run = self._young
        columns = tuple(DiskColumn(array.dtype, self._folder) for array in (run.keys, run.starts, run.rows))
        for column, array in zip(columns, (run.keys, run.starts, run.rows), strict=True):
            column.append(array)
        keys, starts, rows = (column.view() for column in columns)
        self._runs.append(Run(keys, starts, rows, 0, columns))
        self._young = sorted_run(np.empty(0, np.uint64), np.empty(0, np.int64))

    def tidy(self) -> None:
        """Take some steps of merging, if any is to be done. To be called after each `append`."""
        for _ in range(STEPS):
            if self._merge is None:
                runs = self._mergeable()
                if runs is None:
                    return
                self._merge = _Merge(runs, self._folder)
            done = self._merge.step()
            if done is not None:
                self._replace_merged(done)

    def _replace_merged(self, done: Run) -> None:
        """The new run takes the place of those that were merged."""
        assert self._merge is not None
        place = self._runs.index(self._merge.runs[0])
        merged, self._merge = self._merge, None
        self._runs[place : place + len(merged.runs)] = [done]
        for run in merged.runs:
            for column in run.columns:
                column.close()

    def _mergeable(self) -> list[Run] | None:
        """`FAN` neighbours of one level, the youngest such first."""
        for end in range(len(self._runs), FAN - 1, -1):
            runs = self._runs[end - FAN : end]
            if runs[0].level == runs[-1].level:
                return runs
        return None

    def contains(self, keys: Array) -> Array:
        """bool for each of `keys`: whether it has any rows."""
        found = np.zeros(len(keys), bool)
        for run in self._all:
            found[run.find(keys)[0]] = True
        return found

    def counts(self, keys: Array) -> Array:
        """int64 for each of `keys`: how many rows it has."""
        total = np.zeros(len(keys), np.int64)
        for run in self._all:
            hit, place = run.find(keys)
            total[hit] += run.counts(place)
        return total

    def find(self, keys: Array) -> tuple[Array, Array]:
        """The rows of keys.

        Parameters
        ----------
        keys : ndarray of uint64
            Distinct.

        Returns
        -------
        which : ndarray of int64
            Index into `keys`, for each row.
        rows : ndarray of int64
            Those of one key ascending.
        """
        which, rows = [], []
        for run in self._all:
            hit, place = run.find(keys)
            counts = run.counts(place)
            which.append(np.repeat(hit, counts))
            rows.append(run.rows[ranges(run.starts[place], counts)])
        return np.concatenate(which), np.concatenate(rows)

    def close(self) -> None:
        """Close the files."""
        for run in self._runs:
            for column in run.columns:
                column.close()
        self._runs = []
