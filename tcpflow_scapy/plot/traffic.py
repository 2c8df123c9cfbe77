"""Frames of a selection of flows, and the services they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.plot.segments import Sent, sent
from tcpflow_scapy.plot.services import Services

if TYPE_CHECKING:
    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]

NAMED = 7
"""Services that get a name and a colour, where nobody says how many."""


class Traffic:
    """Every frame that carried a segment of these flows.

    Parameters
    ----------
    flows : FlowTable
    services : int
        How many services are told apart: those with the most bytes on the wire.
    """

    def __init__(self, flows: FlowTable, services: int = NAMED) -> None:
        evidence = flows._evidence
        self.sent: Sent = sent(evidence, flows._streams)
        # Row 2 k + 1 of the streams is what the server of connection k sends.
        self._server_port = (evidence.reassembly.streams.address[1::2] & np.uint64(0xFFFF)).astype(np.int64)
        self.port: Array = self._server_port[self.sent.stream >> 1]
        self.services = Services(self.port, self.sent.wire, services)

    @property
    def codes(self) -> Array:
        """Index into ``services.names`` of each frame."""
        return self.services.codes(self.port)

    def service_of(self, flow: Array) -> Array:
        """Index into ``services.names`` of flows, by number."""
        return self.services.codes(self._server_port[flow])
