"""``python -m tcpflow_scapy`` is the command line."""

from __future__ import annotations

import sys

from tcpflow_scapy.cli import main

if __name__ == "__main__":
    sys.exit(main())
