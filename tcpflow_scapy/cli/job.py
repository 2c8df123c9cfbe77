"""What the command line does: reassemble, then print, write, tabulate or open."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.store import ADDRESS_SHIFT
from tcpflow_scapy.cli.messages import STDOUT_CLOSED, plural, say
from tcpflow_scapy.cli.outputs import Outcome, write_outputs, writes_beside_files
from tcpflow_scapy.cli.settings import Settings, UsageError
from tcpflow_scapy.decode.fragments import POLICIES as FRAGMENT_POLICIES
from tcpflow_scapy.errors import ExportError
from tcpflow_scapy.export.names import Template, TemplateChoice
from tcpflow_scapy.reassembly import POLICIES

if TYPE_CHECKING:
    from tcpflow_scapy.capture.info import Problem
    from tcpflow_scapy.cli.live import LiveOutput
    from tcpflow_scapy.flows.table import FlowTable
    from tcpflow_scapy.live.session import LiveCapture


NO_FAILURES = ("kernel_drop", "interface_drop", "interface_down", "clock", "handshake", "wrong_linktype")
"""Problems that are the network's, or after which all frames were read all the same."""


RARELY = 200_000
"""New objects between two looks for garbage."""


def run(settings: Settings) -> int:
    """Do what the settings say.

    Returns
    -------
    int
        The exit code: 1 where a capture could not be read to its end, as in tcpflow, or a live one could not
        be kept. Frames that the kernel dropped are reported; they are no failure of the program.
    """
    if settings.list_interfaces or settings.verify_spool is not None:
        return side_task(settings)
    with few_collections():
        return _run(settings)


@contextmanager
def few_collections() -> Iterator[None]:
    """Look for garbage in cycles seldom: a command makes hardly any, and millions of objects that stay."""
    usual = gc.get_threshold()
    gc.set_threshold(RARELY, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _run(settings: Settings) -> int:
    template = chosen_template(settings)
    if sys.stdout is None and (settings.console or settings.table):
        raise ExportError(STDOUT_CLOSED)
    for note in settings.notes:
        say(note)
    check_names(settings)
    growing: LiveOutput | None = None
    if settings.interfaces:
        live, growing = capture_live(settings, template)
        if only_prints(settings):
            # All is said. A table of all flows may need more memory than there is.
            return 1 if report_problems(live.problems) else 0
        flows = live.flows
    else:
        flows = load(settings)
    failed = report_problems(flows.capture.problems)
    if settings.verbose:
        describe(flows)
    if settings.console and growing is None:
        from tcpflow_scapy.cli.console import print_console

        print_console(flows, template, settings, sys.stdout.buffer)
    if settings.table:
        print_table(flows)
    write_tables(flows, settings)
    written = write_outputs(flows, template, settings, growing.files if growing else None)
    if not settings.quiet and not settings.console:
        say(summary(flows, settings, written))
    if settings.shell:
        from tcpflow_scapy.cli.shell import open_shell

        open_shell(flows)
    return 1 if failed else 0


def check_names(settings: Settings) -> None:
    """Files that were named: refused before anything is read, not after."""
    from tcpflow_scapy.export.whole_file import check_target

    files = (settings.report, settings.unprocessed, settings.csv, settings.json, settings.parquet)
    for path in files:
        if path is not None:
            check_target(path, overwrite=settings.overwrite, sources=settings.captures + settings.resume)


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


def side_task(settings: Settings) -> int:
    """What has nothing to do with flows; the exit code."""
    from tcpflow_scapy.cli.live import print_check, print_interfaces

    if settings.verify_spool is not None:
        return print_check(settings.verify_spool)
    return print_interfaces()


def only_prints(settings: Settings) -> bool:
    """Whether nothing is wanted but payload on the console."""
    tables = settings.table or settings.csv or settings.json or settings.parquet
    more = tables or settings.shell or settings.verbose or writes_beside_files(settings)
    return settings.console and not more


def capture_live(settings: Settings, template: Template) -> tuple[LiveCapture, LiveOutput]:
    """A capture that has ended, and what was written meanwhile."""
    from tcpflow_scapy.cli.live import LiveOutput, capture

    check_policies(settings)
    output = LiveOutput(template, settings)
    return capture(settings, output), output


def check_policies(settings: Settings) -> None:
    """Names of overlap policies."""
    if settings.overlap not in POLICIES:
        raise UsageError(f"--overlap knows {', '.join(POLICIES)}, not {settings.overlap!r}")
    if settings.fragments not in (None, *FRAGMENT_POLICIES):
        raise UsageError(f"--fragments knows {', '.join(FRAGMENT_POLICIES)}, not {settings.fragments!r}")


def load(settings: Settings) -> FlowTable:
    """The flows of the captures."""
    from tcpflow_scapy.pipeline import MAX_GAP, reassemble

    check_policies(settings)
    captures = settings.captures + settings.resume
    flows = reassemble(
        captures[0] if len(captures) == 1 else captures,
        filter=settings.expression or None,
        overlap=settings.overlap,
        fragments=settings.fragments,
        max_gap=MAX_GAP if settings.max_gap is None else settings.max_gap,
        timeout=settings.timeout,
        ignore_vlan=settings.ignore_vlan,
        ignore_encapsulation=settings.ignore_encapsulation,
        verify_checksums=settings.verify_checksums,
        progress=False if settings.quiet else None,
    )
    if settings.time_delta:
        shift_times(flows, settings.time_delta)
    return only_resumed(flows, len(settings.captures)) if settings.resume else flows


def shift_times(flows: FlowTable, seconds: float) -> None:
    """-S tdelta: all times, by the same amount."""
    evidence = flows._evidence
    delta = round(seconds * 1e9)
    connections, streams = evidence.reassembly.connections, evidence.reassembly.streams
    for table, name in (
        (evidence.frames, "time"),
        (connections, "start"),
        (connections, "end"),
        (streams, "first_time"),
        (streams, "last_time"),
    ):
        times = getattr(table, name)
        setattr(table, name, np.where(times == NO_TIME, times, times + delta))


def only_resumed(flows: FlowTable, captures: int) -> FlowTable:
    """-R: flows of which the first captures hold a packet; strangers of the later ones are left out."""
    address = flows._evidence.frames.address[flows._evidence.packets.frame]
    found = flows._evidence.reassembly
    first = found.connections.first
    kept: FlowTable = flows[address[first] >> ADDRESS_SHIFT < captures]
    return kept


def report_problems(problems: list[Problem]) -> bool:
    """Say what could not be read; whether that is a failure."""
    for problem in problems:
        places = [f"frame {problem.frame:,}"] if problem.frame is not None else []
        if problem.offset is not None:
            places.append(f"byte {problem.offset:,}")
        place = f" ({', '.join(places)})" if places else ""
        say(f"{problem.path}: {problem.message}{place}")
    return any(problem.kind not in NO_FAILURES for problem in problems)


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
            write(flows, path, overwrite=settings.overwrite)


def summary(flows: FlowTable, settings: Settings, written: Outcome | None) -> str:
    """One line: what was found, what was written, how far it can be trusted."""
    found = flows._evidence.reassembly
    parts = [f"{plural(flows.capture.frames, 'frame')}, {plural(len(flows), 'flow')}"]
    unused = flows.capture.unused
    if unused:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in unused.items())
        parts.append(f"{plural(sum(unused.values()), 'frame')} not used ({reasons})")
    if written is not None:
        where = settings.outdir or "."
        payload = "" if settings.split else f" ({plural(written.size, 'byte')})"
        parts.append(f"{plural(written.files, 'file')}{payload} in {where}")
        if written.bodies:
            count = len(written.bodies)
            parts.append(f"{count:,} HTTP {'body' if count == 1 else 'bodies'}")
    # Of these flows: -R leaves out others, which have gaps of their own. Of some directions nothing was
    # captured but what the peer acknowledged.
    streams = np.concatenate((2 * flows._index, 2 * flows._index + 1))
    gaps = int(np.diff(found.streams.gap_start)[streams].sum())
    missing = int((found.streams.size - found.streams.captured)[streams].sum())
    conflicts = int(np.diff(found.streams.conflict_start)[streams].sum())
    parts.append(f"{plural(gaps, 'gap')} ({plural(missing, 'byte')} missing)" if gaps else "no gaps")
    parts.append(plural(conflicts, "conflict") if conflicts else "no conflicts")
    return "; ".join(parts)
