"""How flows, a flow, a stream and a capture show themselves: rows for `render`, which makes them safe."""

from __future__ import annotations

import io
import math
import os
import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.render.card import Block, Card, Section
from tcpflow_scapy.render.quantity import count, duration, instant, size
from tcpflow_scapy.render.table import Column, Table

if TYPE_CHECKING:
    from tcpflow_scapy.flows.capture import Capture
    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.stream import Stream
    from tcpflow_scapy.flows.table import FlowTable

ROWS = 20
"""Flows shown by the repr of a table: half from the top, half from the end, where there are more."""
_PREVIEW = 256


def coloured(view: Any, width: int | None = None) -> str | None:
    """A rich renderable as text with colours; None where standard output is no terminal that shows them.

    It takes the terminal's width, and does without ``rich.pretty.install()``, which would take away every
    ``_repr_pretty_`` of the session.
    """
    stdout = sys.stdout
    if stdout is None or not stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb":
        return None
    from rich.console import Console

    width = width or shutil.get_terminal_size().columns
    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=True, force_jupyter=False, width=width)
    console.print(view, end="", crop=False)
    return buffer.getvalue()


def pretty(view: Table | Card, short: str, printer: Any, cycle: bool) -> None:
    """What ``_repr_pretty_`` of flows, streams and captures does: colours on a terminal, else plain text."""
    printer.text(short if cycle else (coloured(view) or view.to_text()).rstrip("\n"))


def _nothing(number: int) -> str:
    return count(number) if number else ""


FLOW_VIEW = (
    Column("flow", "#", "right", priority=0),
    Column("client", priority=0, style="cyan"),
    Column("server", priority=0, style="magenta"),
    Column("start", "start (UTC)", priority=4, format=instant),
    Column("duration_s", "duration", "right", priority=5, format=duration),
    Column("state", priority=3),
    Column("client_bytes", "sent", "right", priority=1, format=size),
    Column("server_bytes", "received", "right", priority=1, format=size),
    Column("missing_bytes", "missing", "right", priority=2, format=lambda n: size(n) if n else ""),
    Column("conflicts", "conflicts", "right", priority=6, format=_nothing),
    Column("encap", priority=7),
)
"""What the repr of a `FlowTable` shows; `FlowTable.df` has the rest."""

_TROUBLE = ("missing_bytes", "conflicts")
"""Columns that stay on the narrowest terminal where there is something in them."""


def flow_table(flows: FlowTable) -> Table:
    """The repr of a table of flows."""
    total = len(flows)
    table = flows.df
    view = _view([name for name in _TROUBLE if table[name].any()])
    long = total > ROWS + 1  # three dots take a row, too
    if long:
        import pandas as pd

        table = pd.concat([table.iloc[: ROWS // 2], table.iloc[-ROWS // 2 :]])
    rows: list[tuple[Any, ...]] = [
        (
            number,
            f"{row.client}:{row.client_port}",
            f"{row.server}:{row.server_port}",
            _ns(row.start),
            None if math.isnan(row.duration_s) else row.duration_s,
            row.state,
            row.client_bytes,
            row.server_bytes,
            row.missing_bytes,
            row.conflicts,
            row.encap,
        )
        for number, row in zip(table.index.tolist(), _tuples(table), strict=True)
    ]
    title = ""
    if long:
        rows.insert(ROWS // 2, ("...", *[None] * (len(FLOW_VIEW) - 1)))
        title = f"{total:,} TCP flows, of which {ROWS} are shown"
    return Table(view, rows, title=title, empty="no TCP flows" if total else _why_none(flows.capture))


def _view(trouble: list[str]) -> tuple[Column, ...]:
    """`FLOW_VIEW`, in which trouble is more important than how much the client sent."""
    if not trouble:
        return FLOW_VIEW
    places = {**dict.fromkeys(trouble, 1), "client_bytes": 2}
    return tuple(replace(c, priority=places.get(c.name, c.priority)) for c in FLOW_VIEW)


def _why_none(capture: Capture) -> str:
    """What to say where no flow is: an empty table must not look like an empty capture."""
    if not capture.frames:
        return "no TCP flows: the capture has no frames"
    if capture.used:
        return "no TCP flows"
    unused = sorted(capture.unused.items(), key=lambda pair: -pair[1])
    reasons = ", ".join(f"{count(number)} {reason}" for reason, number in unused[:4])
    more = ", ..." if len(unused) > 4 else ""
    text = f"no TCP flows: none of {count(capture.frames)} frames could be used ({reasons}{more})"
    if UNKNOWN in capture.linktypes:
        text += (
            "; packets without a link layer: if Scapy read them before its layers were imported, "
            "use `from scapy.all import rdpcap`"
        )
    return text


def _tuples(table: Any) -> Any:
    return table.itertuples()


def _ns(time: Any) -> int | None:
    return None if time != time else int(time.value)


def flow_card(flow: Flow) -> Card:
    """The repr of a flow."""
    row = flow.summary
    streams = [_stream_row(stream) for stream in flow.streams]
    columns = [
        Column("side"),
        Column("endpoint"),
        Column("captured", align="right", format=size),
        Column("packets", align="right", format=count, priority=3),
        Column("missing", align="right", format=lambda n: size(n) if n else ""),
        Column("gaps", align="right", format=_nothing, priority=4),
        Column("conflicts", align="right", format=_nothing),
        Column("resent", align="right", format=lambda n: size(n) if n else "", priority=5),
        Column("isn", "ISN", align="right", priority=6),
    ]
    rtt = None if math.isnan(row.rtt_ms) else f"{row.rtt_ms:.3f} ms"
    return Card(
        f"Flow {flow.id}",
        [
            ("state", f"{row.state} (client known by {row.client_evidence.replace('_', ' ')})"),
            ("time", f"{instant(_ns(row.start))}, {duration(row.duration_s)}"),
            ("round trip", rtt),
            ("layers", row.encap),
            ("community id", flow.community_id),
            Section("streams", Table(columns, streams)),
            *(_preview(stream) for stream in flow.streams),
        ],
        subtitle=flow.key,
    )


def _stream_row(stream: Stream) -> tuple[Any, ...]:
    row = stream.flow.summary
    side = stream.direction
    return (
        side,
        f"{stream.address}:{stream.port}",
        stream.captured,
        int(row[f"{side}_packets"]),
        stream.missing,
        int(row[f"{side}_gaps"]),
        int(row[f"{side}_conflicts"]),
        int(row[f"{side}_retransmitted_bytes"]),
        stream.isn,
    )


def _preview(stream: Stream) -> Section:
    shown = stream.read(0, _PREVIEW)
    if not shown:
        return Section(f"{stream.direction} data", None)
    part = f"first {size(len(shown))} of {size(stream.end)}" if stream.end > _PREVIEW else ""
    return Section(f"{stream.direction} data", Block(shown, part), open=False)


def stream_card(stream: Stream) -> Card:
    """The repr of a stream."""
    return Card(
        f"Stream of the {stream.direction}",
        [
            ("captured", size(stream.captured)),
            ("size", size(stream.size)),
            ("missing", size(stream.missing)),
            ("complete", "yes" if stream.complete else "no"),
            ("ISN", stream.isn),
            ("file name", stream.name),
            _preview(stream),
        ],
        subtitle=f"{stream.address}:{stream.port} to {stream.peer.address}:{stream.peer.port}",
    )


def capture_card(capture: Capture) -> Card:
    """The repr of a capture."""
    unused = [(reason, number) for reason, number in capture.unused.items()]
    problems = [(p.kind, p.message, p.frame, p.offset) for p in capture.problems[:ROWS]]
    return Card(
        "Capture",
        [
            ("format", capture.format),
            ("frames", count(capture.frames)),
            ("used", count(capture.used)),
            ("bytes", size(capture.bytes)),
            ("first", instant(_ns(capture.first_time))),
            ("last", instant(_ns(capture.last_time))),
            ("link types", ", ".join(map(str, capture.linktypes))),
            Section(
                "frames not used",
                Table([Column("reason"), Column("frames", align="right", format=count)], unused)
                if unused
                else None,
            ),
            Section(
                "problems",
                Table(
                    [
                        Column("kind"),
                        Column("message", max_width=100),
                        Column("frame", align="right"),
                        Column("offset", align="right"),
                    ],
                    problems,
                    len(capture.problems),
                )
                if problems
                else None,
            ),
        ],
        subtitle=", ".join(capture.paths),
    )
