"""Hashes of the sources, made while the files are written: both cost time, and there are two processors."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from tcpflow_scapy.errors import TcpflowError

if TYPE_CHECKING:
    from tcpflow_scapy.flows.table import FlowTable


class SourceHashes:
    """SHA-256 of each source of some flows, from now on.

    Parameters
    ----------
    flows : FlowTable
    """

    def __init__(self, flows: FlowTable) -> None:
        self._capture = flows.capture
        self._found: list[str] = []
        self._error: TcpflowError | None = None
        # A run that is interrupted does not wait for it.
        self._thread = Thread(target=self._work, name="hashes", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            found = self._capture.sha256
        except TcpflowError as error:
            self._error = error
        else:
            self._found = [found] if isinstance(found, str) else found

    def get(self, *, wait: bool) -> list[str]:
        """The hashes; without waiting for them perhaps none.

        Raises
        ------
        CaptureError
            A source cannot be read any more.
        """
        if wait:
            self._thread.join()
            if self._error is not None:
                raise self._error
        return self._found
