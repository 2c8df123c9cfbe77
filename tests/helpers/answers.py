"""Our answer to a script: captures reassembled in memory."""

from __future__ import annotations

import io
from typing import Any

from tcpflow_scapy import reassemble
from tcpflow_scapy.flows.flow import Flow
from tcpflow_scapy.flows.table import FlowTable
from tests.helpers.traffic import Capture, Conversation, RawFrame, play


def flows_of(*parts: Capture | Conversation | RawFrame, **options: Any) -> FlowTable:
    """The flows of a capture, or of conversations one after the other."""
    capture = parts[0] if len(parts) == 1 and isinstance(parts[0], Capture) else Capture(*parts)
    linktype = options.pop("linktype", 1)
    blob = capture.to_bytes(linktype=linktype, ns=True)
    return reassemble(io.BytesIO(blob), progress=False, **options)


def flow_of(script: str | Capture | Conversation, **options: Any) -> Flow:
    """The only flow of a script."""
    (flow,) = flows_of(play(script) if isinstance(script, str) else script, **options)
    return flow
