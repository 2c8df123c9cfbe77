"""The programs to compare with: which there are, and how each is run on a capture."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
NFSTREAM_PYTHON = HERE / "data" / "nfstream" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Peer:
    """One program."""

    name: str
    does: str
    """what it did when it is done"""
    command: Callable[[Path, Path], list[str]]
    """(capture, folder that is not there yet) -> command"""
    needs: str = ""
    """program to look for, the name if empty"""
    missing: str = ""
    """what to say where it is not there"""
    limit: int = 0
    """frames that it is given, where the whole capture would take too long; its time is then extrapolated"""

    @property
    def there(self) -> bool:
        """Can it be run here?"""
        if self.name == "NFStream":
            return NFSTREAM_PYTHON.exists()
        return shutil.which(self.needs or self.name) is not None

    @property
    def version(self) -> str:
        """First line of what it says of itself."""
        asks = {
            "tcptrace": ["tcptrace", "-v"],
            "NFStream": [str(NFSTREAM_PYTHON), "-c", "import nfstream; print(nfstream.__version__)"],
            "Scapy": [sys.executable, "-c", "import scapy; print(scapy.__version__)"],
        }
        command = asks.get(self.name.split()[0], [self.needs or self.name, "--version"])
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        lines = (done.stdout + done.stderr).strip().splitlines()
        return next((line.strip() for line in lines if any(c.isdigit() for c in line)), "")[:60]


_NFSTREAM = """
import sys
from nfstream import NFStreamer
print(sum(1 for _ in NFStreamer(source=sys.argv[1], n_dissections=0, statistical_analysis=False)))
"""

_PCAP_READER = """
import sys
from scapy.layers import all as layers
from scapy.utils import PcapReader
print(sum(1 for _ in PcapReader(sys.argv[1])))
"""

_TCP_SESSION = """
import sys
from scapy.layers import all as layers
from scapy.sendrecv import sniff
from scapy.sessions import TCPSession
sniff(offline=sys.argv[1], session=TCPSession, store=False)
"""


def _python(code: str) -> Callable[[Path, Path], list[str]]:
    return lambda capture, out: [sys.executable, "-c", code, str(capture)]


TCPFLOW = Peer(
    "tcpflow", "all streams as files", lambda capture, out: ["tcpflow", "-o", str(out), "-r", str(capture)]
)
TCPTRACE = Peer(
    "tcptrace", "counts for each connection", lambda capture, out: ["tcptrace", "-n", str(capture)]
)
PEERS = (
    TCPFLOW,
    TCPTRACE,
    Peer(
        "tshark",
        "`-z conv,tcp`: counts for each conversation",
        lambda capture, out: ["tshark", "-n", "-r", str(capture), "-q", "-z", "conv,tcp"],
    ),
    Peer(
        "NFStream",
        "flows without payload",
        lambda capture, out: [str(NFSTREAM_PYTHON), "-c", _NFSTREAM, str(capture)],
        missing="make the virtual environment benchmarks/data/nfstream and install nfstream in it",
    ),
    Peer(
        "Scapy PcapReader",
        "packets, nothing reassembled",
        _python(_PCAP_READER),
        sys.executable,
        limit=10_000,
    ),
    Peer(
        "Scapy TCPSession",
        "reassembled for Scapy's layers",
        _python(_TCP_SESSION),
        sys.executable,
        limit=10_000,
    ),
    Peer(
        "cat",
        "read, nothing else",
        lambda capture, out: ["sh", "-c", 'cat "$1" >/dev/null', "-", str(capture)],
    ),
)


def export_ours(capture: Path, out: Path, *arguments: str) -> list[str]:
    """Our command line, doing tcpflow's whole job."""
    return [sys.executable, "-m", "tcpflow_scapy", "-q", "-r", str(capture), "-o", str(out), *arguments]
