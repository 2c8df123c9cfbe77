"""-i: capture until somebody says stop; and the small tasks around it."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.capture.live.events import LOSSES, Event
from tcpflow_scapy.cli.messages import STDOUT_CLOSED, plural, say
from tcpflow_scapy.cli.settings import Settings, UsageError
from tcpflow_scapy.errors import ExportError

if TYPE_CHECKING:
    from tcpflow_scapy.cli.live_console import LiveConsole
    from tcpflow_scapy.export.names import Template
    from tcpflow_scapy.live.flow_files import FlowFiles
    from tcpflow_scapy.live.session import LiveCapture

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
"""What ends a capture orderly, as in tcpflow."""

AT_ONCE = ("interface_down", "interface_up", "spool_full", "chain_broken", "error")
"""Kinds of events that are reported when they happen. Frames that were dropped are summed up at the end."""

LOOK_SECONDS = 0.25
"""How often it is looked whether a signal came."""


class LiveOutput:
    """What is written while a capture runs: flow files, or payload on the console.

    Parameters
    ----------
    template : Template
    settings : Settings
    """

    def __init__(self, template: Template, settings: Settings) -> None:
        self._template, self._settings = template, settings
        self.files: FlowFiles | None = None
        self.console: LiveConsole | None = None

    def attach(self, live: LiveCapture) -> None:
        """Begin, before the first frame. The folder is the user's that the process has become by now."""
        from tcpflow_scapy.live.flow_files import FlowFiles

        settings = self._settings
        if settings.console:
            from tcpflow_scapy.cli.live_console import LiveConsole

            self.console = LiveConsole(live, self._template, settings, sys.stdout.buffer)
        if settings.writes_files:
            self.files = FlowFiles(
                live.engine,
                settings.outdir or ".",
                folder=tempfile.gettempdir(),
                template=self._template,
                max_bytes=settings.max_bytes,
                overwrite=settings.overwrite,
            )


def capture(settings: Settings, output: LiveOutput) -> LiveCapture:
    """Capture until it ends, and write or print meanwhile."""
    with _stop_signals() as stopped:
        live = _begin(settings, output)
        try:
            if not settings.quiet:
                say(f"listening on {', '.join(live.interfaces)}")
            while not stopped and not live.wait(LOOK_SECONDS):
                pass
            if stopped and not settings.quiet:
                say("terminating orderly")
        finally:
            live.end()
    if output.console is not None and output.console.error is not None:
        raise output.console.error
    if not settings.quiet:
        say(_counts(live))
    return live


def _begin(settings: Settings, output: LiveOutput) -> LiveCapture:
    from tcpflow_scapy.live.sniffing import sniff
    from tcpflow_scapy.pipeline import MAX_GAP

    sizes = {"buffer_size": settings.buffer_size, "snaplen": settings.snaplen}
    given: dict[str, Any] = {name: value for name, value in sizes.items() if value is not None}
    try:
        return sniff(
            settings.interfaces,
            filter=settings.expression or None,
            spool=settings.spool,
            count=settings.count,
            timeout=settings.duration,
            promisc=settings.promiscuous,
            rotate_bytes=settings.rotate_size,
            rotate_seconds=settings.rotate_seconds,
            overwrite=settings.overwrite,
            user=settings.user,
            idle=settings.timeout,
            before=output.attach,
            on_event=lambda event: _tell(event, settings.quiet),
            overlap=settings.overlap,
            fragments=settings.fragments,
            max_gap=MAX_GAP if settings.max_gap is None else settings.max_gap,
            ignore_vlan=settings.ignore_vlan,
            ignore_encapsulation=settings.ignore_encapsulation,
            verify_checksums=settings.verify_checksums,
            **given,
        )
    except ValueError as error:
        if isinstance(error, OSError) or type(error) is not ValueError:
            raise
        raise UsageError(str(error)) from None


def _tell(event: Event, quiet: bool) -> None:
    """Say what happened; with --quiet only what may be missing from now on."""
    if event.kind in AT_ONCE and (event.kind in LOSSES or not quiet):
        say(event.text)


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Signals that mean "stop": their numbers appear in the list."""
    stopped: list[int] = []
    old: dict[int, Any] = {}
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            before = signal.getsignal(number)
            if name == "SIGHUP" and before is signal.SIG_IGN:
                # Started by nohup: it is meant to go on.
                continue
            signal.signal(number, lambda received, frame: stopped.append(received))
            old[number] = before
        except ValueError:
            # Not in the main thread: signals are someone else's business.
            break
    try:
        yield stopped
    finally:
        for number, before in old.items():
            signal.signal(number, before)


def _counts(live: LiveCapture) -> str:
    """What was captured and what was lost, in one line."""
    stats = live.stats
    parts = [f"captured {plural(stats.frames, 'frame')} in {stats.seconds:.1f} s"]
    parts.append(f"{stats.kernel_dropped:,} dropped by the kernel")
    if stats.interface_dropped:
        parts.append(f"{stats.interface_dropped:,} dropped by the interface")
    if stats.not_kept:
        parts.append(f"{stats.not_kept:,} not kept by the spool")
    return "; ".join(parts)


def print_interfaces() -> int:
    """--list-interfaces."""
    from tcpflow_scapy.capture.live.devices import list_interfaces

    if sys.stdout is None:
        raise ExportError(STDOUT_CLOSED)
    for each in list_interfaces():
        words = [each.name, "up" if each.up else "down", *(["loopback"] if each.loopback else [])]
        sys.stdout.write("\t".join([*words, each.description]).rstrip() + "\n")
    sys.stdout.flush()
    return 0


def print_check(path: str) -> int:
    """--verify-spool: one line for each range that is not as it was; 1 if there is any."""
    from tcpflow_scapy.capture.live.check import check_spool

    found = check_spool(path)
    wrong = [each for each in found if each.status != "intact"]
    for each in wrong:
        lines = each.status.startswith("chain")
        place = f"line {each.start:,}" if lines else f"bytes {each.start:,} to {each.end:,}"
        note = f": {each.note}" if each.note else ""
        say(f"{os.path.basename(each.file)}: {place}: {each.status}{note}")
    intact = sum(each.end - each.start for each in found if each.status == "intact")
    files = len({each.file for each in found if not each.status.startswith("chain")})
    say(
        f"{plural(intact, 'byte')} of {plural(files, 'file')} intact"
        + (f"; {len(wrong)} faults" if wrong else "")
    )
    return 1 if wrong else 0
