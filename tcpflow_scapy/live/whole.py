"""The plainest way from a spool to flows: all of it, each time somebody asks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.pipeline import reassemble

if TYPE_CHECKING:
    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.table import FlowTable


class WholeEngine:
    """Flows of a growing spool, found anew from its beginning.

    Parameters
    ----------
    paths : callable
        The files of the spool so far.
    **options
        As for `reassemble`.
    """

    def __init__(self, paths: Callable[[], list[Path]], **options: Any) -> None:
        self._paths, self._options = paths, options
        self.closed: deque[Flow] = deque()

    def advance(self) -> None:
        """Nothing to do in between."""

    def flows(self) -> FlowTable:
        """What is in the spool now."""
        return reassemble(self._paths(), **self._options, progress=False)

    def finish(self) -> FlowTable:
        """The last table; all its flows have ended."""
        flows = self.flows()
        self.closed.extend(flows)
        return flows
