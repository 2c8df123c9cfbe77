"""Our flows against the TCP rows of a ``conn.log`` of Zeek's, or of a model of it.

Baselines have no times that could be compared, so rows of the same endpoints are compared in their order.
A value that the log leaves out (``-``) is not compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

Row = dict[str, str]
Ends = tuple[str, str, str, str]

COLUMNS = ("conn_state", "history", "orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts", "missed_bytes")


def log_of(folder: Path, name: str) -> Path | None:
    """The log of the capture `name` (``a/b.pcap``): ``a/b.pcap.conn.log`` or ``a/b.pcap/conn.log``."""
    found = (folder / f"{name}.conn.log", folder / name / "conn.log")
    return next((path for path in found if path.is_file()), None)


def rows(text: str) -> Iterator[Row]:
    """The TCP rows of a log in Zeek's own format."""
    fields: list[str] = []
    for line in text.splitlines():
        if line.startswith("#fields"):
            fields = line.split("\t")[1:]
        elif line and not line.startswith("#"):
            row = dict(zip(fields, line.split("\t"), strict=False))
            if row.get("proto") == "tcp":
                yield row


def ours(capture: Path) -> Iterator[tuple[Ends, Row]]:
    """The same of our flows: endpoints and values. Zeek leaves out packets with a wrong checksum."""
    from tcpflow_scapy import reassemble

    for flow in reassemble(capture, progress=False, ignore_vlan=True, verify_checksums=True):
        summary: Any = flow.summary
        client, server = flow.client, flow.server
        yield (
            (client.address, str(client.port), server.address, str(server.port)),
            {
                "conn_state": str(flow.state),
                "history": str(flow.history),
                "orig_bytes": str(client.size),
                "resp_bytes": str(server.size),
                "orig_pkts": str(summary["client_packets"]),
                "resp_pkts": str(summary["server_packets"]),
                "missed_bytes": str(client.missing + server.missing),
            },
        )


def differences(capture: Path, log: Path) -> tuple[int, list[tuple[str, str]]]:
    """Rows of the log, and what differs: the connection, and how."""
    mine: dict[Ends, list[Row]] = defaultdict(list)
    for ends, row in ours(capture):
        mine[ends].append(row)
    count, found = 0, []
    for row in rows(log.read_text()):
        count += 1
        ends = _ends(row)
        label = f"{ends[0]}:{ends[1]} > {ends[2]}:{ends[3]}"
        other = (ends[2], ends[3], ends[0], ends[1])
        if mine[ends]:
            seen = mine[ends].pop(0)
        else:
            turned = ", but the other way round" if mine[other] else ""
            found.append((label, f"no such flow{turned}"))
            continue
        found += [
            (label, f"{name} {row[name]}, we {seen[name]}")
            for name in COLUMNS
            if row.get(name, "-") not in ("-", seen[name])
        ]
    left = [ends for ends, flows in mine.items() for _ in flows]
    found += [(f"{a}:{b} > {c}:{d}", "a flow that the log does not have") for a, b, c, d in left]
    return count, found


def _ends(row: Row) -> Ends:
    client, server = (str(ip_address(row[f"id.{side}_h"])) for side in ("orig", "resp"))
    return client, row["id.orig_p"], server, row["id.resp_p"]
