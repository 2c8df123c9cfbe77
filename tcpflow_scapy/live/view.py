"""How a live capture shows itself; in a notebook it keeps showing itself while it runs."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.errors import TcpflowError
from tcpflow_scapy.flows.looks import coloured
from tcpflow_scapy.render.card import Card, Section
from tcpflow_scapy.render.quantity import count, duration, instant, size
from tcpflow_scapy.render.table import Column, Table

if TYPE_CHECKING:
    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.live.session import LiveCapture
    from tcpflow_scapy.live.stats import LiveStats

ROWS = 20
"""Flows shown: those with the latest packets."""

MOST_FRAMES = 500_000
"""Of a capture with more, flows that ended are shown: a table of all takes some hundred bytes a frame."""

EVENTS = 5
"""Events shown: the latest."""

REFRESH_SECONDS = 1.0

SHARE = 0.1
"""Share of the time that refreshing may take."""

_FLOWS = (
    Column("flow", "#", "right", priority=0),
    Column("open", "", priority=0, format=lambda x: "●" if x else ""),
    Column("client", priority=0, style="cyan"),
    Column("server", priority=0, style="magenta"),
    Column("end", "last packet (UTC)", priority=4, format=instant),
    Column("state", priority=3),
    Column("client_bytes", "sent", "right", priority=1, format=size),
    Column("server_bytes", "received", "right", priority=1, format=size),
    Column("missing_bytes", "missing", "right", priority=2, format=lambda n: size(n) if n else ""),
)

_EVENTS = (Column("time", "time (UTC)", format=instant), Column("kind"), Column("event", max_width=100))


def live_card(live: LiveCapture) -> Card:
    """What a capture looks like now."""
    stats = live.stats
    events = [(event.time, event.kind, event.text) for event in live._log.all()[-EVENTS:]]
    words, title, table = _all_flows(live) if stats.frames <= MOST_FRAMES else _ended_flows(live)
    return Card(
        "Live capture",
        [
            ("state", f"{'running' if live.running else 'stopped'}, {duration(stats.seconds)}"),
            ("frames", f"{count(stats.frames)}, {size(stats.bytes)} in {live.spool}"),
            ("lost", _losses(stats)),
            ("flows", words),
            Section("events", Table(_EVENTS, events, len(live._log)) if events else None),
            Section(title, table),
        ],
        subtitle=", ".join(live.interfaces),
    )


def _all_flows(live: LiveCapture) -> tuple[str, str, Table]:
    """Those with the latest packets, of a table of all."""
    flows = live.flows
    table = flows.df
    latest = table.sort_values("end").iloc[-ROWS:][::-1]
    rows = [_row(number, row) for number, row in zip(latest.index.tolist(), _tuples(latest), strict=True)]
    words = f"{count(len(flows))}, of which {count(int(table['open'].sum()))} open (●)"
    return words, "latest flows", Table(_FLOWS, rows, len(flows), empty="no TCP flows yet")


def _ended_flows(live: LiveCapture) -> tuple[str, str, Table]:
    """Those that ended last: of a long capture, a table of all would take too much."""
    rows = list(live._delivery.recent.copy())[::-1]
    words = f"{count(live.ended)} have ended, {count(live.engine.hot)} pairs of endpoints were active lately"
    return words, "flows that ended", Table(_FLOWS, rows, live.ended, empty="none has ended yet")


def ended_row(number: int, flow: Flow) -> tuple[Any, ...]:
    """What `_ended_flows` shows of a flow, without holding on to it."""
    return _row(number, flow.summary)


def _row(number: int, row: Any) -> tuple[Any, ...]:
    return (
        number,
        bool(row.open),
        f"{row.client}:{row.client_port}",
        f"{row.server}:{row.server_port}",
        None if row.end != row.end else row.end.value,
        row.state,
        row.client_bytes,
        row.server_bytes,
        row.missing_bytes,
    )


def _tuples(table: Any) -> Any:
    return table.itertuples()


def _losses(stats: LiveStats) -> str:
    parts = [
        (stats.kernel_dropped, "dropped by the kernel"),
        (stats.interface_dropped, "dropped by the interface"),
        (stats.not_kept, "not kept by the spool"),
    ]
    return ", ".join(f"{count(number)} {words}" for number, words in parts if number) or "nothing"


def show(live: LiveCapture, refresh: float = REFRESH_SECONDS) -> None:
    """Show a capture: in a notebook, anew every `refresh` seconds until it ends; elsewhere, once.

    Parameters
    ----------
    live : LiveCapture
    refresh : float
        Seconds; longer where a table takes long to make.
    """
    if not _in_notebook():
        card = live_card(live)
        print((coloured(card) or card.to_text()).rstrip("\n"))  # noqa: T201
        return
    from IPython.display import HTML, display

    handle = display(HTML(live_card(live).to_html()), display_id=True)
    if handle is None or not live.running:
        return

    def keep_showing() -> None:
        pause = refresh
        running = True
        while running:
            running = not live.wait(pause)
            begin = time.monotonic()
            # What it is made of may be gone, with the folder that it was in: then the last picture stays.
            with suppress(TcpflowError):
                handle.update(HTML(live_card(live).to_html()))
            pause = max(refresh, (time.monotonic() - begin) / SHARE)

    threading.Thread(target=keep_showing, name="capture-view", daemon=True).start()


def _in_notebook() -> bool:
    """Whether this is a session with a kernel, whose output can be replaced later."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:  # pragma: no cover
        return False
    return hasattr(get_ipython(), "kernel")
