"""Capture formats: a plug point.

Contract: `Format`. Members: one file each. The list: `FORMATS`. A format is recognised by its first
bytes, never by a name.
"""

from __future__ import annotations

from tcpflow_scapy.capture.formats.contract import HEAD_BYTES, Format
from tcpflow_scapy.capture.formats.erf import ERF_FILE
from tcpflow_scapy.capture.formats.iptrace import IPTRACE
from tcpflow_scapy.capture.formats.netmon import NETMON
from tcpflow_scapy.capture.formats.nettl import NETTL
from tcpflow_scapy.capture.formats.netxray import NETXRAY
from tcpflow_scapy.capture.formats.pcap import DAMAGED_PCAP, PCAP
from tcpflow_scapy.capture.formats.pcapng import PCAPNG
from tcpflow_scapy.capture.formats.sniffer import SNIFFER
from tcpflow_scapy.capture.formats.snoop import SNOOP

# The order is part of the meaning: exact signatures first; a damaged one, or none, when nothing else fits.
FORMATS: tuple[Format, ...] = (
    PCAP,
    PCAPNG,
    SNOOP,
    NETMON,
    SNIFFER,
    NETXRAY,
    NETTL,
    IPTRACE,
    DAMAGED_PCAP,
    ERF_FILE,
)


def recognise(head: bytes) -> tuple[Format, str] | None:
    """The format of a file that begins so, and its exact name; None where it is none of them."""
    for member in FORMATS:
        name = member.recognise(head)
        if name:
            return member, name
    return None


__all__ = ["FORMATS", "HEAD_BYTES", "Format", "recognise"]
