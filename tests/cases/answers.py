"""The captures of this folder, and the streams that the text beside a capture expects."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tcpflow_scapy.flows.table import FlowTable

FOLDER = Path(__file__).parent
_STREAM = re.compile(r"^(\S+):(\d+) -> (\S+):(\d+): (\d+) ([0-9a-f]{64}) ", re.MULTILINE)


def case(group: str, name: str) -> Path:
    """The capture `name` of a group (``connections``, ``encapsulation``, ``http``, ``trust``)."""
    return FOLDER / group / f"{name}.pcap"


def captures(group: str) -> list[Path]:
    return sorted((FOLDER / group).glob("*.pcap"))


def expected_streams(capture: Path) -> Counter[tuple[str, int, str, int, int, str]]:
    """(source, port, destination, port, length, sha256) of each stream with data, from NAME.txt."""
    text = capture.with_suffix(".txt").read_text()
    return Counter(
        (source, int(sport), destination, int(dport), int(length), digest)
        for source, sport, destination, dport, length, digest in _STREAM.findall(text)
    )


def streams(flows: FlowTable) -> Counter[tuple[str, int, str, int, int, str]]:
    """The same of what was reassembled."""
    import hashlib

    return Counter(
        (x.address, x.port, x.peer.address, x.peer.port, len(x.data), hashlib.sha256(x.data).hexdigest())
        for flow in flows
        for x in flow.streams
        if x.data
    )
