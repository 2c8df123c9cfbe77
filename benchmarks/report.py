"""Figures to text: tables, verdicts, Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Verdict:
    """One figure against what it should be."""

    what: str
    value: float
    limit: float
    unit: str
    aim: bool = False
    """not promised, only aimed at"""

    @property
    def holds(self) -> bool:
        """At most the limit."""
        return self.value <= self.limit

    @property
    def word(self) -> str:
        """What the report says."""
        if self.holds:
            return "pass"
        return "missed (an aim)" if self.aim else "FAIL"


@dataclass(slots=True)
class Section:
    """One part of the report."""

    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """As Markdown, which is also what the terminal shows."""
        parts = [f"## {self.title}", ""]
        if self.rows:
            parts += [*markdown(self.header, self.rows), ""]
        parts += [f"{note}\n" for note in self.notes]
        return "\n".join(parts)


def markdown(header: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a table; columns that hold figures are set right."""
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
    right = [
        all(not row[i] or row[i][0].isdigit() or row[i] == "-" for row in rows) for i in range(len(header))
    ]
    lines = []
    for line in (header, *rows):
        cells = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True))
        lines.append("| " + " | ".join(cells) + " |")
    rule = ("-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True))
    lines.insert(1, "| " + " | ".join(rule) + " |")
    return lines


def verdict_table(verdicts: list[Verdict]) -> list[str]:
    """What was promised, and what came out."""
    rows = [
        [v.what, f"{v.value:.3g} {v.unit}".strip(), f"{v.limit:g} {v.unit}".strip(), v.word] for v in verdicts
    ]
    return markdown(["what", "measured", "at most", ""], rows)


def seconds(value: float) -> str:
    """Such as ``0.84 s``."""
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.1f} ms"


def ratio(value: float) -> str:
    """Such as ``0.43``."""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
