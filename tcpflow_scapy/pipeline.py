"""`reassemble`: the whole program on one page, one call for each stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture import open_source
from tcpflow_scapy.capture.frames import Array, FrameTable, FrameTableBuilder
from tcpflow_scapy.capture.info import CaptureInfo, Problem
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode import Decoder
from tcpflow_scapy.decode.fragments import POLICIES as FRAGMENT_POLICIES
from tcpflow_scapy.decode.packets import PacketTable
from tcpflow_scapy.errors import FilterUnavailable
from tcpflow_scapy.flows.evidence import Evidence, packet_times
from tcpflow_scapy.flows.table import FlowTable
from tcpflow_scapy.reassembly import POLICIES, build_streams, group_packets
from tcpflow_scapy.render.progress import Progress

if TYPE_CHECKING:
    from tcpflow_scapy.capture.bpf import Filter

MAX_GAP = 16 * 1024 * 1024
"""A jump in data of more bytes than this begins a new flow (tcpflow's -m)."""


def reassemble(
    source: Any,
    *,
    filter: str | None = None,
    overlap: str = "first",
    max_gap: int = MAX_GAP,
    timeout: float | None = None,
    ignore_vlan: bool = False,
    verify_checksums: bool = False,
    progress: bool | None = None,
    fragments: str | None = None,
    ignore_encapsulation: bool = False,
    hash: bool = False,
) -> FlowTable:
    """Every TCP conversation of a capture.

    Parameters
    ----------
    source : path, list of paths, binary file object, or Scapy packets
        Several paths are one body of evidence: read in the given order, state carries over. ``"-"`` is
        standard input. Capture formats and compressions are recognised by content.
    filter : str, optional
        A pcap-filter expression, with tcpdump's meaning.
    overlap : str
        Which version of a byte is delivered when segments disagree: ``first``, ``last``, or a table
        that approximates a stack (``bsd``, ``linux``, ``windows``, ``solaris`` ...; measured, ``linux`` was
        right in 2,930 of 3,000 connections with random overlaps). First and last are meant in the order of
        the frames, not by their clocks. Conflicts are recorded in any case.
    max_gap : int
        A jump in data of more bytes than this begins a new flow.
    timeout : float, optional
        Seconds of idleness, by the capture's clock, after which a flow ends. Off by default.
    ignore_vlan : bool
        Leave VLAN ids out of the connection key. Where a capture tags one direction only, that is not
        needed: halves whose numbers fit each other are one flow.
    verify_checksums : bool
        Leave out segments with a wrong IPv4 or TCP checksum.
    progress : bool, optional
        Show a bar: None only for long work on an interactive terminal or in a notebook.
    fragments : str, optional
        Which version counts where IP fragments overlap: ``first``, ``last``, ``discard`` (RFC
        5722), or a table that approximates a stack (``bsd``, ``bsd-right``, ``linux``, ``windows``,
        ``solaris``). By default that of `overlap`, where it is one of these.
    ignore_encapsulation : bool
        Leave VLANs and tunnels out of the connection key: for captures in which the same packets were seen on
        several links of an overlay network or by a mirror port.
    hash : bool
        Hash the source while it is read, so that ``flows.capture.sha256`` is that of the bytes that the flows
        were made of. Without it the file is read again when the hash is asked for.

    Returns
    -------
    FlowTable

    Raises
    ------
    CaptureError
        If the source cannot be read at all; `CaptureChanged` if another program cuts or rewrites it
        meanwhile. A capture cut short or damaged in the middle is not an error:
        ``flows.capture.problems`` says what could not be used.
    FilterError
        If libpcap refuses the expression.
    ValueError
        If an option is out of range.
    """
    fragments = check_options(overlap, fragments, max_gap, timeout)
    compiled = compile_filter(filter)
    with Progress("reading", progress) as bar, open_source(source, progress=bar, hash=hash) as opened:
        decoder = Decoder(opened.store, verify_checksums=verify_checksums, fragments=fragments)
        builder = FrameTableBuilder()

        # One thread: a second one would wait for the interpreter lock (docs/decisions/, "One thread").
        for batch in opened.batches():
            selected = None if compiled is None else compiled.matches(batch)
            builder.append(batch, decoder.decode(batch, selected))
        frames = builder.build()
        packets = decoder.finish(frames)
        if compiled is not None:
            report_unfiltered(compiled, frames, opened.info)
    options = {
        "filter": filter,
        "overlap": overlap,
        "fragments": fragments,
        "max_gap": max_gap,
        "timeout": timeout,
        "ignore_vlan": ignore_vlan,
        "ignore_encapsulation": ignore_encapsulation,
        "verify_checksums": verify_checksums,
    }
    evidence = find_flows(opened.info, opened.store, frames, packets, options)
    evidence.keep = opened
    return FlowTable(evidence)


def find_flows(
    info: CaptureInfo, store: Store, frames: FrameTable, packets: PacketTable, options: dict[str, Any]
) -> Evidence:
    """The second half: packets to flows.

    Parameters
    ----------
    info : CaptureInfo
    store : Store
    frames : FrameTable
    packets : PacketTable
        All packets of every pair of endpoints that occurs, in order of capture.
    options : dict
        Of `reassemble`, as the evidence keeps them.
    """
    times = packet_times(frames, packets)
    timeout, max_gap = options["timeout"], options["max_gap"]
    grouping = group_packets(
        packets,
        times,
        max_gap=max_gap,
        timeout=None if timeout is None else round(timeout * 1e9),
        ignore_vlan=options["ignore_vlan"],
        ignore_encapsulation=options["ignore_encapsulation"],
    )
    found = build_streams(
        packets,
        times,
        grouping,
        store,
        overlap=options["overlap"],
        max_gap=max_gap,
        incomplete=_incomplete(packets),
    )
    return Evidence(
        info=info,
        store=store,
        frames=frames,
        packets=packets,
        reassembly=found,
        options=options,
        origins=packets.origins,
    )


def check_options(overlap: str, fragments: str | None, max_gap: int, timeout: float | None) -> str:
    """Refuse options that cannot be; the policy for fragments."""
    if not isinstance(overlap, str) or overlap not in POLICIES:
        raise ValueError(f"unknown overlap policy {overlap!r}; there are: {', '.join(POLICIES)}")
    if isinstance(max_gap, bool) or not isinstance(max_gap, (int, np.integer)) or not 0 <= max_gap < 1 << 31:
        raise ValueError(f"max_gap must be a number of bytes from 0 to {(1 << 31) - 1}, not {max_gap!r}")
    if timeout is not None and (
        isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < 1e9
    ):
        raise ValueError(f"timeout must be a positive number of seconds or None, not {timeout!r}")
    if fragments is None:
        return overlap if overlap in FRAGMENT_POLICIES else "first"
    if fragments not in FRAGMENT_POLICIES:
        names = ", ".join(FRAGMENT_POLICIES)
        raise ValueError(f"unknown policy for fragments {fragments!r}; there are: {names}")
    return fragments


def compile_filter(expression: str | None) -> Filter | None:
    """The expression as a program; None where nothing is to be left out."""
    if expression is None:
        return None
    if not isinstance(expression, str):
        raise TypeError(f"filter must be a str or None, not {type(expression).__name__}")
    if not expression.strip():
        return None
    from tcpflow_scapy.capture.bpf import Filter

    return Filter(expression)


def _incomplete(packets: PacketTable) -> Array | None:
    """bool: packets whose IP datagram lacks a fragment; None if there are none."""
    if packets.fragment_missing is None:
        return None
    incomplete = np.zeros(len(packets), bool)
    incomplete[packets.fragment_missing] = True
    return incomplete


def report_unfiltered(compiled: Filter, frames: FrameTable, info: CaptureInfo) -> None:
    """Frames of link types that libpcap cannot filter were left out: say so.

    Raises
    ------
    FilterUnavailable
        If the expression can be compiled for no link type of the capture.
    """
    if not compiled.unavailable:
        return
    present = set(np.unique(frames.linktype).tolist())
    if present <= set(compiled.unavailable):
        linktype, words = next(iter(compiled.unavailable.items()))
        raise FilterUnavailable(linktype, words)
    for linktype, words in compiled.unavailable.items():
        message = f"frames of link type {linktype} cannot be filtered: {words}"
        info.problems.append(Problem("filter", message, ", ".join(info.paths)))
