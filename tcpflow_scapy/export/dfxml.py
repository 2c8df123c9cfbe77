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

from tcpflow_scapy.export.dfxml_objects import FileObjects
from tcpflow_scapy.export.dfxml_texts import Attributes
from tcpflow_scapy.export.whole_file import check_target, write_whole
from tcpflow_scapy.flows.capture import Capture
from tcpflow_scapy.render.escape import one_line

if TYPE_CHECKING:
    from tcpflow_scapy.export.dfxml_objects import BodyFile, Files
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
            self._writer.characters(one_line(text))
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
    given = {name: one_line(value) for name, value in attributes.items() if value is not None}
    return AttributesImpl(given)


def to_dfxml(
    flows: FlowTable,
    path: str | os.PathLike[str],
    *,
    files: Files = None,
    bodies: Sequence[BodyFile] = (),
    command_line: Sequence[str] | None = None,
    time_delta: float = 0,
    byte_runs: bool = True,
    source_hashes: Sequence[str] | None = None,
    options: Mapping[str, object] = {},
    overwrite: bool = False,
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
    bodies : sequence of (stream, name, size, sha256, offset, problems)
        HTTP bodies written as files: number of their stream, name, bytes, hash, stream offset, words of
        `PROBLEMS` and `CODING_PROBLEMS`.
    command_line : sequence of str, optional
        What was run; default: this process's.
    time_delta : float
        Seconds that were added to every time.
    byte_runs : bool
        Say where in the capture the bytes of each file lie.
    source_hashes : sequence of str, optional
        SHA-256 of each source, if known already; empty to leave them out. Default: computed.
    options : mapping
        Further options of the run, which are listed with those of `reassemble`.
    overwrite : bool
        Replace an existing file; otherwise it is an error.

    Raises
    ------
    ExportError
        If the file cannot be written. A report is whole or not there.
    """

    check_target(path, overwrite=overwrite, sources=flows.capture.paths)
    if source_hashes is None:
        found = flows.capture.sha256
        source_hashes = [found] if isinstance(found, str) else found
    hashes: Sequence[str] = source_hashes

    def write(file: BinaryIO) -> None:
        text = TextIOWrapper(file, encoding="utf-8", write_through=True)
        xml = _Xml(text)
        with xml.inside("dfxml", {"xmloutputversion": "1.0"}):
            _head(xml, flows._evidence, command_line, hashes)
            _options(xml, {**options, **flows._evidence.options})
            xml.leaf("tdelta", f"{time_delta:g}")
            _objects(xml, FileObjects(flows, files, bodies, byte_runs))
            _usage(xml)
        xml.end()
        text.flush()
        text.detach()

    write_whole(path, write, overwrite=overwrite, sources=flows.capture.paths)


def _head(xml: _Xml, evidence: Evidence, command_line: Sequence[str] | None, hashes: Sequence[str]) -> None:
    with xml.inside("metadata", NAMESPACES):
        xml.leaf("dc:type", "Feature Extraction")
    _creator(xml, command_line)
    _source(xml, evidence, hashes)


def _options(xml: _Xml, options: Attributes) -> None:
    """How it was read and written: an element without text for what was not set."""
    with xml.inside("options"):
        for name, value in options.items():
            if isinstance(value, (list, tuple, set)):
                value = shlex.join(map(str, sorted(value) if isinstance(value, set) else value))
            xml.leaf("option", "" if value is None else value, {"name": name})


def _objects(xml: _Xml, objects: FileObjects) -> None:
    with xml.inside("configuration"):
        for some in objects:
            xml.raw(some)
    xml.leaf("summary")
    xml.leaf("total_flows", len(objects.rows))
    xml.leaf("total_packets", int(objects.rows.column("packets").sum()))


def _creator(xml: _Xml, command_line: Sequence[str] | None) -> None:
    from tcpflow_scapy import __version__

    system = platform.uname()
    with xml.inside("creator", {"version": "1.0"}):
        xml.leaf("program", "tcpflow-scapy")
        xml.leaf("version", __version__)
        xml.leaf("library", attributes={"name": "python", "version": platform.python_version()})
        xml.leaf("library", attributes={"name": "numpy", "version": np.__version__})
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


def _source(xml: _Xml, evidence: Evidence, hashes: Sequence[str]) -> None:
    """What was read, and what could not be used of it."""
    capture, info = Capture(evidence), evidence.info
    with xml.inside("source"):
        for number, (path, size) in enumerate(zip(info.paths, info.sizes, strict=False)):
            form, packed = info.formats[number], info.compressions[number]
            told = {"filesize": size, "format": form, "compression": packed or None}
            xml.leaf("image_filename", path, {**told, "img_offsets": _img_offsets(form, packed)})
            if hashes:
                xml.leaf("hashdigest", hashes[number], {"type": "SHA256"})
            else:
                xml.leaf("not_hashed", attributes={"type": "SHA256"})
        xml.leaf("frames", capture.frames, {"used": capture.used})
        for reason, count in capture.unused.items():
            xml.leaf("unused_frames", count, {"reason": reason})
        for problem in evidence.problems:
            place = {"kind": problem.kind, "frame": problem.frame, "offset": problem.offset}
            xml.leaf("problem", problem.message, {**place, "length": problem.length})


def _img_offsets(form: str, packed: str) -> str:
    """In what the ``img_offset`` of a byte run counts."""
    if packed:
        return "in the decompressed bytes"
    return "in the capture made of the packets" if form == "scapy" else "in the file"


def _usage(xml: _Xml) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    with xml.inside("rusage"):
        xml.leaf("utime", f"{used.ru_utime:.6f}")
        xml.leaf("stime", f"{used.ru_stime:.6f}")
        xml.leaf("maxrss", used.ru_maxrss)
        xml.leaf("minflt", used.ru_minflt)
        xml.leaf("majflt", used.ru_majflt)
