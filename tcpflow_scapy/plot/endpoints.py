"""Who talked to whom, and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.plot.scene import Axis, Grid, Scene
from tcpflow_scapy.plot.services import service_name
from tcpflow_scapy.plot.words import counted
from tcpflow_scapy.render.quantity import count, size

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]

_WRITTEN = 200
"""Up to so many cells have their amount written in."""


def table(flows: FlowTable, *, ports: bool = False, most: int = 12) -> pd.DataFrame:
    """Pairs of client and server; `most` does not matter here: all are in it.

    Returns
    -------
    pandas.DataFrame
        ``client``, ``server`` (addresses), with `ports` also ``server_port``; ``flows``, ``client_bytes``,
        ``server_bytes``, ``bytes`` (captured payload), ``missing_bytes``. Pairs with the most bytes first.
    """
    keys = ["client", "server"] + (["server_port"] if ports else [])
    sums = ["client_bytes", "server_bytes", "bytes", "missing_bytes"]
    grouped = flows.df[keys + sums].assign(flows=1).groupby(keys, observed=True, sort=True)
    data = grouped[["flows", *sums]].sum().reset_index()
    for name in ("client", "server"):
        data[name] = data[name].cat.remove_unused_categories()
    return data.sort_values(["bytes", "flows"], ascending=False, kind="stable", ignore_index=True)


def scene(flows: FlowTable, *, ports: bool = False, most: int = 12) -> Scene:
    """Who talked to whom: clients down, servers across, captured payload as colour and number.

    Parameters
    ----------
    ports : bool
        Tell the ports of a server apart.
    most : int
        How many clients and servers are named: those with the most bytes; all others are one.
    """
    if most < 1:
        raise ValueError("most must be at least 1")
    data = table(flows, ports=ports)
    clients, client = _named(data["client"].astype(str), data, most, "clients")
    server_names = data["server"].astype(str)
    if ports:
        names = data["server_port"].map(service_name)
        server_names = (
            server_names.where(~server_names.str.contains(":"), "[" + server_names + "]") + ":" + names
        )
    servers, server = _named(server_names, data, most, "servers")
    shape = (len(clients), len(servers))
    cell = client * shape[1] + server
    cells = shape[0] * shape[1]
    amount = np.bincount(cell, weights=data["bytes"], minlength=cells).reshape(shape)
    number = np.bincount(cell, weights=data["flows"], minlength=cells).reshape(shape)
    found = Scene(
        f"Who talked to whom: {counted(len(flows), 'flow')}, {size(float(data['bytes'].sum()))}",
        Axis("server", limits=(-0.5, shape[1] - 0.5) if cells else None, ticks=_ticks(servers)),
        Axis(
            "client", limits=(-0.5, shape[0] - 0.5) if cells else None, ticks=_ticks(clients), reversed=True
        ),
        empty="no flows",
    )
    if cells:
        # A flow without payload is a meeting all the same: it gets the palest colour.
        found.size = (min(4.5 + 1.0 * shape[1], 11.0), min(1.8 + 0.45 * shape[0], 8.0))
        values = np.where(number > 0, np.maximum(amount, 1.0), 0.0)
        found.marks.append(
            Grid(values, _words(amount, number) if cells <= _WRITTEN else [], "captured payload")
        )
    return found


def _named(names: pd.Series, data: pd.DataFrame, most: int, what: str) -> tuple[list[str], Array]:
    """Labels in order of bytes, and the label of each row; those beyond `most` share the last."""
    import pandas as pd

    codes, values = pd.factorize(names)
    total = np.bincount(codes, weights=data["bytes"], minlength=len(values))
    order = np.argsort(-total, kind="stable")
    rank = np.empty(len(order), np.int64)
    # One more is not worth a word of its own.
    shown = len(order) if len(order) <= most + 1 else most
    rank[order] = np.minimum(np.arange(len(order)), shown)
    labels = [str(values[i]) for i in order[:shown]]
    if shown < len(order):
        labels.append(f"{count(len(order) - shown)} other {what}")
    return labels, rank[codes]


def _ticks(labels: list[str]) -> tuple[tuple[float, str], ...]:
    return tuple((float(i), text) for i, text in enumerate(labels))


def _words(amount: Array, number: Array) -> list[list[str]]:
    return [
        [
            f"{size(a)}\n{_short(n)} flow{'s' * (n != 1)}" if n else ""
            for a, n in zip(row, numbers, strict=True)
        ]
        for row, numbers in zip(amount.tolist(), number.tolist(), strict=True)
    ]


def _short(number: float) -> str:
    return count(number) if number < 10_000 else f"{count(number / 1000)}k"
