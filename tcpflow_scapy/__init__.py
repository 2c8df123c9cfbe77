"""Reassemble, explore and export the TCP conversations of captures.

    >>> from tcpflow_scapy import reassemble
    >>> flows = reassemble("mem.pcap", filter="tcp port 80")
    >>> flows.df

Names are imported when they are first used, so that importing the package is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tcpflow_scapy.capture.live.check import verify_spool
    from tcpflow_scapy.capture.session import FlowSession
    from tcpflow_scapy.errors import (
        CaptureChanged,
        CaptureError,
        CaptureFormatError,
        CaptureOSError,
        ExportError,
        FilterError,
        LibpcapMissing,
        StreamTooSparse,
        TcpflowError,
    )
    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.stream import Stream
    from tcpflow_scapy.flows.table import FlowTable
    from tcpflow_scapy.live.session import LiveCapture
    from tcpflow_scapy.live.sniffing import sniff
    from tcpflow_scapy.pipeline import reassemble

__version__ = "0.1.0"

_HOME = {
    "reassemble": "tcpflow_scapy.pipeline",
    "sniff": "tcpflow_scapy.live.sniffing",
    "LiveCapture": "tcpflow_scapy.live.session",
    "verify_spool": "tcpflow_scapy.capture.live.check",
    "FlowTable": "tcpflow_scapy.flows.table",
    "FlowSession": "tcpflow_scapy.capture.session",
    "Flow": "tcpflow_scapy.flows.flow",
    "Stream": "tcpflow_scapy.flows.stream",
    **dict.fromkeys(
        (
            "TcpflowError",
            "CaptureError",
            "CaptureOSError",
            "CaptureChanged",
            "CaptureFormatError",
            "FilterError",
            "LibpcapMissing",
            "StreamTooSparse",
            "ExportError",
        ),
        "tcpflow_scapy.errors",
    ),
}

__all__ = [
    "CaptureChanged",
    "CaptureError",
    "CaptureFormatError",
    "CaptureOSError",
    "ExportError",
    "FilterError",
    "Flow",
    "FlowSession",
    "FlowTable",
    "LibpcapMissing",
    "LiveCapture",
    "Stream",
    "StreamTooSparse",
    "TcpflowError",
    "__version__",
    "reassemble",
    "sniff",
    "verify_spool",
]


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext tcpflow_scapy``: the magics ``%flows``, ``%follow``, ``%search`` ..., and completion."""
    import_module("tcpflow_scapy.notebook.extension").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext tcpflow_scapy``: take them away again."""
    import_module("tcpflow_scapy.notebook.extension").unload(shell)


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'tcpflow_scapy' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
