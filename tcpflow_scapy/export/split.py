"""One capture for each direction of a connection, through a bounded number of open files."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from tcpflow_scapy.export.files import make_template
from tcpflow_scapy.export.folder import OutputFolder, telling
from tcpflow_scapy.export.names import NameFields, Template
from tcpflow_scapy.export.pcap import capture_format, capture_writer, write_frames
from tcpflow_scapy.export.streams import FieldsOfRows, StreamRows
from tcpflow_scapy.flows.scapy_packets import frames_of_rows

if TYPE_CHECKING:
    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]


def split_captures(
    flows: FlowTable,
    outdir: str | os.PathLike[str],
    *,
    template: str | Template | None = None,
    prefix_flags: str = "",
    format: str | None = None,
    overwrite: bool = False,
) -> list[str]:
    """Write the frames of each direction as ``NAME.pcap`` (tcpflow's ``-K``), with the right link type.

    Parameters
    ----------
    flows : FlowTable
    outdir : path
    template, prefix_flags
        Names, as for `export_flows`; connections of one name get ``c1``, ``c2`` as stream files do.
    format : {"pcap", "pcapng"}, optional
        As for `to_pcap`.
    overwrite : bool
        Replace files of an earlier run.

    Returns
    -------
    list of str
        Names of the files, relative to `outdir`.

    Raises
    ------
    ExportError
        A file cannot be written. Nothing half-written stays; its `files` is the list of whole ones.
    """
    evidence = flows._evidence
    chosen = make_template(template, prefix_flags)
    rows = StreamRows.of(evidence, flows._index)
    fields = FieldsOfRows(rows, chosen.letters)
    found = evidence.reassembly
    names: list[str] = []
    with OutputFolder(outdir, overwrite=overwrite) as folder, telling(lambda: names):
        for row, stream in enumerate(rows.stream.tolist()):
            low, high = found.streams.packet_start[stream : stream + 2].tolist()
            index = frames_of_rows(evidence, found.order[low:high])
            kind = capture_format(format, "", evidence, index)
            name_for = partial(_name, chosen, fields(row), kind)
            with folder.writing(name_for(0)) as file, open(file.descriptor, "wb", closefd=False) as out:
                _write(out, flows, index, kind, _comment(flows, stream))
            for name in folder.published(file, name_for, str):
                names.append(name)
    return names


def _name(template: Template, fields: NameFields, kind: str, count: int) -> str:
    return f"{template.expand(fields, count)}.{kind}"


def _comment(flows: FlowTable, stream: int) -> str:
    """What a pcapng says of its stream, at the first frame."""
    from tcpflow_scapy.flows.flow import Flow

    mine = Flow(flows._evidence, stream >> 1).streams[stream & 1]
    ends = f"{mine.address}:{mine.port} to {mine.peer.address}:{mine.peer.port}"
    return f"flow {stream >> 1}, {mine.direction}: {ends}, {mine.captured} bytes, {mine.missing} missing"


def _write(out: BinaryIO, flows: FlowTable, index: Array, kind: str, comment: str = "") -> None:
    with capture_writer(kind, out, flows._evidence, index) as writer:
        write_frames(writer, flows._evidence, index, comment if kind == "pcapng" else "")


def unused_frames(flows: FlowTable, path: str | os.PathLike[str], *, overwrite: bool = False) -> int:
    """Write the frames that are part of no flow as a capture (tcpflow's ``-w``), whatever the format was.

    Frames that a filter left out are not among them.

    Returns
    -------
    int
        Number of frames.
    """
    from tcpflow_scapy.decode.reasons import Reason
    from tcpflow_scapy.export.whole_file import write_whole

    evidence = flows._evidence
    used = (Reason.TCP, Reason.FRAGMENT_USED, Reason.FILTERED)
    index = np.flatnonzero(~np.isin(evidence.frames.reason, used))
    kind = capture_format(None, os.fspath(path), evidence, index)

    def write(file: BinaryIO) -> None:
        _write(file, flows, index, kind)

    write_whole(path, write, overwrite=overwrite, sources=flows.capture.paths)
    return len(index)
