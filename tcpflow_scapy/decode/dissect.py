"""Frame by frame through Scapy's dissector: slow, and knows almost everything.

Scapy only has to find where the innermost IP header lies. From there the packet goes on through the
columnar layers, so that lengths, fragments and checksums mean the same for every road.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import FrameBatch

from .encapsulation import NOWHERE, Label
from .ip import ipv4, ipv6
from .ip.tcp import tcp
from .layers import Items, Layer
from .link import ethernet
from .reasons import Reason
from .run import Run
from .tunnel import vlan

Array = np.ndarray[Any, np.dtype[Any]]

HEAD = 2048
"""Bytes of a frame that Scapy sees: headers, not payload."""

MAX_LAYERS = 64

MIN_FOUND = 20
"""Bytes of a layer that are looked for in the frame where its place is not known"""

_LABELS = {"Ether": ethernet.LABEL, "IP": ipv4.LABEL, "IPv6": ipv6.LABEL}
_TAGS = {"Dot1Q": vlan.LABEL, "Dot1AD": vlan.LABEL}
_SILENT = {"Raw", "Padding", "TCP", "UDP", "NoPayload"}
_REASONS = {"ARP": Reason.ARP}


def dissect_frames(run: Run, batch: FrameBatch, unit: Array) -> None:
    """Find the IP header of frames, and put them in front of the layer for it.

    Parameters
    ----------
    run : Run
        Gets the packets; frames without IP get their reason.
    batch : FrameBatch
        Where the frames are.
    unit : ndarray of int
        Which of them.
    """
    found: dict[Layer, list[tuple[int, ...]]] = {}
    classes: dict[int, Any] = {}
    for number in unit.tolist():
        linktype = int(batch.linktype[number])
        if linktype not in classes:
            classes[linktype] = _link_class(linktype)
        if classes[linktype] is None:
            run.reason[number] = Reason.UNKNOWN_LINKTYPE
            continue
        start = int(batch.position[number])
        size = int(batch.caplen[number])
        frame = batch.memory[start : start + min(size, HEAD)].tobytes()
        with _quiet():
            hit = _locate(run, classes[linktype], frame)
        if isinstance(hit, Reason):
            run.reason[number] = hit
            continue
        wire = start + max(int(batch.wirelen[number]), size)
        if hit.length and len(frame) == size and start + size == wire:
            wire = start + hit.offset + hit.length
        row = (number, start + hit.offset, start + size, wire, hit.state, *hit.addresses)
        found.setdefault(hit.layer, []).append(row)
    dtypes = (np.int64, np.int64, np.int64, np.int64, np.int32, np.uint64, np.uint64)
    for layer, rows in found.items():
        columns = zip(*rows, strict=True)
        run.forward(layer, Items(*(np.array(c, t) for c, t in zip(columns, dtypes, strict=True))))


@contextmanager
def _quiet() -> Iterator[None]:
    """Scapy tells a person at its own prompt what it thinks of a frame; here nobody asked."""
    log = logging.getLogger("scapy.runtime")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _link_class(linktype: int) -> Any:
    """Scapy's class for a link type, None if it has none."""
    import scapy.layers.all  # noqa: F401  (fills the registry)
    from scapy.config import conf

    return conf.l2types.num2layer.get(linktype)


@dataclass(frozen=True, slots=True)
class _Hit:
    """Where to go on by column."""

    layer: Layer
    offset: int
    state: int
    length: int = 0
    """bytes of the TCP segment, where its IP header does not stand in the frame to say it"""
    addresses: tuple[int, int] = (0, 0)
    """address codes, likewise"""


def _locate(run: Run, link: Any, frame: bytes) -> _Hit | Reason:
    """Where the innermost IP header lies (or TCP, where IP is compressed), or why there is none."""
    try:
        return _choose(run, _walk(link(frame), frame))
    except Exception:  # Scapy's dissectors raise anything on damaged bytes.
        return Reason.MALFORMED


def _choose(run: Run, layers: Iterator[tuple[str, Any, int]]) -> _Hit | Reason:
    states = run.context.states
    state, hit, tunnelled = NOWHERE, None, False
    reason = Reason.OTHER_ETHERTYPE
    addresses = (0, 0)
    for name, packet, offset in layers:
        if name in ("IP", "IPv6"):
            addresses = _addresses(run, packet)
            if offset >= 0:
                hit = _Hit(ipv4.ip, offset, state)
        elif name == "TCP" and offset >= 0 and hit is None:
            hit = _Hit(tcp, offset, state, len(packet.original), addresses)
        reason = _REASONS.get(name, reason)
        if name in _TAGS:
            state = int(states.extend(np.array([state], np.int32), _TAGS[name], np.array([packet.vlan]))[0])
        elif name not in _SILENT:
            label = _LABELS.get(name) or _label(name.lower(), tunnelled)
            state = states.child(state, label)
        tunnelled = tunnelled or name in ("IP", "IPv6")
    return hit or reason


@cache
def _label(name: str, tunnelled: bool) -> Label:
    return Label(name, key="name" if tunnelled else "")


def _walk(packet: Any, frame: bytes) -> Iterator[tuple[str, Any, int]]:
    """(class name, layer, its offset in the frame or -1), from the outside in; quotations left out."""
    offset = 0
    for _ in range(MAX_LAYERS):
        name = type(packet).__name__
        if name == "NoPayload" or "error" in name:
            return
        yield name, packet, offset
        inner = packet.payload
        raw = getattr(inner, "original", b"") or b""
        header = packet.raw_packet_cache
        if offset >= 0:
            offset += len(header) if header is not None else len(packet.original) - len(raw)
        if offset < 0 or frame[offset : offset + len(raw)] != raw:
            # Behind a header that was decompressed; short pieces could be found anywhere.
            offset = frame.rfind(raw) if len(raw) >= MIN_FOUND else -1
        packet = inner


def _addresses(run: Run, packet: Any) -> tuple[int, int]:
    """Address codes of an IP layer."""
    from socket import AF_INET, AF_INET6, inet_pton

    family = AF_INET if type(packet).__name__ == "IP" else AF_INET6
    book = run.context.addresses
    return book.code(inet_pton(family, packet.src)), book.code(inet_pton(family, packet.dst))
