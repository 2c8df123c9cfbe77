"""tcpflow 1.6.1 as a model: which files it writes, byte for byte, and which of its faults took part.

It says what the real program does, fault for fault; a difference between the two programs is explained only
if this model gives the real one's files exactly and a fault of the list took part in them. Each fault can be
mended alone (`mended`), so that its part in a difference can be shown: what mending it changes.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from .tcpflow_flows import Event, File, Key, Record, Slot, default_name
from .tcpflow_frames import ACK, FIN, RST, SYN, Segment

RING = 101
"""Closed flows that are remembered"""
MODULUS = 1 << 32
FARTHEST = 1 << 26
"""Jumps that end a flow whatever comes later, with far numbers done right: what no test closes again"""
LARGEST = 1 << 30
"""No file of the model gets larger."""


@dataclass
class Model:
    """One run.

    Parameters
    ----------
    mended : set of str
        Kinds of faults that are done right.
    max_gap, max_bytes, timeout, console
        -m, -b, -S tcp_timeout, -c.
    """

    mended: frozenset[str] = frozenset()
    max_gap: int = 16 << 20
    max_bytes: int | None = None
    timeout: int = 0
    console: bool = False
    taken: set[str] = field(default_factory=set)
    """names of files that lie there already"""
    files: list[File] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    events: dict[Key, list[Event]] = field(default_factory=dict)
    ignored: dict[int, str] = field(default_factory=dict)
    """frames that count for no flow, and why"""
    unprocessed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._open: dict[Slot, File] = {}
        self._ring: OrderedDict[int, File] = OrderedDict()
        self._closed: dict[Slot, File] = {}
        self._by: dict[Slot, str] = {}
        self._last: dict[Slot, int] = {}
        self._sessions = 0

    def run(self, segments: Iterable[Segment], ticks: Iterable[tuple[int, int]] = ()) -> Model:
        """Take all segments; `ticks` are other packets, by frame and second, which let time pass."""
        waiting = list(ticks)
        for segment in segments:
            while self.timeout and waiting and waiting[0][0] < segment.frame:
                self._expire(*waiting.pop(0))
            if self.timeout and "timeout" in self.mended:
                self._idle(segment)
            self._take(segment)
            if self.timeout:
                self._expire(segment.frame, segment.time[0])
        if "far" in self.mended:
            self._split_at_holes()
        return self

    def _note(self, kind: str, segment: Segment, what: str = "") -> None:
        self.events.setdefault(segment.key, []).append(Event(kind, segment.frame, what))

    def _ignore(self, segment: Segment, why: str) -> None:
        self.ignored[segment.frame] = why

    def _slot(self, segment: Segment, reverse: bool = False) -> Slot:
        source, destination, sport, dport = segment.key
        key = (destination, source, dport, sport) if reverse else segment.key
        return key, segment.vlan if "vlan_merged" in self.mended else None

    def _payload(self, segment: Segment) -> bytes:
        extra = len(segment.payload) - max(segment.true_length, 0)
        if extra > 0:
            memory = len(segment.source) == 16
            kind = "memory" if memory else "padding"
            self._note(kind, segment, f"{extra} bytes")
            if kind in self.mended:
                return segment.payload[: max(segment.true_length, 0)]
        return segment.payload

    def _take(self, segment: Segment) -> None:
        flags = segment.flags
        if segment.data_offset < 20:
            self._note("data_offset", segment, f"a TCP header of {segment.data_offset} bytes")
            if "data_offset" in self.mended:
                return
        payload = self._payload(segment)
        if flags & RST and payload:
            self._note("reset_payload", segment, f"{len(payload)} bytes")
            if "reset_payload" in self.mended:
                payload = b""
        flow = self._open.get(self._slot(segment))
        syn = bool(flags & SYN)
        if syn and flow is not None:
            told = self._syn(flow, segment)
            if told == "ignored":
                return
            if told == "closed":
                flow = None
        if flow is None and not payload and (flags & (FIN | RST) or not flags & (SYN | ACK)):
            self._ignore(segment, "no flow is open")
            return
        if flow is None and payload and self._is_old(segment, payload):
            self._ignore(segment, "the same bytes are in a closed file")
            return
        delta = _signed(segment.sequence - flow.nsn) if flow is not None else 0
        # The smallest number has no positive counterpart: tcpflow's abs() leaves it negative.
        is_far = abs(delta) > self.max_gap and delta != -(1 << 31)
        if flow is not None and is_far and self._splits(segment, payload, delta):
            self._close(flow, "far")
            flow, delta = None, 0
        if flow is None:
            if not syn and not payload:
                self._ignore(segment, "no flow is open")
                return
            flow = self._new(segment)
            if syn and payload:
                delta = 0
        self._count(flow, segment, payload)
        if payload:
            if self.console:
                record = Record(
                    segment.frame, default_name(flow), payload, segment.true_length, flow.from_client
                )
                self.records.append(record)
            else:
                self._store(flow, segment, payload, delta)
        self._end(flow, segment, payload)

    def _syn(self, flow: File, segment: Segment) -> str:
        """A SYN of an open flow."""
        ahead = _signed(segment.sequence - flow.isn)
        if flow.syns and flow.pos:
            if ahead:
                self._note("reuse", segment, f"SYN with another ISN, {ahead} away")
            if ahead and "reuse" in self.mended:
                self._close(flow, "reuse")
                return "closed"
            self._ignore(segment, "SYN of an open flow")
            self.unprocessed.append(segment.frame)
            return "ignored"
        if not ahead:
            return ""
        if not flow.syns and -self.max_gap <= ahead < 0:
            self._note("late_syn", segment, f"its ISN is {-ahead} before that of the first segment seen")
            if "late_syn" in self.mended and not self.console:
                self._insert(flow, segment, -ahead, 0)
                flow.backwards -= 1
                flow.seen = []
            return ""
        self._note("reuse", segment, f"SYN with another ISN, {ahead} away")
        if "reuse" in self.mended:
            self._close(flow, "reuse")
            return "closed"
        return ""

    def _splits(self, segment: Segment, payload: bytes, delta: int) -> bool:
        """Whether a far number ends the flow. Done right it does so only for data, and if nothing that comes
        later closes the jump, which is known at the end."""
        self._note("far", segment, f"{delta} from what was expected")
        return "far" not in self.mended or (bool(payload) and delta > FARTHEST)

    def _split_at_holes(self) -> None:
        """With far numbers done right: a new file behind each hole that stayed too large."""
        hole = re.compile(rb"\0{%d,}" % (self.max_gap + 1))
        for file in [f for f in self.files if f.name]:
            start, pieces = 0, []
            for found in hole.finditer(file.known):
                pieces.append((start, found.start()))
                start = found.end()
            whole, name = file.data, file.name
            for number, (low, high) in enumerate([*pieces, (start, len(whole))]):
                part = file if number == 0 else replace(file, name=f"{name}+{number}")
                part.data = whole[low:high]
                if number:
                    self.files.append(part)

    def _is_old(self, segment: Segment, payload: bytes) -> bool:
        old = self._closed.get(self._slot(segment))
        if old is None or not old.name or self._by.get(self._slot(segment)) == "idle":
            return False
        at = (segment.sequence - old.isn - 1) % MODULUS
        # A read at the end gives fewer bytes than asked for.
        return bytes(old.data[at : at + len(payload)]) == payload

    def _new(self, segment: Segment) -> File:
        syn = bool(segment.flags & SYN)
        isn = segment.sequence if syn else (segment.sequence - 1) % MODULUS
        reverse = self._open.get(self._slot(segment, reverse=True))
        if reverse is None:
            self._sessions += 1
        session = reverse.session if reverse else self._sessions - 1
        flow = File(segment.key, isn, segment, len(self.files), session)
        flow.nsn = (isn + 1) % MODULUS
        self.files.append(flow)
        closed_by = self._by.pop(self._slot(segment), None)
        if closed_by in ("fin", "reset", "far"):
            old = self._closed.get(self._slot(segment))
            if not syn or (old is not None and old.isn == isn):
                # No new connection began: the closing was wrong, or what came after it is.
                self._note(f"closed_by_{closed_by}", segment, f"new file after {closed_by}")
        flow.slot = self._slot(segment)
        self._open[flow.slot] = flow
        return flow

    def _count(self, flow: File, segment: Segment, payload: bytes) -> None:
        flow.last = segment.time
        flow.packets += 1
        flow.wire += segment.wirelen
        flow.caplen += segment.caplen
        if segment.vlan != flow.first.vlan:
            self._note("vlan_merged", segment, f"VLAN {segment.vlan}, the file is of {flow.first.vlan}")
        if segment.flags & SYN:
            flow.syns += 1
            flow.from_client |= not segment.flags & ACK
            if payload:
                flow.violations += 1

    def _store(self, flow: File, segment: Segment, payload: bytes, delta: int) -> None:
        offset = flow.pos + delta
        inserted = 0
        if offset < 0:
            if flow.syns:
                trimmed = "before_isn" in self.mended and -offset < len(payload)
                flow.violations += 1
                self._note("before_isn", segment, f"{-offset} bytes before the first")
                if not trimmed:
                    return
                payload, delta, offset = payload[-offset:], delta - offset, 0
            else:
                inserted, offset = -offset, 0
        stored = payload
        if self.max_bytes is not None:
            stored = payload[: max(self.max_bytes - offset, 0)]
        if not flow.name:
            self._name(flow)
        if inserted:
            self._insert(flow, segment, inserted, len(payload))
        elif offset != flow.pos:
            if delta == -1 and len(payload) == 1:
                return  # a keep-alive
            if delta < 0:
                flow.backwards += 1
            flow.pos += delta
            flow.nsn = (flow.nsn + delta) % MODULUS
        self._write(flow, segment, flow.pos, stored)
        flow.index.append((flow.pos, segment, len(stored)))
        if flow.seen is not None:
            flow.seen = _joined([*flow.seen, (flow.pos, flow.pos + len(payload))])
        flow.pos += len(payload)
        flow.nsn = (flow.nsn + len(payload)) % MODULUS
        flow.last_byte = max(flow.last_byte, flow.pos)

    def _insert(self, flow: File, segment: Segment, size: int, length: int) -> None:
        """Room at the front: what was there stays where nothing new is written."""
        stale = bytes(flow.data[:size])
        if length < size and any(stale[length:]):
            self._note("stale", segment, f"{size - length} bytes")
        if "stale" in self.mended:
            stale = b""
        flow.data[:0] = stale.ljust(size, b"\0")
        if self.max_bytes is not None and len(flow.data) > self.max_bytes:
            self._note("limit", segment, f"{len(flow.data)} bytes after what came late was put in front")
            if "limit" in self.mended:
                del flow.data[self.max_bytes :]
        flow.known[:0] = bytes(size)
        flow.unknown = [(a + size, b + size) for a, b in flow.unknown]
        flow.isn = (flow.isn - size) % MODULUS
        flow.pos, flow.nsn = 0, (flow.isn + 1) % MODULUS
        flow.backwards += 1
        flow.seen = None

    def _write(self, flow: File, segment: Segment, at: int, payload: bytes) -> None:
        end = at + len(payload)
        if not payload or end > LARGEST:
            return
        if end > len(flow.data):
            missing = end - len(flow.data)
            flow.data += bytes(missing)
            flow.known += bytes(missing)
        old = bytes(flow.data[at:end])
        if old != payload:
            mask = flow.known[at:end]
            changed = [i for i, k in enumerate(mask) if k and old[i] != payload[i]] if any(mask) else []
            if changed:
                self._note("overwrite", segment, f"{len(changed)} bytes at {at + changed[0]}")
                if "overwrite" in self.mended:
                    payload = bytes(o if k else p for o, p, k in zip(old, payload, mask, strict=True))
        flow.data[at:end] = payload
        flow.known[at:end] = b"\1" * len(payload)
        flow.unknown = _without(flow.unknown, at, end)
        if len(segment.source) == 16 and len(payload) > segment.true_length:
            flow.unknown.append((at + segment.true_length, end))

    def _end(self, flow: File, segment: Segment, payload: bytes) -> None:
        if segment.flags & FIN:
            flow.fins += 1
            if flow.fins == 1:
                flow.fin_size = (segment.sequence + len(payload) - flow.isn - 1) % MODULUS
        if segment.flags & RST:
            if "closed_by_reset" not in self.mended:
                self._close(flow, "reset")
            return
        if self.console:
            return
        if flow.fins and flow.seen_bytes() == flow.fin_size and "closed_by_fin" not in self.mended:
            self._close(flow, "fin")

    def _close(self, flow: File, by: str) -> None:
        del self._open[flow.slot]
        if len(self._ring) >= RING:
            _, oldest = self._ring.popitem(last=False)
            self._closed.pop(oldest.slot, None)
        self._ring[flow.number] = flow
        self._closed[flow.slot] = flow
        self._by[flow.slot] = by

    def _expire(self, frame: int, second: int) -> None:
        """tcpflow's timeout: each direction by itself, whole seconds, and a clock that runs backwards
        closes everything."""
        if "timeout" in self.mended:
            return
        for flow in list(self._open.values()):
            idle = second - flow.last[0]
            if idle % (1 << 64) > self.timeout:
                event = Event("timeout", frame, f"{idle} s after the direction's last packet")
                self.events.setdefault(flow.key, []).append(event)
                self._close(flow, "timeout")

    def _idle(self, segment: Segment) -> None:
        """The timeout done right: idleness of the connection, in both directions."""
        slots = self._slot(segment), self._slot(segment, reverse=True)
        now = segment.time[0] * 1_000_000 + segment.time[1]
        last = max((self._last[slot] for slot in slots if slot in self._last), default=now)
        if now - last > self.timeout * 1_000_000:
            for slot in slots:
                if slot in self._open:
                    event = Event("timeout", segment.frame, f"{(now - last) / 1e6:.6f} s of idleness")
                    self.events.setdefault(slot[0], []).append(event)
                    self._close(self._open[slot], "idle")
        self._last[slots[0]] = now

    def _name(self, flow: File) -> None:
        plain, count = default_name(flow), 0
        while (name := f"{plain}c{count}" if count else plain) in self.taken:
            count += 1
        self.taken.add(name)
        flow.name, flow.count, flow.named_at = name, count, len(self.taken)

    def named(self) -> dict[str, File]:
        """Files by their names."""
        return {flow.name: flow for flow in self.files if flow.name}


def _signed(number: int) -> int:
    number %= MODULUS
    return number - MODULUS if number >= 1 << 31 else number


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def _without(ranges: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    out = []
    for a, b in ranges:
        out += [piece for piece in ((a, min(b, start)), (max(a, end), b)) if piece[0] < piece[1]]
    return out
