"""The frames of chosen flows as a new capture, bit for bit, with their times and original lengths."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.writer import CaptureWriter, PcapngWriter, PcapWriter
from tcpflow_scapy.export.whole_file import write_whole
from tcpflow_scapy.flows.scapy_packets import flow_frames

if TYPE_CHECKING:
    from tcpflow_scapy.flows.evidence import Evidence
    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]

FORMATS = ("pcap", "pcapng")

PCAP_TIMES = (1 << 32) * 10**9
"""ns since the epoch that the 32 bits of a pcap cannot count to (in 2106); `NO_TIME` is negative."""

CHUNK = 4096
"""Frames held at a time."""


def to_pcap(
    flows: FlowTable, path: str | os.PathLike[str], *, format: str | None = None, overwrite: bool = False
) -> int:
    """Write the frames of `flows`, in order of capture, each once.

    Parameters
    ----------
    flows : FlowTable
    path : path
        ``-`` is standard output.
    format : {"pcap", "pcapng"}, optional
        Not given: pcapng for names that end so, for frames of several link types and for times that a pcap
        cannot hold, else pcap. A pcap has nanoseconds only where a frame needs them, because older programs
        read microseconds alone; a time that it cannot hold becomes zero.
    overwrite : bool
        Replace an existing file; otherwise it is an error.

    Returns
    -------
    int
        Number of frames.

    Raises
    ------
    ValueError
        An unknown format, or frames of several link types for a pcap.
    ExportError
        The file cannot be written.
    """
    evidence = flows._evidence
    index = flow_frames(evidence, flows._index)
    chosen = capture_format(format, os.fspath(path), evidence, index)

    def write(file: BinaryIO) -> None:
        with capture_writer(chosen, file, evidence, index) as writer:
            write_frames(writer, evidence, index)

    write_whole(path, write, overwrite=overwrite, sources=flows.capture.paths)
    return len(index)


def write_frames(writer: CaptureWriter, evidence: Evidence, index: Array, comment: str = "") -> None:
    """Hand frames (indices into the `FrameTable`) to a writer; the first gets the comment (pcapng only)."""
    frames = evidence.frames
    names = [interface.name for interface in evidence.info.interfaces]
    for start in range(0, len(index), CHUNK):
        chunk = index[start : start + CHUNK]
        data = evidence.store.slices(frames.address[chunk].tolist(), frames.caplen[chunk].tolist())
        columns = [c[chunk].tolist() for c in (frames.time, frames.wirelen, frames.linktype)]
        columns.append([-1] * len(chunk) if frames.interface is None else frames.interface[chunk].tolist())
        for each, time, wirelen, linktype, number in zip(data, *columns, strict=True):
            name = names[number] if 0 <= number < len(names) else ""
            writer.write(each, time, wirelen, linktype=linktype, interface=name, comment=comment)
            comment = ""


def capture_format(wanted: str | None, path: str, evidence: Evidence, index: Array) -> str:
    """``pcap`` or ``pcapng``, as `to_pcap` says."""
    if wanted is not None and wanted not in FORMATS:
        raise ValueError(f"unknown capture format {wanted!r}; there are: {', '.join(FORMATS)}")
    linktypes = np.unique(evidence.frames.linktype[index])
    if wanted == "pcap" and len(linktypes) > 1:
        kinds = ", ".join(map(str, linktypes.tolist()))
        raise ValueError(f"a pcap holds one link type, these frames have {kinds}; use pcapng")
    times = evidence.frames.time[index]
    beyond = ((times < 0) | (times >= PCAP_TIMES)).any()
    if len(linktypes) > 1 or beyond or path.endswith((".pcapng", ".ntar")):
        return wanted or "pcapng"
    return wanted or "pcap"


def capture_writer(chosen: str, file: BinaryIO, evidence: Evidence, index: Array) -> CaptureWriter:
    """What writes the given frames in a format that can hold them."""
    if chosen == "pcapng":
        return PcapngWriter(file)
    frames = evidence.frames
    times = frames.time[index]
    fine = bool(((times % 1000 != 0) & (times != NO_TIME)).any())
    linktype = int(frames.linktype[index[0]]) if len(index) else _source_linktype(evidence)
    return PcapWriter(file, linktype, nanoseconds=fine)


def _source_linktype(evidence: Evidence) -> int:
    """Link type for a capture without frames: that of its source."""
    interfaces = evidence.info.interfaces
    return interfaces[0].linktype if interfaces else 1
