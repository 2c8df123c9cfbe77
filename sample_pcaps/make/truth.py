"""What is true in a capture, worked out without looking into it.

Two witnesses: the relay kept every byte that the programs sent; the bridge's ledger says which segments
passed and what the capture has of them. A byte map, the slow and obvious way, makes of both what a perfect
reader of the capture can know: the bytes, the gaps with their cause, the conflicts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .headers import ACK, FIN, SYN
from .plan import Row

Key = tuple[str, int, str, int]
Story = dict[str, Any]
MODULUS = 1 << 32


@dataclass(slots=True)
class Sent:
    """A connection as the programs had it."""

    key: Key
    """client, client port, server, server port"""
    client: bytes
    server: bytes


@dataclass(slots=True)
class Connection:
    """A connection as it passed the bridge. Index 1 is the client's stream, 0 the server's."""

    key: Key
    isn: list[int | None] = field(default_factory=lambda: [None, None])
    rows: list[tuple[bool, Row]] = field(default_factory=list)


def read_relay(folder: Path) -> list[Sent]:
    """The relay's connections, in order of arrival."""
    found = []
    for path in sorted(folder.glob("*.json"), key=lambda p: int(p.stem)):
        who = json.loads(path.read_text())
        key = (who["client"], who["client_port"], who["server"], who["server_port"])
        client, server = path.with_suffix(".client"), path.with_suffix(".server")
        if client.exists():
            found.append(Sent(key, client.read_bytes(), server.read_bytes()))
    return found


def connections(rows: Iterable[Row]) -> list[Connection]:
    """Rows by connection: a SYN with another ISN begins a new one. In order of their first row."""
    found: list[Connection] = []
    current: dict[Key, Connection] = {}
    for row in rows:
        key = (row.source, row.source_port, row.destination, row.destination_port)
        back = (row.destination, row.destination_port, row.source, row.source_port)
        up = key in current or back not in current
        pair = key if up else back
        known = current.get(pair)
        opens = row.flags & (SYN | ACK) == SYN
        if known is None or (opens and known.isn[1] not in (None, row.seq)):
            known = current[pair] = Connection(pair)
            found.append(known)
        if row.flags & SYN:
            known.isn[up] = row.seq
        known.rows.append((up, row))
    return found


def tell(rows: Iterable[Row], sent: list[Sent]) -> list[Story]:
    """What a perfect reader knows of each connection that the capture has a segment of."""
    waiting = list(sent)
    stories = []
    for connection in connections(rows):
        known = next((s for s in waiting if s.key == connection.key), None)
        if known is None:
            raise ValueError(f"the relay never saw {connection.key}")
        waiting.remove(known)
        if not any(row.kept >= 0 for _, row in connection.rows):
            continue
        client, client_port, server, server_port = connection.key
        stories.append(
            {
                "client": client,
                "client_port": client_port,
                "server": server,
                "server_port": server_port,
                "client_stream": _stream(connection, True, known.client),
                "server_stream": _stream(connection, False, known.server),
            }
        )
    return stories


def _stream(connection: Connection, up: bool, sent: bytes) -> Story:
    """One direction. Offsets in the result are relative to ``starts_at``."""
    own = [row for side, row in connection.rows if side == up and row.kept >= 0]
    isn = connection.isn[up]
    if isn is None:
        raise ValueError(f"the bridge never saw the SYN of {connection.key}")

    def offset(number: int) -> int:
        return (number - isn - 1 + MODULUS // 2) % MODULUS - MODULUS // 2

    seen, wire = bytearray(len(sent)), bytearray(len(sent))
    versions: dict[int, list[int]] = {}
    order: list[tuple[int, bytes]] = []
    for row in own:
        at = offset(row.seq) + bool(row.flags & SYN)
        payload = bytes.fromhex(row.forged) if row.forged else sent[at : at + row.length]
        wire[at : at + row.length] = b"\1" * row.length
        order.append((at, payload[: row.kept]))
    data = bytearray(sent)
    for at, payload in order:
        for i, value in enumerate(payload, at):
            if not seen[i]:
                seen[i], data[i] = 1, value
            if value not in versions.setdefault(i, []):
                versions[i].append(value)

    acked = [
        offset(row.ack) for side, row in connection.rows if side != up and row.kept >= 0 and row.flags & ACK
    ]
    ends = [offset(row.seq) + bool(row.flags & SYN) + row.length for row in own]
    finished = [offset(row.seq) + row.length for row in own if row.flags & FIN]
    size = min(len(sent), max([0, *acked, *ends, *finished]))
    start = (
        0 if any(row.flags & SYN for row in own) else _start(order, [offset(row.seq) for row in own], acked)
    )
    last = max((i + 1 for i in range(len(sent)) if seen[i]), default=start)
    shown = bytes(data[i] if seen[i] else 0 for i in range(start, last))
    causes = ["" if seen[i] else _cause(i, wire, acked) for i in range(start, size)]
    return {
        "sent": {"length": len(sent), "sha256": _sha256(sent)},
        "syn": any(row.flags & SYN for row in own),
        "fin": bool(finished),
        "starts_at": start,
        "size": max(0, size - start),
        "data": {"length": len(shown), "sha256": _sha256(shown)},
        "gaps": _runs(causes),
        "conflicts": [
            run[:2]
            for run in _runs(["x" if len(versions.get(i, [])) > 1 else "" for i in range(start, size)])
        ],
    }


def _start(order: list[tuple[int, bytes]], numbers: list[int], acked: list[int]) -> int:
    """Where a stream begins for who did not see its SYN: at its lowest byte, else at its lowest number."""
    data = [at for at, payload in order if payload]
    return max(0, min(data or numbers or acked or [0]))


def _cause(place: int, wire: bytearray, acked: list[int]) -> str:
    if wire[place]:
        return "truncated"
    return "not_captured" if max(acked, default=0) > place else "not_acknowledged"


def _runs(labels: list[str]) -> list[list[Any]]:
    """[start, end, label] of every run of one label that is not empty."""
    runs: list[list[Any]] = []
    for i, label in enumerate(labels):
        if label and runs and runs[-1][1] == i and runs[-1][2] == label:
            runs[-1][1] = i + 1
        elif label:
            runs.append([i, i + 1, label])
    return runs


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
