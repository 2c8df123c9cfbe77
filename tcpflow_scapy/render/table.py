"""Rows to a text table, an HTML table or a rich table: the same cells in each, all of them safe.

A `Table` holds what is to be shown, not what there is: its owner cuts long tables short and says how
many rows there are in `total`.
"""

from __future__ import annotations

import math
import shutil
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

from tcpflow_scapy.render.escape import ELLIPSIS, one_line

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

Align = Literal["left", "right", "center"]

_MARGIN = 2
"""spaces between columns of text"""
_NARROWEST = 6
"""no column is shrunk below this; rather is one dropped"""
_NARROWEST_NOTE = 40
"""notes are not wrapped to less"""
_LONGEST_CELL = 300
"""characters of a cell in HTML, where the browser does the wrapping"""
_PLAIN_ROWS = 60
"""rows in the plain-text copy inside HTML"""


@dataclass(frozen=True, slots=True)
class Column:
    """How one column is shown.

    Parameters
    ----------
    name : str
        Its name in code; names dropped columns, and is the title if there is none.
    title : str, optional
        Heading.
    align : {"left", "right", "center"}
    unit : str
        Shown behind the heading.
    priority : int
        On a narrow terminal columns with the highest number go first; 0 never goes.
    format : callable, optional
        Turns a value into text; its result is escaped as everything else. Not called for missing values.
    max_width : int
        Longest cell in text, in terminal columns.
    min_width : int, optional
        Cells may be cut to this before any column is dropped; default: only afterwards.
    style : str
        Rich style of the cells, such as ``"cyan"``.
    help : str
        One line that explains the column: a tooltip in HTML.
    """

    name: str
    title: str | None = None
    align: Align = "left"
    unit: str = ""
    priority: int = 0
    format: Callable[[Any], str] | None = None
    max_width: int = 60
    min_width: int | None = None
    style: str = ""
    help: str = ""

    @property
    def heading(self) -> str:
        """Title and unit, safe."""
        title = self.name if self.title is None else self.title
        return one_line(f"{title} [{self.unit}]" if self.unit else title)

    def cell(self, value: Any) -> str:
        """A value as safe text of one line."""
        if _is_missing(value):
            return ""
        if self.format is not None:
            value = self.format(value)
        elif isinstance(value, float):
            value = f"{value:.6g}"
        return one_line(value, _LONGEST_CELL)


def _is_missing(value: Any) -> bool:
    """None, NaN, and pandas' NaT and NA, which are told by name to leave pandas unimported."""
    if isinstance(value, (str, int, bytes)):
        return False
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or type(value).__name__ in ("NaTType", "NAType")


class Table:
    """Rows to show.

    Parameters
    ----------
    columns : sequence of Column
    rows : iterable of tuples
        One value for each column: text, bytes, numbers, None. Nothing needs to be escaped before.
    total : int, optional
        How many rows there are; default: as many as given. A footer says so where they differ.
    title : str
        A line above.
    empty : str
        What to say where there are no rows.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        rows: Iterable[Sequence[Any]],
        total: int | None = None,
        *,
        title: str = "",
        empty: str = "none",
    ) -> None:
        self.columns = tuple(columns)
        self.rows = [tuple(row) for row in rows]
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row of {len(row)} values for {len(self.columns)} columns")
        self.total = len(self.rows) if total is None else total
        self.title = one_line(title)
        self.empty = one_line(empty)

    def cells(self, limit: int | None = None) -> list[list[str]]:
        """Safe text of every cell, column by column; of the first `limit` rows."""
        rows = self.rows if limit is None else self.rows[:limit]
        return [[c.cell(row[i]) for row in rows] for i, c in enumerate(self.columns)]

    def footer(self, shown: int | None = None, dropped: Sequence[Column] = ()) -> str:
        """What is not shown, in words; empty if all is."""
        shown = len(self.rows) if shown is None else shown
        notes = []
        if not self.rows and not self.total:
            notes.append(self.empty)
        elif shown < self.total:
            notes.append(f"{ELLIPSIS} {shown:,} of {self.total:,} rows")
        if dropped and self.rows:
            notes.append(f"not shown: {', '.join(one_line(c.name) for c in dropped)}")
        return "; ".join(notes)

    def to_text(self, width: int | None = None, limit: int | None = None) -> str:
        """Plain text, without a line feed at its end.

        Parameters
        ----------
        width : int, optional
            Terminal columns to stay within; default: the terminal's.
        limit : int, optional
            At most this many of the rows.
        """
        width = shutil.get_terminal_size().columns if width is None else max(width, 1)
        cells = self.cells(limit)
        shown, dropped, widths = _layout(self.columns, cells, width)
        lines = [self.title] if self.title else []
        if shown:
            heads = [self.columns[i].heading for i in shown]
            lines.append(_line(heads, widths, [self.columns[i].align for i in shown]))
            lines.append((" " * _MARGIN).join("─" * w for w in widths))
        count = len(cells[0]) if cells else 0
        aligns = [self.columns[i].align for i in shown]
        lines += [_line([cells[i][row] for i in shown], widths, aligns) for row in range(count)]
        lines += wrap(self.footer(count, dropped), max(width, _NARROWEST_NOTE))
        return "\n".join(clip(line.rstrip(), width) for line in lines)

    def to_html(self) -> str:
        """A self-contained HTML fragment: no scripts, no remote resources, light and dark themes."""
        from tcpflow_scapy.render.html import fragment, table_element

        return fragment(table_element(self), self.to_text(width=160, limit=_PLAIN_ROWS))

    def to_rich(self, width: int | None = None) -> RenderableType:
        """Title, table and footer for rich; with `width`, without the columns that have no room.

        A `Table` can also be printed by rich as it is: it then takes the console's width.
        """
        from rich.console import Group
        from rich.table import Table as RichTable
        from rich.text import Text

        cells = self.cells()
        indices = list(range(len(self.columns)))
        dropped: list[Column] = []
        widths: list[int] | None = None
        if width is not None:
            indices, dropped, widths = _layout(self.columns, cells, width)
        footer = self.footer(dropped=dropped)
        made = RichTable(box=None, pad_edge=False, header_style="bold", padding=(0, _MARGIN, 0, 0))
        for place, i in enumerate(indices):
            column = self.columns[i]
            made.add_column(
                Text(column.heading),
                justify=column.align,
                style=column.style,
                no_wrap=True,
                overflow="ellipsis",
                max_width=column.max_width,
                width=None if widths is None else widths[place],
            )
        for row in range(len(self.rows)):
            # Text, never str: rich reads markup in strings.
            made.add_row(*(Text(cells[i][row]) for i in indices))
        parts: list[RenderableType] = [Text(self.title, style="italic")] if self.title else []
        parts += [made] if indices else []
        # Not the table's own caption: rich would wrap it to the width of a narrow table.
        parts += [Text(footer, style="dim")] if footer else []
        return Group(*parts)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.to_rich(options.max_width)

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()


def text_width(text: str) -> int:
    """Terminal columns of safe text: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    width = 0
    for character in text:
        if unicodedata.combining(character):
            continue
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return width


def clip(text: str, width: int) -> str:
    """Text cut to a number of terminal columns."""
    if text_width(text) <= width:
        return text
    room, kept = width - 1, []
    for character in text:
        room -= text_width(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS


def _line(cells: Sequence[str], widths: Sequence[int], aligns: Sequence[Align]) -> str:
    """One line of a text table."""
    parts = []
    for cell, width, align in zip(cells, widths, aligns, strict=True):
        text = clip(cell, width)
        room = width - text_width(text)
        left = room if align == "right" else room // 2 if align == "center" else 0
        parts.append(" " * left + text + " " * (room - left))
    return (" " * _MARGIN).join(parts)


def _layout(
    columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int
) -> tuple[list[int], list[Column], list[int]]:
    """Which columns fit, which are dropped, and how wide each is."""
    natural = [
        min(max([text_width(c.heading), *map(text_width, texts)]), max(c.max_width, 1))
        for c, texts in zip(columns, cells, strict=True)
    ]
    shown = list(range(len(columns)))

    def excess() -> int:
        return sum(natural[i] for i in shown) + _MARGIN * max(len(shown) - 1, 0) - width

    def shrink(least: dict[int, int]) -> None:
        while excess() > 0 and any(natural[i] > least[i] for i in least):
            widest = max((i for i in least if natural[i] > least[i]), key=lambda i: natural[i])
            natural[widest] = max(least[widest], natural[widest] - excess())

    shrink({i: c.min_width for i, c in enumerate(columns) if c.min_width is not None})
    while excess() > 0 and any(columns[i].priority for i in shown):
        # The least important; of equals the one furthest to the right.
        shown.remove(max(shown, key=lambda i: (columns[i].priority, i)))
    shrink(dict.fromkeys(shown, _NARROWEST))
    dropped = [c for i, c in enumerate(columns) if i not in shown]
    return shown, dropped, [natural[i] for i in shown]
