"""Small conversations, and the files made of them."""

from __future__ import annotations

from pathlib import Path

from tcpflow_scapy import FlowTable, reassemble
from tests.helpers.traffic import Capture, Conversation

CLIENT = "010.000.000.001.01024-010.000.000.002.00080"
SERVER = "010.000.000.002.00080-010.000.000.001.01024"


def talk(
    port: int = 1024, request: bytes = b"GET /", answer: bytes = b"200 OK", isn: int = 1000
) -> Conversation:
    made = Conversation(client=f"10.0.0.1:{port}", server="10.0.0.2:80", isn=isn, server_isn=isn + 4000)
    made.handshake()
    if request:
        made.client(request)
    if answer:
        made.server(answer)
    made.close()
    return made


def flows_of(tmp_path: Path, *talks: Conversation) -> FlowTable:
    path = tmp_path / "talk.pcap"
    Capture(*talks).write(path)
    return reassemble(path)


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
