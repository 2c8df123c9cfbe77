"""Captures a port on all devices of a namespace: ``python -m make.cooked CAPTURE LEDGER PORT``.

What ``tcpdump -i any`` does: Linux cooked frames, version 2 (LINKTYPE_LINUX_SLL2), here with nanoseconds
in a pcapng file. On loopback segments are as large as the kernel makes them, and checksums are never
completed.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import time
from pathlib import Path

from .bridge import ETH_P_ALL, PACKET_OUTGOING, SO_RCVBUFFORCE
from .headers import IPV4, IPV6, parse
from .plan import Row, write_ledger
from .writer import SLL2, CaptureWriter

SECONDS = 60


def cook(packet: bytes, address: tuple[str, int, int, int, bytes], index: int) -> bytes:
    """A packet with its SLL2 header: protocol, device, hardware type, direction, sender."""
    _, protocol, direction, hardware, sender = address
    head = struct.pack(">HHIHBB8s", protocol, 0, index, hardware, direction, len(sender), sender[:8])
    return head + packet


def capture(path: Path, port: int) -> list[Row]:
    """Until stdin closes: TCP segments from or to `port`.

    Loopback shows each frame twice, going and coming: the first is left out, as libpcap does.
    """
    door = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    door.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    until = time.monotonic() + SECONDS
    rows = []
    with CaptureWriter(path, linktype=SLL2, nanoseconds=True) as writer:
        print("ready", flush=True)
        while time.monotonic() < until:
            ready, _, _ = select.select([door, sys.stdin], [], [], 0.2)
            if ready == [sys.stdin]:
                break
            if door not in ready:
                continue
            packet, address = door.recvfrom(1 << 18)
            if address[1] not in (IPV4, IPV6) or (address[0] == "lo" and address[2] == PACKET_OUTGOING):
                continue
            segment = parse(bytes(12) + struct.pack(">H", address[1]) + packet)
            if segment is None or port not in (segment.source_port, segment.destination_port):
                continue
            frame = cook(packet, address, socket.if_nametoindex(address[0]))
            number = writer.write(frame, time.time_ns())
            length = len(segment.payload)
            rows.append(Row(*segment.key, segment.seq, segment.ack, segment.flags, length, length, number))
    return rows


if __name__ == "__main__":
    write_ledger(Path(sys.argv[2]), capture(Path(sys.argv[1]), int(sys.argv[3])))
