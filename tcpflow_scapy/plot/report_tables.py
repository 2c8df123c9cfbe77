"""The numbers of the report, as DataFrames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.flows.frames import rows_of
from tcpflow_scapy.plot import bandwidth, sizes
from tcpflow_scapy.plot.segments import sent
from tcpflow_scapy.plot.services import service_name
from tcpflow_scapy.plot.words import counted
from tcpflow_scapy.reassembly.tables import GapCause
from tcpflow_scapy.render.escape import safe_text
from tcpflow_scapy.render.quantity import count, duration, instant, percent, size

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.evidence import Evidence
    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]


def report_tables(flows: FlowTable, *, sha256: bool = False) -> dict[str, pd.DataFrame]:
    """Every number of the report.

    Parameters
    ----------
    flows : FlowTable
    sha256 : bool
        Hash the sources, too, and say so among the facts.

    Returns
    -------
    dict of str to pandas.DataFrame
        - ``facts``: ``fact``, ``value`` (texts): what the capture was and how much of it was used
        - ``traffic``: bytes on the wire in each interval, by service (as ``flows.plot.bandwidth.data()``);
          of a whole table with ``other frames``, so that it adds up to the capture
        - ``addresses``: ``address``, ``sent_bytes``, ``received_bytes``, ``bytes`` (of frames on the wire),
          ``flows``
        - ``ports``: ``port`` (the server's), ``service``, ``client_bytes``, ``server_bytes``, ``bytes`` (of
          frames on the wire, by sender), ``flows``
        - ``sizes``: frames by length (as ``flows.plot.sizes.data()``)
        - ``missing``: ``cause``, ``gaps``, ``bytes``, ``streams``
        - ``incomplete``: flows with missing bytes, the worst first
        - ``unused``: ``reason``, ``frames``, ``bytes`` on the wire (of the whole capture)
        - ``problems``: what could not be read of the sources (messages and names of files escaped)
    """
    return {
        "facts": _facts(flows, sha256),
        "traffic": bandwidth.table(flows, other_frames=flows._whole),
        "addresses": _addresses(flows),
        "ports": _ports(flows),
        "sizes": sizes.table(flows),
        "missing": _missing(flows),
        "incomplete": _incomplete(flows),
        "unused": _unused(flows._evidence),
        "problems": _problems(flows._evidence),
    }


def _facts(flows: FlowTable, sha256: bool) -> pd.DataFrame:
    import pandas as pd

    capture, table = flows.capture, flows.df
    first, last = capture.first_time, capture.last_time
    span = None if first is pd.NaT or first == last else (last - first).total_seconds()
    flow_count = count(len(flows))
    if not flows._whole:
        flow_count += f" of {count(len(flows._evidence.reassembly.connections))}"
    payload, missing = int(table["bytes"].sum()), int(table["missing_bytes"].sum())
    again = int(table["client_retransmitted_bytes"].sum() + table["server_retransmitted_bytes"].sum())
    facts = [
        ("source", safe_text(", ".join(capture.paths))),
        ("format", capture.format),
        ("frames", f"{count(capture.frames)}, {size(capture.bytes)} captured"),
        ("not used", counted(capture.frames - capture.used, "frame")),
        ("problems", f"{count(len(capture.problems))}" if capture.problems else "none"),
        ("time", f"{instant(first)} to {instant(last)}, {duration(span)}" if span else "no clock"),
        ("flows", flow_count),
        ("segments", count(int(table["packets"].sum()))),
        ("payload", size(payload)),
        (
            "missing",
            f"{size(missing)} ({percent(missing, payload + missing)}) in {_gaps(table)}"
            if missing
            else "none",
        ),
        ("sent again", size(again)),
        ("conflicts", f"{count(int(table['conflicts'].sum()))}"),
    ]
    if sha256:
        digest = capture.sha256
        facts.append(("SHA-256", digest if isinstance(digest, str) else ", ".join(digest)))
    return pd.DataFrame(facts, columns=["fact", "value"], dtype="str")


def _gaps(table: pd.DataFrame) -> str:
    gaps, flows = int(table["gaps"].sum()), int((table["missing_bytes"] > 0).sum())
    return f"{counted(gaps, 'gap')} of {counted(flows, 'flow')}"


def _addresses(flows: FlowTable) -> pd.DataFrame:
    import pandas as pd

    evidence, streams = flows._evidence, flows._streams
    code = (evidence.reassembly.streams.address >> np.uint64(16)).astype(np.int64)[streams]
    wire = _frame_bytes(evidence, streams)
    values, sender = np.unique(code, return_inverse=True)
    # The two streams of a flow are neighbours: what one sends the other receives.
    received = wire.reshape(-1, 2)[:, ::-1].reshape(-1)
    total = {
        "sent_bytes": np.bincount(sender, weights=wire, minlength=len(values)).astype(np.int64),
        "received_bytes": np.bincount(sender, weights=received, minlength=len(values)).astype(np.int64),
    }
    pairs = np.unique(np.stack([sender, np.repeat(np.arange(len(streams) // 2), 2)]), axis=1)[0]
    data = pd.DataFrame({"address": [evidence.address_text(v) for v in values.tolist()], **total})
    data["address"] = data["address"].astype("str")
    data["bytes"] = data["sent_bytes"] + data["received_bytes"]
    data["flows"] = np.bincount(pairs, minlength=len(values)).astype(np.int64)
    return data.sort_values("bytes", ascending=False, kind="stable", ignore_index=True)


def _ports(flows: FlowTable) -> pd.DataFrame:
    import pandas as pd

    evidence, streams = flows._evidence, flows._streams
    port = flows.df["server_port"].to_numpy().astype(np.int64)
    wire = _frame_bytes(evidence, streams).reshape(-1, 2)
    values, which = np.unique(port, return_inverse=True)
    data = pd.DataFrame(
        {
            "port": values,
            "service": pd.Series([service_name(p) for p in values.tolist()], dtype="str"),
            "client_bytes": np.bincount(which, weights=wire[:, 0], minlength=len(values)).astype(np.int64),
            "server_bytes": np.bincount(which, weights=wire[:, 1], minlength=len(values)).astype(np.int64),
        }
    )
    data["bytes"] = data["client_bytes"] + data["server_bytes"]
    data["flows"] = np.bincount(which, minlength=len(values)).astype(np.int64)
    return data.sort_values("bytes", ascending=False, kind="stable", ignore_index=True)


def _frame_bytes(evidence: Evidence, streams: Array) -> Array:
    """int64: bytes on the wire of the frames of each of these streams, in their order."""
    packets = sent(evidence, streams)
    place = np.zeros(len(evidence.reassembly.streams) + 1, np.int64)
    place[streams] = np.arange(len(streams))
    return np.bincount(place[packets.stream], weights=packets.wire, minlength=len(streams)).astype(np.int64)


def _missing(flows: FlowTable) -> pd.DataFrame:
    import pandas as pd

    found = flows._evidence.reassembly
    rows, stream = rows_of(found.streams.gap_start, flows._streams)
    cause = found.gaps.cause[rows].astype(np.int64)
    length = found.gaps.end[rows] - found.gaps.start[rows]
    pairs = np.unique(np.stack([cause, stream]), axis=1)[0]
    kinds = len(GapCause)
    return pd.DataFrame(
        {
            "cause": pd.Series([c.label for c in GapCause], dtype="str"),
            "gaps": np.bincount(cause, minlength=kinds).astype(np.int64),
            "bytes": np.array([int(length[cause == c].sum()) for c in range(kinds)], np.int64),
            "streams": np.bincount(pairs, minlength=kinds).astype(np.int64),
        }
    )


def _incomplete(flows: FlowTable) -> pd.DataFrame:
    columns = [
        "client",
        "client_port",
        "server",
        "server_port",
        "bytes",
        "missing_bytes",
        "gaps",
        "conflicts",
    ]
    table = flows.df
    broken = table.loc[(table["missing_bytes"] > 0) | (table["conflicts"] > 0), columns]
    return broken.sort_values(["missing_bytes", "conflicts"], ascending=False, kind="stable")


def _unused(evidence: Evidence) -> pd.DataFrame:
    import pandas as pd

    frames = evidence.frames
    number = np.bincount(frames.reason, minlength=len(Reason))
    wire = np.bincount(frames.reason, weights=frames.wirelen, minlength=len(Reason)).astype(np.int64)
    rows = [
        (reason.label, int(number[reason]), int(wire[reason]))
        for reason in Reason
        if number[reason] and reason not in (Reason.TCP, Reason.FRAGMENT_USED)
    ]
    data = pd.DataFrame(rows, columns=["reason", "frames", "bytes"])
    data = data.astype({"reason": "str", "frames": np.int64, "bytes": np.int64})
    return data.sort_values("frames", ascending=False, kind="stable", ignore_index=True)


def _problems(evidence: Evidence) -> pd.DataFrame:
    import pandas as pd

    rows = [(p.kind, safe_text(p.message), safe_text(p.path), p.frame, p.offset) for p in evidence.problems]
    data = pd.DataFrame(rows, columns=["kind", "message", "path", "frame", "offset"])
    texts = dict.fromkeys(("kind", "message", "path"), "str")
    return data.astype({**texts, "frame": "Int64", "offset": "Int64"})
