"""Clocks that contradict the traffic: data cannot be acknowledged before they are sent.

Where two taps captured one direction each, their clocks may differ by more than a round trip takes. The times
of the capture are left as they are; this says by how much they are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.info import Problem
from tcpflow_scapy.capture.store import ADDRESS_SHIFT
from tcpflow_scapy.decode.packets import ACK, RST, SYN
from tcpflow_scapy.flows.frames import packet_offsets
from tcpflow_scapy.reassembly.sequence import distances
from tcpflow_scapy.reassembly.tables import SegmentClass
from tcpflow_scapy.render.quantity import duration

if TYPE_CHECKING:
    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]

_FLOWS = 256
"""Flows looked at, spread over the capture: a clock that is wrong is wrong everywhere."""
_PACKETS = 2000
"""Packets of each direction looked at."""
_SHARE = 0.2
"""Of all samples, and of all flows: what is rarer has other reasons, such as a first copy that was lost."""
_FIRST = (SegmentClass.SYN, SegmentClass.NEW)


@dataclass(frozen=True, slots=True)
class _Skew:
    """What one flow says."""

    taps: tuple[tuple[int, int], tuple[int, int]]
    """source and interface of the client's and of the server's packets"""
    offset: int
    """ns: about how much the clock of the server's packets is ahead"""
    frame: int
    """1-based: an acknowledgment that came before what it acknowledges; 0 where none did"""


def clock_problems(evidence: Evidence) -> list[Problem]:
    """One for each pair of taps whose clocks contradict the acknowledgments."""
    flows = len(evidence.reassembly.connections)
    chosen = np.unique(np.linspace(0, flows - 1, min(flows, _FLOWS)).astype(np.int64)).tolist()
    skews = [skew for flow in chosen if (skew := _skew(evidence, flow)) is not None]
    pairs: dict[frozenset[tuple[int, int]], list[_Skew]] = {}
    for skew in skews:
        pairs.setdefault(frozenset(skew.taps), []).append(skew)
    found = [_problem(evidence, some) for some in pairs.values()]
    return [problem for problem in found if problem is not None]


def _problem(evidence: Evidence, skews: list[_Skew]) -> Problem | None:
    wrong = [skew for skew in skews if skew.frame]
    if len(wrong) <= _SHARE * len(skews):
        return None
    first = min(skew.taps for skew in wrong)
    ahead = [skew.offset if skew.taps == first else -skew.offset for skew in wrong]
    offset = int(np.median(ahead))
    one, two = (_tap(evidence, *tap) for tap in first)
    about = duration(abs(offset) / 1e9)
    if one == two:
        where = f"the packets of {one} were stamped by clocks that differ by about {about}"
    else:
        where = f"the clock of {two} is about {about} {'ahead of' if offset > 0 else 'behind'} that of {one}"
    many = f"{len(wrong):,} of {len(skews):,} flows" if len(skews) > 1 else "the flow"
    message = f"{where}: in {many} looked at, data were acknowledged before the time at which they were sent"
    frame = min(skew.frame for skew in wrong)
    return Problem("clock", message, evidence.store.name(first[0][0] << ADDRESS_SHIFT), frame)


def _tap(evidence: Evidence, source: int, interface: int) -> str:
    """What a tap is called: by its interface, or by its file."""
    info = evidence.info
    known = evidence.frames.interface is not None and 0 <= interface < len(info.interfaces)
    name = info.interfaces[interface].name if known else ""
    path = evidence.store.name(source << ADDRESS_SHIFT)
    if len(info.paths) > 1:
        return f"{path} ({name})" if name else path
    return name or (f"interface {interface}" if len(info.interfaces) > 1 else path)


def _skew(evidence: Evidence, flow: int) -> _Skew | None:
    """None where nothing was acknowledged whose time is known."""
    sides = [_delays(evidence, 2 * flow + side) for side in (0, 1)]
    delays = [delay for delay, _ in sides]
    every = np.concatenate(delays)
    if not len(every):
        return None
    shortest = [int(np.quantile(x, 0.1)) if len(x) else None for x in delays]
    there, back = shortest
    if there is None or back is None:
        offset = there if there is not None else -(back or 0)
    else:
        offset = (there - back) // 2
    frames = np.concatenate([frame for _, frame in sides])
    late = every < 0
    frame = int(frames[late].min()) if late.sum() > _SHARE * len(every) else 0
    return _Skew((_tap_of(evidence, 2 * flow), _tap_of(evidence, 2 * flow + 1)), offset, frame)


def _tap_of(evidence: Evidence, stream: int) -> tuple[int, int]:
    """Source and interface of the first packet of a stream that sent something."""
    found, frames = evidence.reassembly, evidence.frames
    frame = int(evidence.packets.frame[found.order[found.streams.packet_start[stream]]])
    interface = 0 if frames.interface is None else int(frames.interface[frame])
    return int(frames.address[frame]) >> ADDRESS_SHIFT, interface


def _delays(evidence: Evidence, stream: int) -> tuple[Array, Array]:
    """From data of a stream, sent once, to the earliest acknowledgment of them: ns, and the frame of that."""
    found, packets = evidence.reassembly, evidence.packets
    none = np.empty(0, np.int64), np.empty(0, np.int64)
    starts = found.streams.packet_start
    if stream in found.unwrapped:
        return none
    rows = np.arange(starts[stream], min(starts[stream] + _PACKETS, starts[stream + 1]))
    peers = found.order[starts[stream ^ 1] : min(starts[stream ^ 1] + _PACKETS, starts[(stream ^ 1) + 1])]
    peers = peers[(packets.flags[peers] & (ACK | RST)) == ACK]
    peers = peers[evidence.times[peers] != NO_TIME]
    sent = found.order[rows]
    # One byte may be a keep-alive's, which was acknowledged long ago.
    takes = (packets.wire_length[sent] > 1) | ((packets.flags[sent] & SYN) != 0)
    takes &= np.isin(found.segment_class[rows], _FIRST) & (evidence.times[sent] != NO_TIME)
    rows, sent = rows[takes], sent[takes]
    if not len(rows) or not len(peers):
        return none
    end = packet_offsets(evidence, rows, np.full(len(rows), stream)) + packets.wire_length[sent]
    heard = distances(packets.acknowledgment[peers], found.streams.base[stream : stream + 1])
    believed = heard <= found.streams.acknowledged[stream]
    peers, heard = peers[believed], heard[believed]
    # The earliest of all acknowledgments that reach as far.
    order = np.argsort(heard, kind="stable")
    when = evidence.times[peers[order]]
    earliest = np.minimum.accumulate(when[::-1])[::-1]
    answer = np.searchsorted(heard[order], end)
    answered = answer < len(order)
    answer, sent = answer[answered], sent[answered]
    delay = earliest[answer] - evidence.times[sent]
    return delay, packets.frame[sent].astype(np.int64) + 1
