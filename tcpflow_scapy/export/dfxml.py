"""The report: Digital Forensics XML, with tcpflow's element and attribute names and what it lacks.

One ``fileobject`` for each direction of a connection, by first packet, also for those without payload.
Beyond tcpflow's: flow number, VLAN ids, layers, SHA-256, gaps with their cause, conflicts, and byte runs that
say where in the capture the bytes of the file lie. Written as a stream: its size costs no memory.
"""

from __future__ import annotations

import getpass
import os
import platform
import resource
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.store import OFFSET_MASK
from tcpflow_scapy.export.streams import FieldsOfRows, StreamRows
from tcpflow_scapy.export.whole_file import write_whole
from tcpflow_scapy.reassembly.tables import GapCause

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.evidence import Evidence
    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]
Attributes = Mapping[str, object]

NAMESPACES = {
    "xmlns": "http://www.afflib.org/tcpflow/",
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xmlns:dc": "http://purl.org/dc/elements/1.1/",
}
MAX_RUNS = 10_000
"""Byte runs listed for one stream; more are counted in an attribute."""


class _Xml:
    """XMLGenerator with less noise, and without the characters that XML 1.0 cannot hold."""

    def __init__(self, out: Any) -> None:
        self._writer = XMLGenerator(out, encoding="UTF-8", short_empty_elements=True)
        self._depth = 0
        self._writer.startDocument()

    @contextmanager
    def inside(self, name: str, attributes: Attributes = {}) -> Iterator[None]:  # noqa: B006
        self._indent()
        self._writer.startElement(name, _clean(attributes))
        self._depth += 1
        yield
        self._depth -= 1
        self._indent()
        self._writer.endElement(name)

    def leaf(self, name: str, text: object = "", attributes: Attributes = {}) -> None:  # noqa: B006
        self._indent()
        self._writer.startElement(name, _clean(attributes))
        if text != "":
            self._writer.characters(xml_text(text))
        self._writer.endElement(name)

    def _indent(self) -> None:
        self._writer.ignorableWhitespace("\n" + "  " * self._depth)

    def end(self) -> None:
        self._writer.ignorableWhitespace("\n")
        self._writer.endDocument()


def xml_text(value: object) -> str:
    """Text with every character that XML 1.0 cannot hold written as ``\\xNN`` or ``\\uNNNN``."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c
        if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000"
        else f"\\x{ord(c):02x}"
        if ord(c) < 256
        else f"\\u{ord(c):04x}"
        for c in text
    )


def _clean(attributes: Attributes) -> AttributesImpl[str]:
    given = {name: xml_text(value) for name, value in attributes.items() if value is not None}
    return AttributesImpl(given)


def to_dfxml(
    flows: FlowTable,
    path: str | os.PathLike[str],
    *,
    files: pd.DataFrame | None = None,
    bodies: Sequence[tuple[int, str, int, str, int]] = (),
    command_line: Sequence[str] | None = None,
    time_delta: float = 0,
    overwrite: bool = True,
) -> None:
    """Write a report of flows as DFXML.

    Parameters
    ----------
    flows : FlowTable
    path : path
        ``-`` is standard output.
    files : pandas.DataFrame, optional
        What `FlowTable.export` returned: names, sizes and hashes of the files. Without it directions are
        listed without a file name.
    bodies : sequence of (stream, name, size, sha256, offset)
        HTTP bodies written as files: number of their stream, name, bytes, hash, stream offset.
    command_line : sequence of str, optional
        What was run; default: this process's.
    time_delta : float
        Seconds that were added to every time.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    ExportError
        If the file cannot be written. A report is whole or not there.
    """

    def write(file: BinaryIO) -> None:
        text = TextIOWrapper(file, encoding="utf-8", write_through=True)
        _write(_Xml(text), flows, files, bodies, command_line, time_delta)
        text.flush()
        text.detach()

    write_whole(path, write, overwrite=overwrite)


def _write(
    xml: _Xml,
    flows: FlowTable,
    files: pd.DataFrame | None,
    bodies: Sequence[tuple[int, str, int, str, int]],
    command_line: Sequence[str] | None,
    time_delta: float,
) -> None:
    evidence = flows._evidence
    rows = StreamRows.of(evidence, flows._index)
    with xml.inside("dfxml", {"xmloutputversion": "1.0"}):
        with xml.inside("metadata", NAMESPACES):
            xml.leaf("dc:type", "Feature Extraction")
        _creator(xml, command_line)
        _source(xml, evidence)
        xml.leaf("tdelta", f"{time_delta:g}")
        with xml.inside("configuration"):
            _Objects(xml, rows, files, bodies).write()
        xml.leaf("summary")
        xml.leaf("total_flows", len(rows))
        xml.leaf("total_packets", int(rows.column("packets").sum()))
        _usage(xml)
    xml.end()


def _creator(xml: _Xml, command_line: Sequence[str] | None) -> None:
    from tcpflow_scapy import __version__

    system = platform.uname()
    with xml.inside("creator", {"version": "1.0"}):
        xml.leaf("program", "tcpflow-scapy")
        xml.leaf("version", __version__)
        with xml.inside("execution_environment"):
            xml.leaf("os_sysname", system.system)
            xml.leaf("os_release", system.release)
            xml.leaf("os_version", system.version)
            xml.leaf("host", system.node)
            xml.leaf("arch", system.machine)
            xml.leaf("command_line", shlex.join(sys.argv if command_line is None else command_line))
            if hasattr(os, "getuid"):
                xml.leaf("uid", os.getuid())
            xml.leaf("username", _user())
            xml.leaf("start_time", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _source(xml: _Xml, evidence: Evidence) -> None:
    """What was read, and what could not be used of it."""
    from tcpflow_scapy.flows.capture import Capture

    capture = Capture(evidence)
    with xml.inside("source"):
        for path, size in zip(evidence.info.paths, evidence.info.sizes, strict=False):
            xml.leaf("image_filename", path, {"filesize": size})
        xml.leaf("frames", capture.frames, {"used": capture.used})
        for reason, count in capture.unused.items():
            xml.leaf("unused_frames", count, {"reason": reason})
        for problem in evidence.info.problems:
            place = {"kind": problem.kind, "frame": problem.frame, "offset": problem.offset}
            xml.leaf("problem", problem.message, {**place, "length": problem.length})


class _Objects:
    """The ``fileobject`` elements."""

    def __init__(
        self,
        xml: _Xml,
        rows: StreamRows,
        files: pd.DataFrame | None,
        bodies: Sequence[tuple[int, str, int, str, int]],
    ) -> None:
        self._xml = xml
        self._rows = rows
        self._evidence = rows.evidence
        self._fields = FieldsOfRows(rows, ["E", "e"])
        self._files: dict[int, dict[str, Any]] = {}
        if files is not None:
            sides = (files["direction"] == "server").to_numpy().astype(np.int64)
            numbers = files["flow"].to_numpy() * 2 + sides
            records: list[Any] = files.to_dict("records")
            self._files = dict(zip(numbers.tolist(), records, strict=True))
        self._bodies: dict[int, list[tuple[int, str, int, str, int]]] = {}
        for body in bodies:
            self._bodies.setdefault(body[0], []).append(body)
        self._wire, self._captured = _frame_bytes(rows)

    def write(self) -> None:
        for row, stream in enumerate(self._rows.stream.tolist()):
            with self._xml.inside("fileobject"):
                self._object(row, stream)

    def _object(self, row: int, stream: int) -> None:
        xml, streams = self._xml, self._evidence.reassembly.streams
        file = self._files.get(stream, {})
        if "path" in file:
            xml.leaf("filename", file["path"])
        xml.leaf("filesize", file.get("size", int(streams.end[stream])))
        xml.leaf("tcpflow", attributes=self._attributes(row, stream))
        for name, label in (("md5", "MD5"), ("sha1", "SHA1"), ("sha256", "SHA256")):
            if file.get(name):
                xml.leaf("hashdigest", file[name], {"type": label})
        self._byte_runs(row, stream)
        self._trust(stream)

    def _attributes(self, row: int, stream: int) -> dict[str, object]:
        evidence, streams = self._evidence, self._evidence.reassembly.streams
        fields = self._fields(row)
        encapsulation = evidence.packets.encapsulations.rows[
            int(evidence.reassembly.connections.encapsulation[stream >> 1])
        ]
        source, destination = (
            evidence.address_text(int(streams.address[s]) >> 16) for s in (stream, stream ^ 1)
        )
        wire, captured = int(self._wire[row]), int(self._captured[row])
        return {
            "startime": iso(int(streams.first_time[stream])),
            "endtime": iso(int(streams.last_time[stream])),
            "mac_daddr": _mac(fields.destination_mac),
            "mac_saddr": _mac(fields.source_mac),
            "family": 10 if ":" in source else 2,
            "src_ipn": source,
            "dst_ipn": destination,
            "srcport": int(streams.address[stream]) & 0xFFFF,
            "dstport": int(streams.address[stream ^ 1]) & 0xFFFF,
            "packets": int(streams.packets[stream]),
            "out_of_order_count": int(streams.out_of_order[stream]) or None,
            "len": wire,
            "caplen": captured if captured != wire else None,
            "flow": stream >> 1,
            "direction": "server" if stream & 1 else "client",
            "vlan": ",".join(map(str, encapsulation.vlan)) or None,
            "encap": str(encapsulation),
            "captured": int(streams.captured[stream]),
            "missing": int(streams.size[stream] - streams.captured[stream]) or None,
            "retransmitted": int(streams.retransmitted[stream]) or None,
        }

    def _byte_runs(self, row: int, stream: int) -> None:
        """Where the bytes lie in the capture, and the HTTP bodies that lie in them."""
        xml = self._xml
        extents = self._rows.extents(row)
        count = len(extents.offset)
        bodies = self._bodies.get(stream, ())
        if not count and not bodies:
            return
        dropped = {"not_listed": count - MAX_RUNS} if count > MAX_RUNS else {}
        with xml.inside("byte_runs", dropped):
            listed = (extents.offset[:MAX_RUNS], extents.length[:MAX_RUNS], extents.address[:MAX_RUNS])
            for offset, length, address in zip(*(c.tolist() for c in listed), strict=True):
                place = {"file_offset": offset, "len": length, "img_offset": address & OFFSET_MASK}
                if len(self._evidence.store) > 1:
                    place["img_filename"] = self._evidence.store.name(address)
                xml.leaf("byte_run", attributes=place)
            for _, name, size, digest, offset in bodies:
                with xml.inside("byte_run", {"file_offset": offset}), xml.inside("fileobject"):
                    xml.leaf("filename", name)
                    xml.leaf("filesize", size)
                    if digest:
                        xml.leaf("hashdigest", digest, {"type": "SHA256"})

    def _trust(self, stream: int) -> None:
        """Gaps and conflicts."""
        found = self._evidence.reassembly
        low, high = found.streams.gap_start[stream : stream + 2].tolist()
        columns = (found.gaps.start, found.gaps.end, found.gaps.cause)
        for start, end, cause in zip(*(c[low:high].tolist() for c in columns), strict=True):
            place = {"file_offset": start, "len": end - start, "cause": GapCause(cause).label}
            self._xml.leaf("gap", attributes=place)
        low, high = found.streams.conflict_start[stream : stream + 2].tolist()
        columns = (found.conflicts.start, found.conflicts.end, found.conflicts.packet)
        frame = self._evidence.packets.frame
        for start, end, packet in zip(*(c[low:high].tolist() for c in columns), strict=True):
            place = {"file_offset": start, "len": end - start, "frame": int(frame[packet]) + 1}
            self._xml.leaf("conflict", attributes=place)


def _frame_bytes(rows: StreamRows) -> tuple[Array, Array]:
    """Wire and captured bytes of the frames of each row, headers included."""
    evidence = rows.evidence
    found = evidence.reassembly
    frames = evidence.packets.frame[found.order]
    totals = []
    for column in (evidence.frames.wirelen, evidence.frames.caplen):
        running = np.concatenate(([0], np.cumsum(column[frames], dtype=np.int64)))
        starts = found.streams.packet_start
        totals.append(running[starts[rows.stream + 1]] - running[starts[rows.stream]])
    return totals[0], totals[1]


def iso(time: int) -> str | None:
    """tcpflow's form of a time: UTC, microseconds only where there are any."""
    if time == NO_TIME:
        return None
    seconds, rest = divmod(time // 1000, 1_000_000)
    try:
        text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return f"{seconds}"
    return f"{text}.{rest:06d}Z" if rest else f"{text}Z"


def _mac(address: bytes) -> str | None:
    return address.hex(":") if any(address) else None


def _usage(xml: _Xml) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    with xml.inside("rusage"):
        xml.leaf("utime", f"{used.ru_utime:.6f}")
        xml.leaf("stime", f"{used.ru_stime:.6f}")
        xml.leaf("maxrss", used.ru_maxrss)
        xml.leaf("minflt", used.ru_minflt)
        xml.leaf("majflt", used.ru_majflt)
