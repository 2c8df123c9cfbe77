"""What a command line asks for, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field


class UsageError(Exception):
    """A command line that cannot be followed; the text is one line."""


@dataclass(slots=True)
class Settings:
    """Everything that options and words of the command line say."""

    captures: list[str] = field(default_factory=list)
    """-r, and the words after -l"""
    words_are_captures: bool = False
    """-l"""
    expression: str = ""
    """the words that are left: a pcap-filter expression"""

    outdir: str | None = None
    """-o; None where it was not given"""
    max_bytes: int | None = None
    """-b"""
    max_gap: int | None = None
    """-m"""
    template: str | None = None
    """-T; None for tcpflow's own"""
    name_letters: list[str] = field(default_factory=list)
    """-F letters that came after the last -T, in order"""
    no_files: bool = False
    """-FX"""
    overwrite: bool = False

    console: bool = False
    """-c, -C"""
    header: bool = True
    """False with -C"""
    raw: bool = False
    """-B"""
    hexadecimal: bool = False
    """-D"""
    newline: bool = True
    """False with -0"""
    order: str = "packets"
    """--order"""

    table: bool = False
    csv: str | None = None
    json: str | None = None
    parquet: str | None = None
    shell: bool = False

    overlap: str = "first"
    timeout: float | None = None
    ignore_vlan: bool = False
    verify_checksums: bool = False

    quiet: bool = False
    verbose: int = 0
    notes: list[str] = field(default_factory=list)
    """what to tell about options that do less than they seem to"""

    @property
    def writes_files(self) -> bool:
        """Stream files are the default; where another output is asked for, only with -o."""
        if self.no_files or self.console:
            return False
        other = self.table or self.shell or self.csv or self.json or self.parquet
        return self.outdir is not None or not other
