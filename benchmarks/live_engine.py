"""Private memory and work of the live engine over many flows.

    python benchmarks/live_engine.py [--flows 1000000] [--an-hour 100000] [--reuse 0] [--listen] [--files]

A spool grows by a thousand short flows at a time; each has 12 packets and 5,000 bytes, as a small
page over HTTP.
Printed are flows so far, private memory (anonymous pages, MiB), all of resident memory, pairs held in memory,
and processor time for each packet and each flow since the line before.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tcpflow_scapy.live.engine import Engine
from tcpflow_scapy.live.flow_files import FlowFiles
from tests.helpers.traffic import Capture, Conversation

CHUNK = 1000
"""Flows written at a time."""

START = 1_700_000_000_000_000_000


def template() -> list[bytes]:
    """The blocks of one flow, the header blocks of the file first."""
    talk = Conversation("10.0.0.1:1024", "192.168.0.1:80")
    talk.handshake()
    talk.client(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n".ljust(400, b"x"))
    for part in range(4):
        talk.server(bytes([65 + part]) * 1150)
    talk.ack("client")
    talk.close()
    blob = Capture(*talk.frames).to_bytes("pcapng", ns=True)
    found, at = [], 0
    while at < len(blob):
        length = int.from_bytes(blob[at + 4 : at + 8], "little")
        found.append(blob[at : at + length])
        at += length
    return found


class Traffic:
    """Flows by the thousand, all with endpoints of their own until `reuse` of them were made."""

    def __init__(self, rate: float, reuse: int) -> None:
        blocks = template()
        self.header = b"".join(blocks[:2])
        self._packets = [np.frombuffer(block, np.uint8) for block in blocks[2:]]
        self._between = 1e9 / rate
        self._reuse = reuse
        self._made = 0

    @property
    def packets(self) -> int:
        """Packets of a flow."""
        return len(self._packets)

    def chunk(self) -> bytes:
        """The next thousand flows, in order of time."""
        number = np.arange(self._made, self._made + CHUNK)
        self._made += CHUNK
        client = number % self._reuse if self._reuse else number
        # Distinct ISNs where endpoints come again.
        isn = (number * 2_654_435_761 % (1 << 31)).astype(">u4")
        rows, times = [], []
        for place, packet in enumerate(self._packets):
            block = np.tile(packet, (CHUNK, 1))
            when = START + (number * self._between).astype(np.int64) + place * 20_000_000
            block[:, 12:16] = (when >> 32).astype("<u4").view(np.uint8).reshape(-1, 4)
            block[:, 16:20] = (when & 0xFFFFFFFF).astype("<u4").view(np.uint8).reshape(-1, 4)
            outward = packet[28 + 26] == 10
            address, port = (54, 62) if outward else (58, 64)
            block[:, address + 1 : address + 4] = (
                (client // 50_000).astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:]
            )
            block[:, port : port + 2] = (client % 50_000 + 10_000).astype(">u2").view(np.uint8).reshape(-1, 2)
            for at in (66, 70):
                field = packet[at : at + 4].view(">u4")[0].astype(np.int64)
                if field:
                    moved = ((field + isn.astype(np.int64)) & 0xFFFFFFFF).astype(">u4")
                    block[:, at : at + 4] = moved.view(np.uint8).reshape(-1, 4)
            rows += [row.tobytes() for row in block]
            times.append(when)
        order = np.argsort(np.concatenate(times), kind="stable")
        return b"".join([rows[i] for i in order.tolist()])


def memory() -> tuple[float, float]:
    """Anonymous and resident memory of this process, MiB."""
    found = {}
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]:
        name, value, *_ = line.split()
        found[name.rstrip(":")] = int(value) / 1024
    return found["Anonymous"], found["Rss"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1_000_000)
    parser.add_argument("--an-hour", type=int, default=100_000)
    parser.add_argument("--reuse", type=int, default=0, help="endpoints that are used again and again")
    parser.add_argument("--listen", action="store_true", help="someone wants growing flows")
    parser.add_argument("--files", action="store_true", help="flow files are kept up to date")
    chosen = parser.parse_args()
    traffic = Traffic(chosen.an_hour / 3600, chosen.reuse)
    with tempfile.TemporaryDirectory() as folder:
        spool = Path(folder) / "spool.pcapng"
        spool.write_bytes(traffic.header)
        engine = Engine(lambda: [spool], folder=folder)
        if chosen.listen:
            engine.listen(lambda look: None)
        if chosen.files:
            FlowFiles(engine, Path(folder) / "files", folder=folder)
        run(engine, traffic, spool, chosen.flows)


def run(engine: Engine, traffic: Traffic, spool: Path, flows: int) -> None:
    """Grow and advance; print a line now and then."""
    print("    flows    closed  private resident     hot us/packet  us/flow")
    closed, used, since = 0, 0.0, 0
    for made in range(CHUNK, flows + CHUNK, CHUNK):
        with spool.open("ab") as file:
            file.write(traffic.chunk())
            file.flush()
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_NORMAL)
        begin = time.process_time()
        engine.advance()
        used += time.process_time() - begin
        closed += len(engine.closed)
        engine.closed.clear()
        if made - since >= flows // 20:
            private, resident = memory()
            each = used / (made - since) * 1e6
            print(
                f"{made:>9} {closed:>9} {private:>8.0f} {resident:>8.0f} {engine.hot:>7} "
                f"{each / traffic.packets:>9.2f} {each:>8.0f}",
                flush=True,
            )
            used, since = 0.0, made
    engine.end()
    print(f"at the end {closed + len(engine.closed)} flows, private {memory()[0]:.0f} MiB")


if __name__ == "__main__":
    main()
