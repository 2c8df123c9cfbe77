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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from tcpflow_scapy.export.dfxml_objects import FileObjects
from tcpflow_scapy.export.dfxml_texts import Attributes, xml_text
from tcpflow_scapy.export.whole_file import write_whole

if TYPE_CHECKING:
    from tcpflow_scapy.export.dfxml_objects import Files
    from tcpflow_scapy.flows.evidence import Evidence
    from tcpflow_scapy.flows.table import FlowTable

NAMESPACES = {
    "xmlns": "http://www.afflib.org/tcpflow/",
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xmlns:dc": "http://purl.org/dc/elements/1.1/",
}


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

    def raw(self, text: str) -> None:
        """Text that is XML already."""
        self._writer.ignorableWhitespace(text)

    def _indent(self) -> None:
        self._writer.ignorableWhitespace("\n" + "  " * self._depth)

    def end(self) -> None:
        self._writer.ignorableWhitespace("\n")
        self._writer.endDocument()


def _clean(attributes: Attributes) -> AttributesImpl[str]:
    given = {name: xml_text(value) for name, value in attributes.items() if value is not None}
    return AttributesImpl(given)


def to_dfxml(
    flows: FlowTable,
    path: str | os.PathLike[str],
    *,
    files: Files = None,
    bodies: Sequence[tuple[int, str, int, str, int]] = (),
    command_line: Sequence[str] | None = None,
    time_delta: float = 0,
    byte_runs: bool = True,
    overwrite: bool = True,
) -> None:
    """Write a report of flows as DFXML.

    Parameters
    ----------
    flows : FlowTable
    path : path
        ``-`` is standard output.
    files : pandas.DataFrame or FileList, optional
        What `FlowTable.export` returned: names, sizes and hashes of the files. Without it directions are
        listed without a file name.
    bodies : sequence of (stream, name, size, sha256, offset)
        HTTP bodies written as files: number of their stream, name, bytes, hash, stream offset.
    command_line : sequence of str, optional
        What was run; default: this process's.
    time_delta : float
        Seconds that were added to every time.
    byte_runs : bool
        Say where in the capture the bytes of each file lie.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    ExportError
        If the file cannot be written. A report is whole or not there.
    """

    def write(file: BinaryIO) -> None:
        text = TextIOWrapper(file, encoding="utf-8", write_through=True)
        _write(_Xml(text), flows, FileObjects(flows, files, bodies, byte_runs), command_line, time_delta)
        text.flush()
        text.detach()

    write_whole(path, write, overwrite=overwrite, sources=flows.capture.paths)


def _write(
    xml: _Xml,
    flows: FlowTable,
    objects: FileObjects,
    command_line: Sequence[str] | None,
    time_delta: float,
) -> None:
    rows = objects.rows
    with xml.inside("dfxml", {"xmloutputversion": "1.0"}):
        with xml.inside("metadata", NAMESPACES):
            xml.leaf("dc:type", "Feature Extraction")
        _creator(xml, command_line)
        _source(xml, flows._evidence)
        xml.leaf("tdelta", f"{time_delta:g}")
        with xml.inside("configuration"):
            for some in objects:
                xml.raw(some)
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
        for problem in evidence.problems:
            place = {"kind": problem.kind, "frame": problem.frame, "offset": problem.offset}
            xml.leaf("problem", problem.message, {**place, "length": problem.length})


def _usage(xml: _Xml) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    with xml.inside("rusage"):
        xml.leaf("utime", f"{used.ru_utime:.6f}")
        xml.leaf("stime", f"{used.ru_stime:.6f}")
        xml.leaf("maxrss", used.ru_maxrss)
        xml.leaf("minflt", used.ru_minflt)
        xml.leaf("majflt", used.ru_majflt)
