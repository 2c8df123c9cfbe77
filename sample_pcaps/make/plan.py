"""What the bridge is told to do, and what it tells afterwards. Both travel as JSON between processes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """One bridge's orders. Shares are of TCP frames; a SYN is never lost, late or missed."""

    capture: str
    """path of the capture to write"""
    ledger: str
    """path of the ledger to write"""
    left: str
    """device towards the client"""
    right: str
    """device towards the server"""
    seed: int = 1
    delay_ms: float = 2.0
    """from the sender to the capture, and again from there to the receiver"""
    lost_before: float = 0.0
    """lost before the capture sees them: only the sender knows"""
    lost_behind: float = 0.0
    """lost behind the capture: captured, but the receiver never gets them"""
    late: float = 0.0
    """held back before the capture, so that later ones overtake"""
    late_ms: float = 3.0
    missed: float = 0.0
    """delivered, but not written to the capture"""
    twice: bool = False
    """each frame is captured twice, as a mirror port of a router shows it: in and out again"""
    wrap: str = "plain"
    """a name of `wrap.WRAPS`"""
    shuffle_pieces: bool = False
    """fragments of a datagram leave in any order"""
    lost_pieces: float = 0.0
    """share of fragments that are lost before the capture"""
    snaplen: int = 262_144
    nanoseconds: bool = False
    big_endian: bool = False
    start_after: int = 0
    """the capture begins once the server has sent so many bytes"""
    forge: str = ""
    """"redirect": answer the first GET with a forged redirect and hold the true answer back"""
    wrap_sequence_at: int = 0
    """rewrite sequence numbers so that the server's wrap at that stream offset"""
    others: bool = False
    """write frames without TCP as well (ARP, ICMPv6)"""
    seconds: float = 60.0
    """the bridge ends by itself after that time"""
    frames: int = 20_000
    """... and after so many frames"""

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Plan:
        """From JSON."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Row:
    """One TCP segment that passed the bridge: a line of the ledger."""

    source: str
    source_port: int
    destination: str
    destination_port: int
    seq: int
    ack: int
    flags: int
    length: int
    """payload bytes on the wire"""
    kept: int
    """payload bytes in the capture; -1 where the capture has nothing of it"""
    first_frame: int = 0
    """number of the (first) frame in the capture, from 1"""
    frames: int = 1
    forged: str = ""
    """payload in hex, where the bridge made it up"""


def write_ledger(path: Path, rows: list[Row]) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))


def read_ledger(path: Path) -> list[Row]:
    """What `write_ledger` wrote."""
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()]
