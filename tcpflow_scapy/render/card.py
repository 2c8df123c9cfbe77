"""A title and sections: what a flow, a stream or a capture shows of itself, as text, HTML and rich."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.render.escape import one_line, safe_html, safe_text
from tcpflow_scapy.render.table import Table, clip, text_width

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

_INDENT = 2
_PLAIN_ROWS = 20
"""rows of each table in the plain-text copy inside HTML"""
_LONGEST_VALUE = 1000


@dataclass(frozen=True, slots=True)
class Block:
    """Text of several lines, set in a fixed pitch: a preview of payload, a hexdump.

    Parameters
    ----------
    text : str or bytes
        Escaped when shown; line feeds and tabs stay.
    total : str
        What part it is, such as ``"first 256 B of 1.2 MB"``; empty if it is all.
    """

    text: str | bytes
    total: str = ""

    def lines(self) -> list[str]:
        """Safe lines."""
        return safe_text(self.text, newlines=True).expandtabs(8).split("\n")


@dataclass(frozen=True, slots=True)
class Section:
    """One labelled part of a card.

    Parameters
    ----------
    label : str
    value : Table, Block or anything with one line of text
        None is left out.
    open : bool
        Whether HTML shows a table or block unfolded.
    """

    label: str
    value: Any
    open: bool = True

    @property
    def name(self) -> str:
        """The label, safe."""
        return one_line(self.label)

    @property
    def line(self) -> str:
        """A one-line value, safe."""
        return one_line(self.value, _LONGEST_VALUE)


class Card:
    """A title over sections.

    Parameters
    ----------
    title : str
    sections : iterable of Section or (label, value)
        Values that are a `Table` or a `Block` stand below the others, in the given order.
    subtitle : str
        Behind the title.
    """

    def __init__(
        self, title: str, sections: Iterable[Section | tuple[str, Any]] = (), *, subtitle: str = ""
    ) -> None:
        self.title = one_line(title)
        self.subtitle = one_line(subtitle)
        made = [s if isinstance(s, Section) else Section(*s) for s in sections]
        made = [s for s in made if s.value is not None]
        self.lines = [s for s in made if not isinstance(s.value, (Table, Block))]
        """sections of one line"""
        self.blocks = [s for s in made if isinstance(s.value, (Table, Block))]
        """sections of many"""

    def to_text(self, width: int | None = None, limit: int | None = None) -> str:
        """Plain text, without a line feed at its end.

        Parameters
        ----------
        width : int, optional
            Terminal columns to stay within; default: the terminal's.
        limit : int, optional
            At most this many rows of each table, lines of each block.
        """
        width = shutil.get_terminal_size().columns if width is None else max(width, 1)
        head = f"{self.title}  {self.subtitle}" if self.subtitle else self.title
        out = [head]
        label_width = max((text_width(s.name) for s in self.lines), default=0)
        for section in self.lines:
            room = " " * (label_width - text_width(section.name) + 2)
            out.append(f"{' ' * _INDENT}{section.name}{room}{section.line}")
        for section in self.blocks:
            out.append(f"{' ' * _INDENT}{section.name}")
            indent = _indent(section.value)
            body = _block_lines(section.value, max(width - indent, 1), limit)
            out += [" " * indent + line for line in body]
        return "\n".join(clip(line.rstrip(), width) for line in out)

    def to_html(self) -> str:
        """A self-contained HTML fragment: no scripts, no remote resources, light and dark themes."""
        from tcpflow_scapy.render.html import fragment

        subtitle = f'<span class="tfs-subtitle">{safe_html(self.subtitle)}</span>' if self.subtitle else ""
        parts = [f'<div class="tfs-title">{safe_html(self.title)}{subtitle}</div>']
        if self.lines:
            pairs = "".join(f"<dt>{safe_html(s.name)}</dt><dd>{safe_html(s.line)}</dd>" for s in self.lines)
            parts.append(f"<dl>{pairs}</dl>")
        for section in self.blocks:
            unfolded = " open" if section.open else ""
            parts.append(
                f"<details{unfolded}><summary>{safe_html(section.name)}</summary>"
                f"{_block_html(section.value)}</details>"
            )
        return fragment("".join(parts), self.to_text(width=160, limit=_PLAIN_ROWS))

    def to_rich(self, width: int | None = None) -> RenderableType:
        """A rich group; `width` is passed on to its tables."""
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table as RichTable
        from rich.text import Text

        head = Text(self.title, style="bold")
        if self.subtitle:
            head.append("  " + self.subtitle, style="not bold dim")
        parts: list[RenderableType] = [head]
        if self.lines:
            grid = RichTable.grid(padding=(0, 2, 0, 0))
            grid.add_column(style="dim", no_wrap=True)
            grid.add_column(overflow="fold")
            for section in self.lines:
                grid.add_row(Text(section.name), Text(section.line))
            parts.append(Padding(grid, (0, 0, 0, _INDENT)))
        for section in self.blocks:
            parts.append(Padding(Text(section.name, style="dim"), (0, 0, 0, _INDENT)))
            indent = _indent(section.value)
            value: RenderableType
            if isinstance(section.value, Table):
                value = section.value.to_rich(None if width is None else width - indent)
            else:
                value = Text("\n".join(_block_lines(section.value)), no_wrap=True, overflow="ellipsis")
            parts.append(Padding(value, (0, 0, 0, indent)))
        return Group(*parts)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.to_rich(options.max_width)

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()


def _indent(value: Table | Block) -> int:
    # A line of a hexdump has 78 columns: it shall fit a terminal of 80.
    return 2 * _INDENT if isinstance(value, Table) else _INDENT


def _block_lines(value: Table | Block, width: int | None = None, limit: int | None = None) -> list[str]:
    if isinstance(value, Table):
        return value.to_text(width, limit).split("\n")
    lines = value.lines()
    note = one_line(value.total)
    if limit is not None and len(lines) > limit:
        note = f"… {limit:,} of {len(lines):,} lines" + (f"; {note}" if note else "")
        lines = lines[:limit]
    return lines + ([note] if note else [])


def _block_html(value: Table | Block) -> str:
    from tcpflow_scapy.render.html import table_element

    if isinstance(value, Table):
        return table_element(value)
    note = f'<div class="tfs-note">{safe_html(value.total)}</div>' if value.total else ""
    text = "\n".join(value.lines())
    return f"<pre>{safe_html(text, newlines=True)}</pre>{note}"
