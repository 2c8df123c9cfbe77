"""How large frames, payloads or flows were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.plot import palette
from tcpflow_scapy.plot.scene import Axis, Scene, Stack
from tcpflow_scapy.plot.segments import sent
from tcpflow_scapy.render.quantity import count

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]

OF = {
    "frames": ("length of frames on the wire", "frames"),
    "payloads": ("payload of segments", "segments"),
    "flows": ("captured payload of one side of a flow", "streams"),
}
"""What can be measured: label of the size, and what is counted."""

_STEPS = 4
"""Intervals for each doubling."""


def table(flows: FlowTable, *, of: str = "frames") -> pd.DataFrame:
    """Counts by size.

    Returns
    -------
    pandas.DataFrame
        ``low``, ``high`` (bytes, half open: ``[low, high)``), ``client``, ``server`` (how many of each side).
        Intervals grow by a factor of about 1.19; the first are of one byte.
    """
    import pandas as pd

    size, side = _sizes(flows, of)
    edges = _edges(int(size.max()) if len(size) else 0)
    columns: dict[str, Any] = {"low": edges[:-1], "high": edges[1:]}
    at = np.searchsorted(edges, size, side="right") - 1
    for number, name in enumerate(("client", "server")):
        columns[name] = np.bincount(at[side == number], minlength=len(edges) - 1).astype(np.int64)
    return pd.DataFrame(columns)


def scene(flows: FlowTable, *, of: str = "frames") -> Scene:
    """How large things were, by side; sizes on a logarithmic axis.

    Parameters
    ----------
    of : {"frames", "payloads", "flows"}
        Frames on the wire with all headers; payloads of segments that have any, as the headers say;
        captured bytes of each stream that has any.
    """
    data = table(flows, of=of)
    label, counted = OF[of]
    x = Axis(f"{label} (bytes)", "powers")
    total = int(data["client"].sum() + data["server"].sum())
    found = Scene(f"Sizes of {count(total)} {counted}", x, Axis(counted, "count"), empty=f"no {counted}")
    if not total:
        return found
    full = np.flatnonzero((data["client"] + data["server"]).to_numpy())
    data = data.iloc[full[0] : full[-1] + 1]
    low, high = data["low"].to_numpy(np.float64), data["high"].to_numpy(np.float64)
    series = {f"{side} sent": data[side].to_numpy(np.float64) for side in ("client", "server")}
    colour = {f"{side} sent": palette.SIDE[side] for side in ("client", "server")}
    found.marks.append(Stack(np.maximum(low, 0.5), high, series, colour))
    return found


def _sizes(flows: FlowTable, of: str) -> tuple[Array, Array]:
    """Sizes, and 0 for the client's, 1 for the server's."""
    if of not in OF:
        raise ValueError(f"of must be one of {', '.join(OF)}, not {of!r}")
    evidence, streams = flows._evidence, flows._streams
    if of == "flows":
        size, stream = evidence.reassembly.streams.captured[streams], streams
    else:
        packets = sent(evidence, streams)
        stream = packets.stream
        size = packets.wire if of == "frames" else evidence.packets.wire_length[packets.row].astype(np.int64)
    some = size > 0 if of != "frames" else np.ones(len(size), bool)
    return size[some], (stream & 1)[some]


def _edges(largest: int) -> Array:
    """Bounds of intervals that hold 0 to `largest`, distinct whole numbers."""
    doublings = max(largest, 1).bit_length()
    powers = np.floor(2.0 ** (np.arange(doublings * _STEPS + 1) / _STEPS)).astype(np.int64)
    return np.unique(np.r_[0, powers])
