"""tcpflow's command line, and more.

Exit codes: 0 done, 1 the input or an output failed, 2 the command line is wrong, 130 interrupted.
"""

from __future__ import annotations

from tcpflow_scapy.cli.entry import main

__all__ = ["main"]
