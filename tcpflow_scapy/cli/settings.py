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
    resume: list[str] = field(default_factory=list)
    """-R: captures that only finish the connections of the others"""
    expression: str = ""
    """the words that are left: a pcap-filter expression"""

    interfaces: list[str] = field(default_factory=list)
    """-i"""
    promiscuous: bool = True
    """False with -p"""
    user: str | None = None
    """-U"""
    spool: str | None = None
    rotate_size: int | None = None
    rotate_seconds: float | None = None
    count: int | None = None
    """frames after which a live capture ends"""
    duration: float | None = None
    """seconds after which it ends"""
    buffer_size: int | None = None
    snaplen: int | None = None
    list_interfaces: bool = False
    verify_spool: str | None = None

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

    report: str | None = None
    """-X"""
    enable_report: bool | None = None
    """-S enable_report; None: with stream files, but not with -c"""
    scanners: set[str] = field(default_factory=lambda: {"tcpdemux"})
    """-a, -e, -E, -x, -FM: what is done with the streams"""
    decode_bodies: bool = True
    """False with -Z"""
    request_bodies: bool = False
    """--http-requests"""
    index: bool = False
    """-I"""
    split: bool = False
    """-K"""
    unprocessed: str | None = None
    """-w"""
    time_delta: float = 0
    """-S tdelta, seconds"""
    http_command: list[str] = field(default_factory=list)
    """-S http_cmd, as an argument list"""
    tcp_command: list[str] = field(default_factory=list)
    """-S tcp_cmd, as an argument list"""

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
    json_lines: bool = False
    """-J"""
    colour: bool = False
    """-g"""

    table: bool = False
    csv: str | None = None
    json: str | None = None
    parquet: str | None = None
    shell: bool = False

    overlap: str = "first"
    fragments: str | None = None
    timeout: float | None = None
    ignore_vlan: bool = False
    ignore_encapsulation: bool = False
    verify_checksums: bool = False

    quiet: bool = False
    verbose: int = 0
    notes: list[str] = field(default_factory=list)
    """what to tell about options that do less than they seem to"""

    @property
    def writes_files(self) -> bool:
        """Stream files are the default; where another output is asked for, only with -o."""
        if self.no_files or self.console or self.split or "tcpdemux" not in self.scanners:
            return False
        other = self.table or self.shell or self.csv or self.json or self.parquet
        return self.outdir is not None or not other
