"""A Scapy session that keeps what `sniff` sees.

    >>> session = FlowSession()
    >>> sniff(offline="a.pcap", session=session, store=False)
    >>> flows = session.flows()

The class derives from Scapy's `DefaultSession` and is made when it is first asked for, so that
importing this module does not import Scapy.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.capture.limits import USUAL_FRAME
from tcpflow_scapy.capture.medium import Medium
from tcpflow_scapy.capture.scapy_packets import LinkTypes, write_packet
from tcpflow_scapy.capture.spool import Spool
from tcpflow_scapy.capture.writer import PcapngWriter

if TYPE_CHECKING:
    FlowSession: Any

NAME = "<sniffed>"


class Recorder:
    """Packets of a running `sniff` in a temporary capture file.

    Sniffing may run in another thread (`AsyncSniffer`): a medium holds what had arrived by then.
    """

    def __init__(self) -> None:
        self._spool = Spool(NAME)
        self._writer = PcapngWriter(self._spool)
        self._linktypes = LinkTypes()
        self._lock = threading.Lock()
        self.count = 0
        self._error: Exception | None = None

    def add(self, packet: Any) -> None:
        """Keep one packet. Trouble is kept as well, for `medium`: Scapy would swallow it."""
        if self._error is not None:
            return
        with self._lock:
            try:
                write_packet(packet, self._writer, self._linktypes)
                self.count += 1
            except Exception as error:
                self._error = error

    def medium(self) -> Medium:
        """All packets so far.

        Raises
        ------
        Exception
            Whatever stopped the recording, a full disk for example.
        """
        if self._error is not None:
            raise self._error
        with self._lock:
            return self._spool.medium()


@cache
def session_class() -> Any:
    """The class, made once."""
    # Scapy knows link types only once their layers are imported; else it hands out frames as Raw.
    import scapy.layers.dot11
    import scapy.layers.inet
    import scapy.layers.inet6
    import scapy.layers.l2
    import scapy.layers.ppp  # noqa: F401
    from scapy.sessions import DefaultSession

    class FlowSession(DefaultSession):  # type: ignore[misc]
        """Records every packet that Scapy's ``sniff`` sees; hand it to ``reassemble``, or ask it for `flows`.

        Packets are recorded before any other session (``FlowSession(TCPSession)``) works on them,
        and go on to ``prn``, ``store`` and so on as ever.
        """

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.recorder = Recorder()

        def recv(self, sock: Any) -> Iterator[Any]:
            """Ask for whole frames: by default Scapy cuts them at 65,535 bytes."""
            yield from super().recv(_WholeFrames(sock))

        def process(self, pkt: Any) -> Any:
            """Record a packet, then let the other session work on it."""
            if pkt is not None:
                self.recorder.add(pkt)
            return super().process(pkt)

        def source(self) -> Any:
            """What was seen so far, as a `Source`; may be asked for while sniffing goes on."""
            from tcpflow_scapy.capture import open_source

            return open_source(self)

        def flows(self, **options: Any) -> Any:
            """What was seen so far as a `FlowTable`; options as for `reassemble`."""
            # By name: capture must not know the stages that build on it.
            return import_module("tcpflow_scapy.pipeline").reassemble(self, **options)

        def __len__(self) -> int:
            return self.recorder.count

        def __bool__(self) -> bool:
            return True

    return FlowSession


class _WholeFrames:
    """A Scapy socket or reader whose `recv` asks for frames of any length."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def recv(self) -> Any:
        return self._sock.recv(USUAL_FRAME)


def __getattr__(name: str) -> Any:
    if name == "FlowSession":
        return session_class()
    raise AttributeError(name)
