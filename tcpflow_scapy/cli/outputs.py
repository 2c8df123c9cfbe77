"""The files of a run: streams, time indexes, HTTP bodies, captures, reports; and programs run on them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from tcpflow_scapy.cli.messages import plural, say
from tcpflow_scapy.cli.settings import Settings
from tcpflow_scapy.cli.source_hashes import SourceHashes
from tcpflow_scapy.errors import ExportError, TcpflowError
from tcpflow_scapy.export.names import Template

if TYPE_CHECKING:
    from tcpflow_scapy.export.http_objects import WrittenBody
    from tcpflow_scapy.export.stream_writer import Written
    from tcpflow_scapy.export.streams import StreamRows
    from tcpflow_scapy.flows.table import FlowTable
    from tcpflow_scapy.live.flow_files import FlowFiles

HASHES = ("sha256", "md5")
"""Of each file, where the scanner md5 is asked for."""

COMMANDS_AT_ONCE = 10
"""Programs of -S tcp_cmd and http_cmd that run side by side, as in tcpflow."""


@dataclass(slots=True)
class Outcome:
    """What was written."""

    written: list[Written] = field(default_factory=list)
    """stream files"""
    split: int = 0
    """captures of single flows"""
    bodies: list[WrittenBody] = field(default_factory=list)

    @property
    def files(self) -> int:
        """How many there are, HTTP bodies left out."""
        return len(self.written) + self.split

    @property
    def size(self) -> int:
        """Payload bytes in stream files."""
        return sum(file.captured for file in self.written)


def write_outputs(
    flows: FlowTable, template: Template, settings: Settings, growing: FlowFiles | None = None
) -> Outcome | None:
    """Everything that goes into the folder; None where nothing does. A live capture has `growing` files."""
    outcome = Outcome()
    hashes = SourceHashes(flows) if _hashes_sources(settings) else None
    try:
        _write_all(flows, template, settings, growing, outcome)
        if _wants_report(settings):
            _report(flows, settings, outcome, hashes.get(wait=True) if hashes else ())
    except (KeyboardInterrupt, SystemExit, TcpflowError):
        # However the run ends, the report tells what was written, as tcpflow's does after a signal.
        if _wants_report(settings):
            with suppress(TcpflowError):
                _report(flows, settings, outcome, hashes.get(wait=False) if hashes else ())
        raise
    if "netviz" in settings.scanners:
        _draw(flows, settings)
    return outcome if settings.writes_files or settings.split or outcome.bodies else None


def _write_all(
    flows: FlowTable, template: Template, settings: Settings, growing: FlowFiles | None, outcome: Outcome
) -> None:
    """Everything that a report tells of."""
    folder = settings.outdir or "."
    if settings.writes_files:
        _write_streams(flows, template, settings, outcome, growing)
    if settings.split and not settings.console:
        from tcpflow_scapy.export.split import split_captures

        outcome.split = len(split_captures(flows, folder, template=template, overwrite=settings.overwrite))
    if "http" in settings.scanners and not settings.console and not settings.no_files:
        _write_bodies(flows, template, settings, outcome)
    if settings.unprocessed is not None:
        from tcpflow_scapy.export.split import unused_frames

        unused_frames(flows, settings.unprocessed, overwrite=settings.overwrite)


def _write_streams(
    flows: FlowTable, template: Template, settings: Settings, outcome: Outcome, growing: FlowFiles | None
) -> None:
    """One file for each stream with data."""
    from tcpflow_scapy.export.findx import write_findx
    from tcpflow_scapy.export.streams import StreamRows
    from tcpflow_scapy.render.progress import Progress

    rows = StreamRows.of(flows._evidence, flows._index).with_data()
    total = int(rows.column("captured").sum())
    commands = _Commands(settings.tcp_command)
    folder = os.path.join(settings.outdir or ".", "")
    told = settings.index or settings.verbose or bool(settings.tcp_command)
    with Progress("writing", False if settings.quiet else None) as progress:
        size = 0
        for file in _files(flows, rows, template, settings, growing):
            outcome.written.append(file)
            size += file.captured
            progress(size, total)
            if not told:
                continue
            path = folder + file.name
            if settings.index:
                write_findx(
                    flows._evidence,
                    file.stream,
                    f"{path}.findx",
                    max_bytes=settings.max_bytes,
                    overwrite=settings.overwrite,
                )
            commands.run(path)
            if settings.verbose:
                say(_file_line(file))
    commands.wait()


def _files(
    flows: FlowTable, rows: StreamRows, template: Template, settings: Settings, growing: FlowFiles | None
) -> Iterator[Written]:
    """Stream files, each when it is whole."""
    from tcpflow_scapy.export.folder import OutputFolder
    from tcpflow_scapy.export.stream_writer import write_streams

    hashes = HASHES if "md5" in settings.scanners else ()
    if growing is not None:
        yield from growing.finish(flows, hashes=hashes)
        growing.close()
        return
    with OutputFolder(settings.outdir or ".", overwrite=settings.overwrite) as folder:
        yield from write_streams(rows, folder, template, max_bytes=settings.max_bytes, hashes=hashes)


def _file_line(file: Written) -> str:
    side = "server" if file.stream & 1 else "client"
    hole = f", {plural(file.size - file.captured, 'byte')} missing" if file.size > file.captured else ""
    return f"wrote {file.name}: {plural(file.size, 'byte')}, flow {file.stream >> 1} {side}{hole}"


def _write_bodies(flows: FlowTable, template: Template, settings: Settings, outcome: Outcome) -> None:
    from tcpflow_scapy.export.http_objects import export_http_bodies
    from tcpflow_scapy.protocols.content_coding import CODING_PROBLEMS, DAMAGE

    sides = ("client", "server")
    names = {(file.stream >> 1, sides[file.stream & 1]): file.name for file in outcome.written}
    commands = _Commands(settings.http_command)
    folder = settings.outdir or "."
    troubled: dict[str, list[str]] = {}

    def note(body: WrittenBody) -> None:
        outcome.bodies.append(body)
        commands.run(os.path.join(folder, body.name))
        for word in body.coding_problems:
            troubled.setdefault(word, []).append(body.name)
        if settings.verbose:
            say(f"wrote {body.name}: {plural(body.size, 'byte')}, flow {body.flow}")

    export_http_bodies(
        flows,
        folder,
        template=template,
        names=names,
        requests=settings.request_bodies,
        decode=settings.decode_bodies,
        overwrite=settings.overwrite,
        on_file=note,
    )
    commands.wait()
    for word, found in sorted(troubled.items()):
        if settings.quiet and word not in DAMAGE:
            continue
        shown = ", ".join(found[:3]) + (" ..." if len(found) > 3 else "")
        bodies = "1 HTTP body" if len(found) == 1 else f"{len(found):,} HTTP bodies"
        say(f"{bodies}: {word}: {CODING_PROBLEMS[word]} ({shown})")


class _Commands:
    """A program run on each file, a bounded number at a time; arguments are a list, no shell is run."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self, path: str) -> None:
        if not self._words:
            return
        while len(self._running) >= COMMANDS_AT_ONCE:
            self._running.pop(0).wait()
        # A name that begins with a dash must not be taken for an option.
        path = path if path.startswith(("/", "./", "../")) else f"./{path}"
        try:
            self._running.append(subprocess.Popen([*self._words, path], stdin=subprocess.DEVNULL))
        except OSError as error:
            raise ExportError(f"{self._words[0]}: {error.strerror or error}") from error

    def wait(self) -> None:
        while self._running:
            self._running.pop(0).wait()


def _draw(flows: FlowTable, settings: Settings) -> None:
    """report.pdf in the folder."""
    folder = settings.outdir or "."
    os.makedirs(folder, exist_ok=True)
    try:
        flows.report(_report_path(folder, "report.pdf", settings), overwrite=settings.overwrite)
    except ImportError as error:
        say(f"no report.pdf: {error}")


def _report_path(folder: str, name: str, settings: Settings) -> str:
    """Path of a report without a name of its own: numbered like the files that it lists."""
    from tcpflow_scapy.export.whole_file import free_path

    path = os.path.join(folder, name)
    return path if settings.overwrite else free_path(path)


def writes_beside_files(settings: Settings) -> bool:
    """Whether anything but stream files is written that needs all flows."""
    return settings.unprocessed is not None or "netviz" in settings.scanners or _wants_report(settings)


def _wants_report(settings: Settings) -> bool:
    if settings.enable_report is not None:
        return settings.enable_report
    files = settings.writes_files or settings.split or "http" in settings.scanners
    return settings.report is not None or (files and not settings.console) or settings.no_files


def _hashes_sources(settings: Settings) -> bool:
    """Whether the report has hashes of the sources. A live capture may have made a spool of any size."""
    return _wants_report(settings) and (not settings.interfaces or "md5" in settings.scanners)


def _report(flows: FlowTable, settings: Settings, outcome: Outcome, source_hashes: Sequence[str]) -> None:
    from tcpflow_scapy.export.dfxml import to_dfxml
    from tcpflow_scapy.export.dfxml_texts import FileList

    folder = settings.outdir or "."
    path = settings.report
    if path is None:
        path = _report_path(folder, "report.xml", settings)
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise ExportError(f"{folder}: {error.strerror}") from error
    shown = "" if folder == "." else folder
    prefix = os.path.join(shown, "")
    digests = zip(*(file.digests for file in outcome.written), strict=True)
    files = FileList(
        [file.stream for file in outcome.written],
        [prefix + file.name for file in outcome.written],
        [file.size for file in outcome.written],
        dict(zip(HASHES, digests, strict=False)),
    )
    bodies = [
        (
            2 * body.flow + (body.body.message.direction == "server"),
            os.path.join(shown, body.name),
            body.size,
            body.sha256,
            body.body.message.head_end,
            body.problems,
        )
        for body in outcome.bodies
    ]
    to_dfxml(
        flows,
        path,
        files=files,
        bodies=bodies,
        command_line=["tcpflow-scapy", *sys.argv[1:]],
        time_delta=settings.time_delta,
        byte_runs=settings.report is not None,
        source_hashes=source_hashes,
        options=asdict(settings),
        overwrite=settings.overwrite,
    )
