"""Packets in, conversations out: TCP reassembly for investigations.

>>> from tcpflow_scapy import reassemble
>>> flows = reassemble("mem.pcap", filter="tcp port 80")
>>> flows.df
>>> flows[0].client.data

Importing this package is cheap: numpy, pandas and Scapy are loaded when a name is first used.
"""

from __future__ import annotations

__version__ = "0.1.0"
