"""What the command line does: reassemble, then print, write, tabulate or open."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tcpflow_scapy.cli.messages import plural, say
from tcpflow_scapy.cli.settings import Settings, UsageError
from tcpflow_scapy.export.names import Template, TemplateChoice
from tcpflow_scapy.reassembly import POLICIES

if TYPE_CHECKING:
    from tcpflow_scapy.export.stream_writer import Written
    from tcpflow_scapy.export.streams import StreamRows
    from tcpflow_scapy.flows.table import FlowTable


def run(settings: Settings) -> int:
    """Do what the settings say.

    Returns
    -------
    int
        The exit code: 1 where a capture could not be read to its end, as in tcpflow.
    """
    template = chosen_template(settings)
    for note in settings.notes:
        say(note)
    flows = load(settings)
    problems = report_problems(flows)
    if settings.verbose:
        describe(flows)
    if settings.console:
        from tcpflow_scapy.cli.console import print_console

        print_console(flows, template, settings, sys.stdout.buffer)
    if settings.table:
        print_table(flows)
    write_tables(flows, settings)
    written = write_files(flows, template, settings) if settings.writes_files else None
    if not settings.quiet and not settings.console:
        say(summary(flows, settings, written))
    if settings.shell:
        from tcpflow_scapy.cli.shell import open_shell

        open_shell(flows)
    return 1 if problems else 0


def chosen_template(settings: Settings) -> Template:
    """The file-name template, checked before anything is read."""
    try:
        choice = TemplateChoice()
        if settings.template is not None:
            choice.replace(settings.template)
        choice.edit("".join(settings.name_letters))
        return choice.template()
    except ValueError as error:
        raise UsageError(str(error)) from None


def load(settings: Settings) -> FlowTable:
    """The flows of the captures."""
    from tcpflow_scapy.pipeline import MAX_GAP, reassemble

    if settings.overlap not in POLICIES:
        raise UsageError(f"--overlap knows {', '.join(POLICIES)}, not {settings.overlap!r}")
    captures = settings.captures
    return reassemble(
        captures[0] if len(captures) == 1 else captures,
        filter=settings.expression or None,
        overlap=settings.overlap,
        max_gap=MAX_GAP if settings.max_gap is None else settings.max_gap,
        timeout=settings.timeout,
        ignore_vlan=settings.ignore_vlan,
        verify_checksums=settings.verify_checksums,
        progress=False if settings.quiet else None,
    )


def report_problems(flows: FlowTable) -> int:
    """Say what could not be read; return how many lines that took."""
    problems = flows.capture.problems
    for problem in problems:
        places = [f"frame {problem.frame:,}"] if problem.frame is not None else []
        if problem.offset is not None:
            places.append(f"byte {problem.offset:,}")
        place = f" ({', '.join(places)})" if places else ""
        say(f"{problem.path}: {problem.message}{place}")
    return len(problems)


def describe(flows: FlowTable) -> None:
    """What was read, for -v."""
    capture = flows.capture
    linktypes = ", ".join(map(str, capture.linktypes)) or "none"
    say(f"{capture.format}, link types {linktypes}, {plural(capture.frames, 'frame')}, {capture.used:,} used")
    for reason, count in capture.unused.items():
        say(f"not used: {plural(count, 'frame')}, {reason}")


def print_table(flows: FlowTable) -> None:
    """The table of flows on standard output; in colour on a terminal."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(flows)
    else:
        sys.stdout.write(f"{flows!r}\n")
    sys.stdout.flush()


def write_tables(flows: FlowTable, settings: Settings) -> None:
    """--csv, --json, --parquet."""
    from tcpflow_scapy.export.tables import to_csv, to_json, to_parquet

    for path, write in ((settings.csv, to_csv), (settings.json, to_json), (settings.parquet, to_parquet)):
        if path is not None:
            write(flows, path)


def write_files(flows: FlowTable, template: Template, settings: Settings) -> tuple[int, int]:
    """One file for each stream with data; number of files and of payload bytes."""
    from tcpflow_scapy.export.folder import OutputFolder
    from tcpflow_scapy.export.stream_writer import write_streams
    from tcpflow_scapy.export.streams import StreamRows
    from tcpflow_scapy.render.progress import Progress

    rows = StreamRows.of(flows._evidence).with_data()
    total = int(rows.column("captured").sum())
    files = done = 0
    folder = OutputFolder(settings.outdir or ".", overwrite=settings.overwrite)
    with folder, Progress("writing", False if settings.quiet else None) as progress:
        for file in write_streams(rows, folder, template, max_bytes=settings.max_bytes):
            files += 1
            done += file.captured
            progress(done, total)
            if settings.verbose:
                say(_file_line(rows, file))
    return files, done


def _file_line(rows: StreamRows, file: Written) -> str:
    side = "server" if rows.from_server[file.row] else "client"
    hole = f", {plural(file.size - file.captured, 'byte')} missing" if file.size > file.captured else ""
    return f"wrote {file.name}: {plural(file.size, 'byte')}, flow {rows.flow[file.row]} {side}{hole}"


def summary(flows: FlowTable, settings: Settings, written: tuple[int, int] | None) -> str:
    """One line: what was found, what was written, how far it can be trusted."""
    found = flows._evidence.reassembly
    parts = [f"{plural(flows.capture.frames, 'frame')}, {plural(len(flows), 'flow')}"]
    unused = flows.capture.unused
    if unused:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in unused.items())
        parts.append(f"{plural(sum(unused.values()), 'frame')} not used ({reasons})")
    if written is not None:
        files, size = written
        parts.append(f"{plural(files, 'file')} ({plural(size, 'byte')}) in {settings.outdir or '.'}")
    gaps, conflicts = len(found.gaps.start), len(found.conflicts.start)
    missing = int((found.gaps.end - found.gaps.start).sum())
    parts.append(f"{plural(gaps, 'gap')} ({plural(missing, 'byte')} missing)" if gaps else "no gaps")
    parts.append(plural(conflicts, "conflict") if conflicts else "no conflicts")
    return "; ".join(parts)
