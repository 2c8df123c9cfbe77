"""Every exception this package raises on purpose.

A broken packet is data: it is counted and reported. An exception means that the caller asked
for something that cannot be done.

    TcpflowError
    +-- CaptureError          the source cannot be read at all
    |   +-- CaptureOSError    ... because the system said no        (also an OSError)
    |   |   +-- CaptureChanged ... because it is not what it was when it was opened
    |   +-- CaptureFormatError... because it is no capture          (also a ValueError)
    +-- FilterError           a BPF expression that libpcap refuses (also a ValueError)
    |   +-- FilterUnavailable ... only for frames of one link type
    +-- LibpcapMissing        no libpcap on this machine            (also an ImportError)
    +-- StreamTooSparse       zero-filling a stream would exceed the limit (also a ValueError)
    +-- ExportError           an output cannot be written           (also an OSError)
"""

from __future__ import annotations

from typing import Any

EXISTS = "already exists; it is replaced only with overwrite=True (--overwrite)"
"""What is said of an output whose name is taken."""


class TcpflowError(Exception):
    """Root of all errors of this package.

    Its text is one line that is safe on any terminal: names of files can hold anything, and a traceback shows
    them as they are. `args` has the text as it was.
    """

    def __str__(self) -> str:
        # Not OSError's way, which formats its own arguments, and what a hostile name holds made visible.
        from tcpflow_scapy.render.escape import one_line

        return one_line(self.args[0]) if self.args else ""


class CaptureError(TcpflowError):
    """A source that cannot be read.

    Parameters
    ----------
    message : str
        What is wrong, in one line.
    path : str, optional
        The source's name.
    frame : int, optional
        1-based number of the frame at which it went wrong.
    offset : int, optional
        Byte offset in the file.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        frame: int | None = None,
        offset: int | None = None,
    ) -> None:
        where = []
        if frame is not None:
            where.append(f"frame {frame}")
        if offset is not None:
            where.append(f"byte offset {offset}")
        text = f"{path}: {message}" if path else message
        if where:
            text += f" ({', '.join(where)})"
        super().__init__(text)
        self.message = message
        self.path = path
        self.frame = frame
        self.offset = offset


class CaptureOSError(CaptureError, OSError):
    """A source that the operating system does not let us read."""


class CaptureChanged(CaptureOSError):
    """A source that was cut or written to after it was opened: what flows point to is not there any more."""


class CaptureFormatError(CaptureError, ValueError):
    """A source whose bytes are no capture."""


class FilterError(TcpflowError, ValueError):
    """A BPF expression that libpcap refuses; the text is libpcap's own."""


class FilterUnavailable(FilterError):
    """A right expression that libpcap cannot compile for frames of one link type.

    Parameters
    ----------
    linktype : int
        LINKTYPE_ number.
    reason : str
        libpcap's words.
    """

    def __init__(self, linktype: int, reason: str) -> None:
        super().__init__(f"filter not available for link type {linktype}: {reason}")
        self.linktype = linktype
        self.reason = reason


class LibpcapMissing(TcpflowError, ImportError):
    """There is no libpcap on this machine."""


class StreamTooSparse(TcpflowError, ValueError):
    """Zero-filling the gaps of a stream would need more memory than the stated limit."""


class ExportError(TcpflowError, OSError):
    """An output that cannot be written.

    Out of an export of many files it has the table (or list) of those that were whole, as the export would
    have returned it; so has every other exception that ends one, `KeyboardInterrupt` included.
    """

    files: Any = None
    """of an export of many files: what was written before"""
