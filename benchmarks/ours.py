"""What is measured of tcpflow_scapy, one job in one fresh interpreter: JSON on standard output.

python benchmarks/ours.py flows CAPTURE [FILTER]
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

Timed = dict[str, Any]


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result of `work`, wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def warm() -> None:
    """What a session that works with captures has imported long ago."""
    import pandas

    import tcpflow_scapy.flows.summary
    import tcpflow_scapy.pipeline  # noqa: F401

    pandas.DataFrame()


def flows(path: str, expression: str = "") -> Timed:
    """Time to flows: `reassemble`, `df`, `gaps`."""
    warm()
    from tcpflow_scapy import CaptureError, reassemble

    def work() -> Any:
        found = reassemble(path, filter=expression or None, progress=False)
        return found, len(found.df), len(found.gaps)

    try:
        (found, count, gaps), wall, cpu = timed(work)
    except CaptureError as error:
        return {"refused": str(error)}
    frames = found.capture.frames
    return {"wall": wall, "cpu": cpu, "flows": count, "gaps": gaps, "frames": frames}


def cost(path: str, job: str) -> Timed:
    """From the file to the end of one job, imports left out.

    ``export`` writes all streams with their hashes, ``http`` all bodies, ``conflicts`` makes that table, and
    ``linux`` reassembles with the policy of that system.
    """
    warm()
    import tempfile

    import tcpflow_scapy.export.http_objects  # noqa: F401
    from tcpflow_scapy import CaptureError, reassemble

    def work() -> int:
        found = reassemble(path, overlap="linux" if job == "linux" else "first", progress=False)
        if job == "export":
            return len(found.export(out))
        if job == "http":
            return len(found.export_http(out, requests=True))
        return len(found.conflicts if job == "conflicts" else found.df)

    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as out:
        try:
            count, wall, cpu = timed(work)
        except CaptureError as error:
            return {"refused": str(error)}
    return {"wall": wall, "cpu": cpu, "rows": count}


def hand(path: str) -> Timed:
    """`stream.data` of about a megabyte: the nearest to it of the capture, first and later times."""
    warm()
    from tcpflow_scapy import reassemble

    found = reassemble(path, progress=False)
    size = found.df["server_bytes"]
    nearest = int((size - 1_000_000).abs().argmin())
    times = [timed(lambda: found[nearest].server.data)[1:] for _ in range(20)]
    return {"bytes": len(found[nearest].server.data), "first": times[0][0], "wall": min(w for w, _ in times)}


def table(path: str, count: str) -> Timed:
    """`query` and `_repr_html_` on a table of `count` flows: the capture's own, repeated."""
    warm()
    from tcpflow_scapy import reassemble

    found = grown(reassemble(path, progress=False), int(count))
    found.df  # noqa: B018
    expression = "server_port == 80 and missing_bytes == 0"
    hits = len(found.query(expression))
    query = min(timed(lambda: found.query(expression))[1] for _ in range(7))
    html = min(timed(found._repr_html_)[1] for _ in range(7))
    text = min(timed(lambda: repr(found))[1] for _ in range(7))
    return {"flows": len(found), "hits": hits, "query": query, "html": html, "text": text}


def grown(found: Any, count: int) -> Any:
    """A table with the same connections again and again, up to `count`; without their packets."""
    import numpy as np

    from tcpflow_scapy.flows.table import FlowTable
    from tcpflow_scapy.reassembly.tables import ConnectionTable, StreamTable

    evidence = found._evidence
    old = evidence.reassembly
    rows = np.arange(count) % len(old.connections)
    sides = (2 * rows[:, None] + np.arange(2)).reshape(-1)
    streams: dict[str, Any] = {}
    for name in (x.name for x in fields(StreamTable)):
        values = getattr(old.streams, name)
        if name == "packet_start":
            streams[name] = np.zeros(len(sides) + 1, np.int64)
        elif name.endswith("_start"):
            streams[name] = np.concatenate(([0], np.cumsum(np.diff(values)[sides])))
        else:
            streams[name] = values[sides]
    new = replace(
        old,
        connections=ConnectionTable(
            *(getattr(old.connections, x.name)[rows] for x in fields(ConnectionTable))
        ),
        streams=StreamTable(**streams),
        order=old.order[:0],
    )
    return FlowTable(replace(evidence, reassembly=new))


def main() -> None:
    """Command line."""
    gc.collect()
    job = {"flows": flows, "cost": cost, "hand": hand, "table": table}[sys.argv[1]]
    json.dump(job(*sys.argv[2:]), sys.stdout)


if __name__ == "__main__":
    main()
