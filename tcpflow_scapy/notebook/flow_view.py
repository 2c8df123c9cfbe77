"""What the flow browser shows, without its widgets: filter, order, pages and marks over a table of flows.

All of it is done on columns: a page of a million flows costs no more than a page of a hundred.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.flows.columns import COLUMN_NAMES
from tcpflow_scapy.flows.selection import endpoint, select, true_or_false
from tcpflow_scapy.flows.state import STATES
from tcpflow_scapy.flows.table import FlowTable
from tcpflow_scapy.notebook.arguments import BadArguments, reason
from tcpflow_scapy.render.escape import one_line
from tcpflow_scapy.render.quantity import count, duration, instant, size

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]

NUMBER = "flow"
"""the column that is the flow number"""
SORTABLE = (NUMBER, *COLUMN_NAMES)
MARK = "✓"
ACCEPTED = (
    "The filter takes words, all of which must match: a port (443), an address or network (10.0.0.0/8), "
    "address:port, a state (SF), or part of one of these; or a condition over the columns "
    "(missing_bytes > 0 and server_port == 80). A capture filter such as tcp port 80 belongs in "
    "reassemble(..., filter=...)."
)
"""what the filter takes: the answer to anything else"""

_EXPRESSION = re.compile(r"[<>=!&|()@`\"'~+*%]|\b(?:and|or|not|in)\b")
_ADDRESSES_AS_NUMBERS = 100_000
"""distinct addresses that are ordered as numbers; more are ordered as text"""


class FlowView:
    """Filter, order, pages and marks.

    Parameters
    ----------
    flows : FlowTable
    names : dict, optional
        Variables that a filter may use as ``@name``.
    """

    def __init__(self, flows: FlowTable, names: dict[str, Any] | None = None) -> None:
        self.flows = flows
        self.marks = np.zeros(len(flows), bool)
        self._names = names or {}
        self._passed: Array | None = None
        self._order: tuple[str, bool] = (NUMBER, True)
        self._only_marked = False
        self._orders: dict[str, tuple[Array, int]] = {}
        self._rows: Array | None = None

    # -- what is shown ------------------------------------------------------------------------------

    def filter(self, text: str) -> None:
        """Show only flows that match; an empty text shows all.

        Words (all of them must match): a port, an address, a network, ``address:port``, or part of an
        address, a state or the layers. Anything with an operator is a pandas expression over the columns.

        Raises
        ------
        BadArguments
            If a word or the expression is not one of these; what was shown before stays.
        """
        text = text.strip()
        if not text:
            self._passed = None
        elif _EXPRESSION.search(text) or text in COLUMN_NAMES:
            self._passed = self._expression(text)
        else:
            passed = np.ones(len(self.flows), bool)
            for word in text.split():
                passed &= self._word(word)
            self._passed = passed
        self._rows = None

    def _expression(self, text: str) -> Array:
        table = self.flows.df
        try:
            found = table.eval(text, local_dict=self._names, global_dict={}, target=None)
            return true_or_false(found, text, len(table))
        except Exception as error:  # pandas raises whatever its parser, numpy or a column raises
            raise BadArguments(f"{one_line(text, 100)}: {reason(error)}. {ACCEPTED}") from error

    def _word(self, word: str) -> Array:
        table = self.flows.df
        if word.isascii() and word.isdigit() and len(word) < 6 and int(word) < 1 << 16:
            return self._port(int(word), "client") | self._port(int(word), "server")
        end = endpoint(word)
        if end is not None:
            address = str(ip_address(end[0]))
            sides = [self._text(address, s, whole=True) & self._port(end[1], s) for s in _SIDES]
            if any(side.any() for side in sides):
                return sides[0] | sides[1]
        try:
            return select(table, host=word)
        except ValueError:
            parts = [self._text(word, column) for column in (*_SIDES, "state", "encap", "vlan")]
            found = np.asarray(np.any(parts, axis=0))
            if found.any() or end is not None or word.upper() in STATES or _part_of_address(word):
                return found
        text = one_line(word, 60)
        raise BadArguments(f"{text!r} is not part of an address, state or layer here. {ACCEPTED}")

    def _port(self, port: int, side: str) -> Array:
        found: Array = self.flows.df[f"{side}_port"].to_numpy() == port
        return found

    def _text(self, word: str, column: str, *, whole: bool = False) -> Array:
        """Rows whose text holds a word: looked for once in each distinct text."""
        values = self.flows.df[column].cat
        low = word.lower()
        texts = values.categories.tolist()
        if column not in _SIDES:  # addresses, of which there may be a million, have no capitals
            texts = [str(text).lower() for text in texts]
        hits = [low == text for text in texts] if whole else [low in text for text in texts]
        codes = values.codes.to_numpy()
        found: Array = np.array([*hits, False], bool)[codes]
        return found

    def sort(self, column: str, *, ascending: bool = True) -> None:
        """Order by a column, flow numbers breaking ties; missing values come last either way.

        Raises
        ------
        BadArguments
            If there is no such column.
        """
        if column not in SORTABLE:
            raise BadArguments(f"there is no column {one_line(column, 60)}")
        self._order = (column, ascending)
        self._rows = None

    def only_marked(self, wanted: bool) -> None:
        """Show only what is marked."""
        self._only_marked = wanted
        self._rows = None

    @property
    def rows(self) -> Array:
        """Positions in the table of all flows shown, in order."""
        if self._rows is None:
            column, ascending = self._order
            order = self._ordered(column, ascending)
            keep = self._passed
            if self._only_marked:
                keep = self.marks if keep is None else keep & self.marks
            self._rows = order if keep is None else order[keep[order]]
        return self._rows

    def __len__(self) -> int:
        return len(self.rows)

    def _ordered(self, column: str, ascending: bool) -> Array:
        if column not in self._orders:
            keys, known = self._keys(column)
            order = np.argsort(keys, kind="stable")
            self._orders[column] = order, known
        order, known = self._orders[column]
        return order if ascending else np.concatenate((order[:known][::-1], order[known:]))

    def _keys(self, column: str) -> tuple[Array, int]:
        """Values that sort as the column should, missing ones last, and how many are not missing."""
        import pandas as pd

        table = self.flows.df
        if column == NUMBER:
            return np.asarray(table.index), len(table)
        values = table[column]
        known = int(values.notna().sum())
        if isinstance(values.dtype, pd.CategoricalDtype):
            rank = _ranks(values.cat.categories.tolist())
            keys = np.append(rank, len(rank))
            if len(keys) <= 1 << 16:
                keys = keys.astype(np.uint16)  # which numpy sorts by radix, several times as fast
            return keys[values.cat.codes.to_numpy()], known
        keys = values.to_numpy(dtype="datetime64[ns]") if values.dtype.kind == "M" else values.to_numpy()
        return keys, known

    # -- pages --------------------------------------------------------------------------------------

    def page(self, number: int, rows: int) -> tuple[Array, pd.DataFrame]:
        """Positions of the flows of one page (counted from 0), and how they look."""
        chosen = self.rows[number * rows : (number + 1) * rows]
        return chosen, self._look(chosen)

    def _look(self, chosen: Array) -> pd.DataFrame:
        import pandas as pd

        table = self.flows.df.iloc[chosen]

        def ends(side: str) -> list[str]:
            pairs = zip(table[side].tolist(), table[f"{side}_port"].tolist(), strict=True)
            return [f"[{a}]:{p}" if ":" in a else f"{a}:{p}" for a, p in pairs]

        def each(column: str, show: Any) -> list[str]:
            return [show(v) if v == v and v else "" for v in table[column].tolist()]

        shown = {
            MARK: [MARK if mark else "" for mark in self.marks[chosen].tolist()],
            "#": [str(n) for n in table.index.tolist()],
            "client": ends("client"),
            "server": ends("server"),
            "sent": each("client_bytes", size),
            "received": each("server_bytes", size),
            "missing": each("missing_bytes", size),
            "conflicts": each("conflicts", count),
            "state": [str(s) for s in table["state"].tolist()],
            "duration": each("duration_s", duration),
            "start (UTC)": [instant(t.value) if t == t else "" for t in table["start"].tolist()],
        }
        return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in shown.items()})

    # -- marks --------------------------------------------------------------------------------------

    def mark(self, positions: Any, on: bool = True) -> None:
        """Set or take away marks."""
        self.marks[np.asarray(positions, np.int64)] = on
        if self._only_marked:
            self._rows = None

    @property
    def marked(self) -> FlowTable:
        """The marked flows, in the order of the table."""
        found: FlowTable = self.flows[self.marks]
        return found

    def table(self, positions: Any) -> FlowTable:
        """Some of the flows."""
        found: FlowTable = self.flows[np.asarray(positions, np.int64)]
        return found


_SIDES = ("client", "server")


def _part_of_address(word: str) -> bool:
    """Whether an address could hold this word, such as ``10.0.`` or ``fe80::``."""
    if ":" in word:
        return re.fullmatch(r"(?:[0-9a-f]{0,4}:)+[0-9a-f]{0,4}", word, re.IGNORECASE) is not None
    pieces = word.split(".")
    return 1 < len(pieces) < 5 and all(
        not p or (p.isdigit() and p.isascii() and len(p) < 4 and int(p) < 256) for p in pieces
    )


def _ranks(categories: list[Any]) -> Array:
    """The place of each category in order; addresses as numbers."""
    from ipaddress import ip_address

    texts = [str(c) for c in categories]
    keys: list[Any] = texts
    if len(texts) <= _ADDRESSES_AS_NUMBERS:
        try:
            keys = [(a.version, int(a)) for a in map(ip_address, texts)]
        except ValueError:
            keys = texts
    order = sorted(range(len(keys)), key=keys.__getitem__)
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys))
    return rank
