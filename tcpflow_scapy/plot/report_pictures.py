"""The pictures of the report, from its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.plot import bandwidth, palette, sizes
from tcpflow_scapy.plot.scene import Axis, Kind, Scene, Stack, Texts
from tcpflow_scapy.plot.words import counted
from tcpflow_scapy.reassembly.tables import GapCause
from tcpflow_scapy.render.quantity import count, size

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]

_LONGEST = 52

TOP = 10
"""Rows of a ranking; further ones are summed up."""


def report_pictures(flows: FlowTable, tables: dict[str, pd.DataFrame]) -> dict[str, Scene]:
    """Scenes by name, in the order of the page.

    They are ``traffic``, ``addresses``, ``ports``, ``sizes``, ``missing``, ``incomplete`` and ``unused``.
    """
    addresses, ports, missing = tables["addresses"], tables["ports"], tables["missing"]
    traffic = bandwidth.scene(flows, other_frames=flows._whole)
    traffic.title = "Traffic over time, by service"
    causes = {cause.label: cause.label.replace("_", " ") for cause in GapCause}
    missing = missing[missing["bytes"] > 0].sort_values("bytes", ascending=False, kind="stable")
    incomplete = tables["incomplete"]
    incomplete = incomplete[incomplete["missing_bytes"] > 0]
    unused = tables["unused"]
    wire = "bytes on the wire"
    return {
        "traffic": traffic,
        "addresses": ranking(
            "Addresses",
            addresses["address"].tolist(),
            {
                "sent": (addresses["sent_bytes"].to_numpy(), palette.BLUE),
                "received": (addresses["received_bytes"].to_numpy(), palette.SKY),
            },
            wire,
        ),
        "ports": ranking(
            "Services (port of server)",
            ports["service"].tolist(),
            {
                "from clients": (ports["client_bytes"].to_numpy(), palette.SIDE["client"]),
                "from servers": (ports["server_bytes"].to_numpy(), palette.SIDE["server"]),
            },
            wire,
        ),
        "sizes": sizes.scene(flows),
        "missing": ranking(
            "What is missing, and why",
            [
                f"{causes[c]} ({counted(n, 'gap')})"
                for c, n in zip(missing["cause"], missing["gaps"], strict=True)
            ],
            {"": (missing["bytes"].to_numpy(), palette.GREY)},
            "missing bytes",
            empty="nothing is missing",
        ),
        "incomplete": ranking(
            "Flows with missing bytes",
            [_flow(*row) for row in incomplete.iloc[: TOP + 1, :4].itertuples(name=None)],
            {"": (incomplete["missing_bytes"].to_numpy(), palette.GREY)},
            "missing bytes",
            empty="no bytes are missing",
        ),
        "unused": ranking(
            "Frames not used",
            unused["reason"].tolist(),
            {"": (unused["frames"].to_numpy(), palette.GREY)},
            "frames",
            kind="count",
            empty="every frame was used",
        ),
    }


def _flow(number: int, client: str, client_port: int, server: str, server_port: int) -> str:
    """A flow on one line of half a page: of IPv6 addresses there is room for one."""
    whole = f"{number}  {client}:{client_port} → {server}:{server_port}"
    return whole if len(whole) <= _LONGEST else f"{number}  → {server}:{server_port}"


def ranking(
    title: str,
    names: list[str],
    series: dict[str, tuple[Array, str]],
    label: str,
    *,
    kind: Kind = "bytes",
    empty: str = "nothing to show",
) -> Scene:
    """Horizontal bars, the largest on top.

    Parameters
    ----------
    names : list of str
        Of the rows, in order; those beyond `TOP` may be left out.
    series : dict
        By label, the amounts of all rows and a colour; they are stacked.
    """
    total = len(next(iter(series.values()))[0])
    # A last row for a single one would say less than its name.
    shown = total if total <= TOP + 1 else TOP
    labels = names[:shown]
    amounts = {name: values[:shown].astype(np.float64) for name, (values, _) in series.items()}
    rest = float(sum(values[shown:].sum() for values, _ in series.values()))
    if shown < total:
        # No bar: it would dwarf those that have a name.
        labels = [*labels, f"{count(total - shown)} others"]
        amounts = {n: np.r_[v, 0.0] for n, v in amounts.items()}
    rows = np.arange(len(labels), dtype=np.float64)
    ticks = tuple(zip(rows.tolist(), labels, strict=True))
    found = Scene(title, Axis(label, kind), Axis("", ticks=ticks, reversed=True), empty=empty)
    if not total:
        return found
    # Room for few rows, so that a single bar is no wall, and to the right for the numbers.
    found.y = Axis("", limits=(-0.6, max(len(rows), 5) - 0.4), ticks=ticks, reversed=True)
    whole = np.sum(list(amounts.values()), axis=0)
    numbers = np.r_[whole[:shown], [rest] * (shown < total)]
    found.x = Axis(label, kind, limits=(0.0, 1.22 * float(whole.max()) or 1.0))
    found.marks.append(
        Stack(rows - 0.36, rows + 0.36, amounts, {n: c for n, (_, c) in series.items()}, horizontal=True)
    )
    words = size if kind == "bytes" else count
    found.marks.append(Texts(whole, rows, [words(float(n)) for n in numbers]))
    found.size = (7.0, 1.2 + 0.28 * max(len(rows), 5))
    return found
