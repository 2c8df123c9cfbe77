"""What functions import is imported before rights are given up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import sys
from tcpflow_scapy.live.preload import preload
preload()
before = set(sys.modules)
from tcpflow_scapy.cli import main
code = main(["-r", sys.argv[1], "-a", "-x", "netviz", "-I", "-o", sys.argv[2]])
print(code, sorted(set(sys.modules) - before))
"""


def test_a_whole_run_needs_nothing_more(tmp_path: Path, sample_pcaps: Path) -> None:
    words = [str(sample_pcaps / "http_ipv4.pcap"), str(tmp_path / "out")]
    found = subprocess.run(
        [sys.executable, "-c", CODE, *words],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert found.stdout.splitlines()[-1] == "0 []", found.stderr
