"""The bridge between client and server: ``python -m make.bridge PLAN``, in a namespace with a device to each.

Frames come in through AF_PACKET sockets. Each waits a little, passes the capture point, waits again and
leaves on the other side, unless the `Plan` has something else in mind. What the two kernels send is
real; lost frames make them retransmit. The capture is written here, and a ledger with every TCP segment
that passed: seen or not, cut or not, forged or not. Ends when stdin closes, and in any case at the
plan's limits.
"""

from __future__ import annotations

import heapq
import random
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .forge import Forger
from .headers import ACK, SYN, Segment, parse
from .plan import Plan, Row, write_ledger
from .sequence_shift import SequenceShift
from .wrap import ROUTER_MACS, WRAPS, fragment_length
from .writer import CaptureWriter

ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33
SHORTEST = 60
"""Bytes of the shortest Ethernet frame without its checksum: shorter ones are padded on a real wire."""


@dataclass(order=True, slots=True)
class Event:
    """A frame at a place: before the capture point, or behind it."""

    due: int
    """ns, monotonic clock"""
    number: int
    up: bool = field(compare=False)
    frame: bytes = field(compare=False)
    captured: bool = field(compare=False, default=False)
    forged: bool = field(compare=False, default=False)


class Bridge:
    """Moves frames between two devices and writes what a capture in the middle would show."""

    def __init__(self, plan: Plan, writer: CaptureWriter) -> None:
        self.plan = plan
        self.writer = writer
        self.rows: list[Row] = []
        self._random = random.Random(plan.seed)
        self._sockets = {True: _open(plan.left), False: _open(plan.right)}
        self._events: list[Event] = []
        self._numbers = 0
        self._server_bytes = 0
        self._writing = plan.start_after == 0
        self._clock = time.time_ns() - time.monotonic_ns()
        self._last_time = 0
        self._forger = Forger(plan.forge)
        self._shift = SequenceShift(plan.wrap_sequence_at)

    def run(self) -> None:
        """Until stdin closes or a limit is reached; frames under way still arrive."""
        until = time.monotonic() + self.plan.seconds
        stopping = False
        while time.monotonic() < until and self._numbers < self.plan.frames:
            if stopping and not self._events:
                break
            wait = max(0.0, (self._events[0].due - time.monotonic_ns()) / 1e9) if self._events else 0.2
            doors: list[Any] = [*self._sockets.values(), *([] if stopping else [sys.stdin])]
            ready, _, _ = select.select(doors, [], [], min(wait, 0.2))
            stopping = stopping or sys.stdin in ready
            for up, door in self._sockets.items():
                if door in ready:
                    self._receive(up)
            while self._events and self._events[0].due <= time.monotonic_ns():
                self._pass_on(heapq.heappop(self._events))

    def _receive(self, up: bool) -> None:
        frame, address = self._sockets[up].recvfrom(65_535)
        if address[2] == PACKET_OUTGOING:
            return
        segment = parse(frame)
        if segment:
            segment, frame = self._shift.before_capture(segment, frame, up)
        plan = self.plan
        if segment and not segment.flags & SYN and self._chance(plan.lost_before):
            self._note(segment, -1, 0)
            return
        delay = plan.delay_ms + (self._forger.hold_ms(segment, up) if segment else 0.0)
        if segment and segment.payload and self._chance(plan.late):
            delay += plan.late_ms
        self._push(delay, up, frame)

    def _pass_on(self, event: Event) -> None:
        plan = self.plan
        if event.captured:
            frame = event.frame
            if plan.wrap_sequence_at:
                frame = self._shift.behind_capture(frame, event.up)
            self._sockets[not event.up].send(frame)
            return
        segment = parse(event.frame)
        pieces = [piece.ljust(SHORTEST, b"\0") for piece in WRAPS[plan.wrap](event.frame, event.up)]
        pieces, kept = self._lose_pieces(pieces, segment)
        self._capture(event, segment, pieces, kept)
        if segment and (answer := self._forger.answer(segment, event.up)):
            self._push(0.4, not event.up, answer, forged=True)
        if segment and not segment.flags & SYN and not event.forged and self._chance(plan.lost_behind):
            return
        for piece in pieces if plan.wrap == "fragments" else [event.frame]:
            self._push(plan.delay_ms, event.up, piece, captured=True)

    def _lose_pieces(self, pieces: list[bytes], segment: Segment | None) -> tuple[list[bytes], int]:
        """Those that arrive, in any order if the plan says so, and how much payload they show.

        Of an incomplete datagram only what follows the TCP header without a hole can be told; -1 is nothing.
        """
        if segment is None:
            return pieces, 0
        lost = [len(pieces) > 1 and self._chance(self.plan.lost_pieces) for _ in pieces]
        kept = len(segment.payload)
        if any(lost):
            shown = sum(fragment_length(piece) for piece in pieces[: lost.index(True)])
            kept = max(-1, shown - 20 - len(segment.options))
        pieces = [piece for piece, gone in zip(pieces, lost, strict=True) if not gone]
        if self.plan.shuffle_pieces:
            self._random.shuffle(pieces)
        return pieces, kept

    def _capture(self, event: Event, segment: Segment | None, pieces: list[bytes], kept: int) -> None:
        plan = self.plan
        if segment is None:
            if plan.others and self._writing:
                self.writer.write(pieces[0], self._now())
            return
        if not self._writing and not event.up:
            self._server_bytes += len(segment.payload)
            self._writing = self._server_bytes >= plan.start_after
        if not self._writing or (not segment.flags & SYN and self._chance(plan.missed)):
            self._note(segment, -1, 0, event.forged)
            return
        first = self.writer.frames + 1
        for piece in pieces:
            self.writer.write(piece, self._now())
        if plan.twice:
            self.writer.write(self._routed(pieces[0], event.up), self._now(15_000))
        if plan.wrap == "plain":
            kept = max(0, min(kept, plan.snaplen - segment.header_length))
        self._note(segment, kept, first, event.forged)

    def _routed(self, frame: bytes, up: bool) -> bytes:
        """The copy on its way out: every third one behind the router, one hop less to live."""
        segment = parse(frame)
        if segment is None or self._random.random() < 0.67:
            return frame
        ether = ROUTER_MACS[not up] + ROUTER_MACS[up] + frame[12:14]
        at = 8 if len(segment.ip) < 40 else 7
        ip = segment.ip[:at] + bytes([segment.ip[at] - 1]) + segment.ip[at + 1 :]
        return segment.frame(ether=ether, ip=ip)

    def _note(self, segment: Segment, kept: int, first: int, forged: bool = False) -> None:
        self.rows.append(
            Row(
                *segment.key,
                segment.seq,
                segment.ack if segment.flags & ACK else 0,
                segment.flags,
                len(segment.payload),
                kept,
                first,
                self.writer.frames + 1 - first if first else 0,
                segment.payload.hex() if forged else "",
            )
        )

    def _push(
        self, delay_ms: float, up: bool, frame: bytes, captured: bool = False, forged: bool = False
    ) -> None:
        self._numbers += 1
        due = time.monotonic_ns() + int(delay_ms * 1e6)
        heapq.heappush(self._events, Event(due, self._numbers, up, frame, captured, forged))

    def _chance(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    def _now(self, later: int = 0) -> int:
        """Wall clock, ns; strictly growing within the capture."""
        self._last_time = max(self._last_time + 1_000, self._clock + time.monotonic_ns() + later)
        return self._last_time


def _open(device: str) -> socket.socket:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    packets.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    packets.bind((device, ETH_P_ALL))
    return packets


def main() -> None:
    """Command line: the plan as JSON."""
    plan = Plan.load(sys.argv[1])
    with CaptureWriter(
        Path(plan.capture),
        snaplen=plan.snaplen,
        nanoseconds=plan.nanoseconds,
        big_endian=plan.big_endian,
    ) as writer:
        bridge = Bridge(plan, writer)
        print("ready", flush=True)
        bridge.run()
    write_ledger(Path(plan.ledger), bridge.rows)


if __name__ == "__main__":
    main()
