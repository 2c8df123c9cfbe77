"""What `tshark --export-objects http` finds, and how we have it.

Where bytes are missing, or a stream is no HTTP, or begins in the middle, tshark exports payloads of single
frames as objects of their own. Such a piece must lie in a body of ours, or in a frame without a head.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tcpflow_scapy import reassemble
from tcpflow_scapy.errors import CaptureError
from tcpflow_scapy.protocols.http import http_bodies


def objects(tshark: str, capture: Path) -> list[tuple[str, bytes]]:
    """Name and content of what tshark exports, without what is empty."""
    with tempfile.TemporaryDirectory() as folder:
        command = [tshark, "-n", "-r", str(capture), "-q", "--export-objects", f"http,{folder}"]
        subprocess.run(command, capture_output=True, timeout=120, check=False)
        found = [(path.name, path.read_bytes()) for path in sorted(Path(folder).iterdir())]
    return [(name, data) for name, data in found if data]


class Ours:
    """Our bodies, and the frames of no body."""

    def __init__(self, capture: Path) -> None:
        self.bodies: set[bytes] = set()
        self.headless: set[bytes] = set()
        try:
            flows: Any = reassemble(capture, progress=False)
        except CaptureError:
            return
        for flow in flows:
            bodies = list(http_bodies(flow, None))
            for body in bodies:
                self.bodies |= {body.message.raw_body, body.message.body}
            for stream in flow.streams:
                mine = [b.message for b in bodies if b.message.direction == stream.direction]
                heads = [(m.start, m.end) for m in mine]
                for row in stream.segments.itertuples():
                    if row.length and not any(a <= row.offset < b for a, b in heads):
                        self.headless.add(stream.read(row.offset, row.length))

    def how(self, data: bytes) -> str:
        """How we have an object of tshark's."""
        if data in self.bodies:
            return "body"
        if any(data in body for body in self.bodies):
            return "piece"
        return "headless" if data in self.headless else "missed"


def missed(tshark: str, capture: Path) -> list[str]:
    """Objects of tshark's that we do not have: name and size of each."""
    theirs = objects(tshark, capture)
    ours = Ours(capture) if theirs else None
    return [
        f"{name}, {len(data)} bytes"
        for name, data in theirs
        if ours is not None and ours.how(data) == "missed"
    ]
