"""Pictures of flows, and a report: `flows.plot.<name>()`, `flow.plot.<name>()`, `flows.report(path)`.

To add a picture, write one file with its ``table`` and ``scene`` (see `picture`) and name it here.
"""

from __future__ import annotations

from tcpflow_scapy.plot.picture import Picture

PLOTS: tuple[Picture, ...] = (
    Picture("timeline", "flows", "when each flow ran, and what service it used"),
    Picture("bandwidth", "flows", "traffic over time, stacked by service"),
    Picture("endpoints", "flows", "who talked to whom, and how much"),
    Picture("sizes", "flows", "how large frames, payloads or flows were"),
    Picture("time_sequence", "flow", "segments, acknowledgments and window over time, one side"),
    Picture("throughput", "flow", "payload over time, both sides"),
    Picture("rtt", "flow", "round-trip times, data to acknowledgment"),
    Picture(
        "coverage", "flow", "which bytes of a stream are there, missing or contradictory, and when they came"
    ),
)
"""Every picture, in the order in which they are listed."""
