"""HTTP bodies as files: ``NAME-HTTPBODY-NNN.ext``, as tcpflow names them.

NAME is the file name of the stream, NNN counts every message of the direction, also those without a body,
``ext`` follows from the Content-Type. Chunk framing and content codings are undone. A gap is a hole that
reads as zeros, and a file with one is not hashed. Empty bodies get no file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.export.files import make_template
from tcpflow_scapy.export.folder import OutputFolder, telling
from tcpflow_scapy.export.names import Template, name_column
from tcpflow_scapy.export.payload import set_time, write_at
from tcpflow_scapy.export.streams import FieldsOfRows, StreamRows
from tcpflow_scapy.protocols.content_coding import DecodeLimits, Outcome
from tcpflow_scapy.protocols.http import HttpBody, HttpExchange, http_bodies
from tcpflow_scapy.protocols.http_candidates import likely_http
from tcpflow_scapy.protocols.http_message import HttpMessage
from tcpflow_scapy.protocols.sniff import LOOK, sniff
from tcpflow_scapy.render.escape import safe_text

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.table import FlowTable

NameFor = Callable[[int], str]
"""The name of a stream's file that found so many taken before it."""


@dataclass(frozen=True, slots=True)
class WrittenBody:
    """One file that was written."""

    flow: int
    name: str
    """relative to the folder"""
    size: int
    """bytes the file has, holes included"""
    sha256: str
    """of the file; empty if the body is not complete"""
    sniffed_type: str
    """media type that the first bytes of the file speak for"""
    body: HttpBody
    problems: tuple[str, ...]
    """words of `PROBLEMS` and `CODING_PROBLEMS`"""
    coding_problems: tuple[str, ...] = ()
    """the latter alone"""


def body_name(stream_name: str, number: int, extension: str) -> str:
    """``NAME-HTTPBODY-001.html``."""
    suffix = f".{extension}" if extension else ""
    return f"{stream_name}-HTTPBODY-{number:03d}{suffix}"


def stream_names(flows: FlowTable, template: Template) -> dict[tuple[int, str], NameFor]:
    """What the file of each (flow, direction) with data is called: as `export_flows` would call it.

    Further connections between the same two ports have ``c1``, ``c2`` in their names whether or not the
    earlier ones had bodies, so that no two connections share a name.
    """
    rows = StreamRows.of(flows._evidence, flows._index).with_data()
    fields = FieldsOfRows(rows, template.letters)
    taken: dict[str, int] = {}
    names: dict[tuple[int, str], NameFor] = {}
    for row, stream in enumerate(rows.stream.tolist()):
        expand = partial(template.expand, fields(row))
        plain = expand(0)
        before = taken.get(plain, 0)
        taken[plain] = before + 1
        names[stream >> 1, "server" if stream & 1 else "client"] = _shifted(expand, before)
    return names


def _shifted(expand: NameFor, by: int) -> NameFor:
    return lambda count: expand(count + by)


def _fixed(name: str) -> NameFor:
    return lambda count: f"{name}c{count}" if count else name


def export_http_bodies(
    flows: FlowTable,
    outdir: str | os.PathLike[str],
    *,
    template: str | Template | None = None,
    prefix_flags: str = "",
    names: Mapping[tuple[int, str], str] | None = None,
    requests: bool = False,
    decode: bool = True,
    decode_limits: DecodeLimits | None = None,
    overwrite: bool = False,
    on_file: Callable[[WrittenBody], object] | None = None,
    on_http: Callable[[HttpExchange, str], object] | None = None,
) -> pd.DataFrame:
    """Write the bodies of HTTP responses, one file for each.

    Parameters
    ----------
    flows : FlowTable
    outdir : path
        The folder; made where it is absent.
    template, prefix_flags
        Names of the streams, as for `export_flows`.
    names : mapping, optional
        Names that the streams' files really got, by (flow number, ``client`` or ``server``); they win.
    requests : bool
        The bodies of requests too (tcpflow leaves them out).
    decode : bool
        Undo content codings; False is tcpflow's ``-Z``.
    decode_limits : DecodeLimits, optional
        How much may come out of a coded body.
    overwrite : bool
        Replace files of an earlier run; otherwise a taken name gets ``c1``.
    on_file : callable, optional
        Called after each file.
    on_http : callable, optional
        Called with the exchange of each body, and the path of its file.

    Returns
    -------
    pandas.DataFrame
        One row for each file: ``flow``, ``direction``, ``exchange``, ``number``, ``name``, ``path``,
        ``size``, ``sha256`` (empty if not complete), ``content_type``, ``sniffed_type``, ``method``,
        ``url``, ``status``, ``start``, ``end`` (stream offsets of the message), ``body_start``, ``time``,
        ``end_time`` (first and last byte of the message, UTC), ``complete``, ``missing_bytes``, ``problems``.

    Raises
    ------
    ExportError
        A file cannot be written. Nothing half-written stays; its `files` is the table of whole ones.
    """
    chosen = make_template(template, prefix_flags)

    @cache
    def stream_name(flow: int, direction: str) -> NameFor | None:
        given = (names or {}).get((flow, direction))
        return _fixed(given) if given is not None else others().get((flow, direction))

    # Made for all streams of the capture, where there is a body at all.
    others = cache(partial(stream_names, flows, chosen))
    files: list[WrittenBody] = []
    made = partial(bodies_frame, files, os.fspath(outdir))
    with OutputFolder(outdir, overwrite=overwrite) as folder, telling(made):
        for file in write_bodies(
            flows, folder, stream_name, requests=requests, decode=decode, decode_limits=decode_limits
        ):
            files.append(file)
            if on_file is not None:
                on_file(file)
            if on_http is not None:
                on_http(file.body.exchange, os.path.join(folder.path, file.name))
    return made()


def write_bodies(
    flows: Iterable[Flow],
    folder: OutputFolder,
    name_of: Callable[[int, str], NameFor | None],
    *,
    requests: bool = False,
    decode: bool = True,
    decode_limits: DecodeLimits | None = None,
) -> Iterator[WrittenBody]:
    """Write the bodies of flows and yield what was written; see `export_http_bodies`."""
    limits = (decode_limits or DecodeLimits()).together()
    for flow in likely_http(flows):
        for body in http_bodies(flow, None, decode_limits=limits):
            if body.message.is_request and not requests:
                continue
            name = name_of(flow.id, body.message.direction)
            if name is None:
                continue
            yield from _write(flow, folder, name, body, limits if decode else None)


def _write(
    flow: Flow, folder: OutputFolder, stream_name: NameFor, body: HttpBody, limits: DecodeLimits | None
) -> Iterator[WrittenBody]:
    """Write a body, if it is not empty; decoded within `limits`, or as it was sent without."""
    message = body.message
    outcome = Outcome()
    name_for = partial(_body_name, stream_name, body)
    with folder.writing(name_for(0)) as file:
        size, digest, head = _write_pieces(file.descriptor, message, limits, outcome)
        if not size and outcome.problems:
            # Nothing could be decoded of it: what was sent is better than nothing.
            size, digest, head = _write_pieces(file.descriptor, message, None, Outcome())
        set_time(file.descriptor, NO_TIME if message.time_ns is None else message.time_ns)
        complete = message.complete and outcome.complete
    if not size:
        folder.discard(file)
        return
    coding = tuple(sorted(outcome.problems))
    problems = tuple(sorted({*message.problems, *coding}))
    told = partial(
        WrittenBody,
        flow.id,
        size=size,
        sha256=digest if complete else "",
        sniffed_type=sniff(head),
        body=body,
        problems=problems,
        coding_problems=coding,
    )
    yield from folder.published(file, name_for, told)


def _body_name(stream_name: NameFor, body: HttpBody, count: int) -> str:
    return body_name(stream_name(count), body.number, body.extension)


def _write_pieces(
    descriptor: int, message: HttpMessage, limits: DecodeLimits | None, outcome: Outcome
) -> tuple[int, str, bytes]:
    """Write a body: size of the file, hash of what was written, first bytes."""
    digest = sha256()
    size = 0
    head = b""
    decode = limits is not None
    for at, piece in message.placed_pieces(decode=decode, outcome=outcome, limits=limits):
        write_at(descriptor, piece, at)
        digest.update(piece)
        size = at + len(piece)
        if len(head) < LOOK:
            head = head.ljust(min(at, LOOK), b"\0") + piece[: max(LOOK - at, 0)]
    if message.missing and size and not (decode and message.is_coded):
        # The body may end in a gap.
        size = message.raw_size
        os.ftruncate(descriptor, size)
    return size, digest.hexdigest(), head


def bodies_frame(files: list[WrittenBody], outdir: str) -> pd.DataFrame:
    """What was written as a DataFrame; see `export_http_bodies`."""
    import pandas as pd

    from tcpflow_scapy.flows.summary import datetimes

    def times(values: list[int | None]) -> Any:
        return datetimes(np.array([NO_TIME if v is None else v for v in values], np.int64))

    messages = [file.body.message for file in files]
    asked = [file.body.exchange.request for file in files]
    columns: dict[str, tuple[str, list[Any]]] = {
        "flow": ("int64", [file.flow for file in files]),
        "direction": ("str", [m.direction for m in messages]),
        "exchange": ("int64", [file.body.exchange.number for file in files]),
        "number": ("int64", [file.body.number for file in files]),
        "size": ("int64", [file.size for file in files]),
        "sha256": ("str", [file.sha256 for file in files]),
        "content_type": ("str", [safe_text(m.content_type) for m in messages]),
        "sniffed_type": ("str", [file.sniffed_type for file in files]),
        "method": ("str", [safe_text(m.method) if m else "" for m in asked]),
        "url": ("str", [safe_text(m.url) if m else "" for m in asked]),
        "status": ("int64", [file.body.exchange.status for file in files]),
        "start": ("int64", [m.start for m in messages]),
        "body_start": ("int64", [m.head_end for m in messages]),
        "end": ("int64", [m.end for m in messages]),
        "complete": ("bool", [bool(file.sha256) for file in files]),
        "missing_bytes": ("int64", [m.missing_bytes for m in messages]),
        "problems": ("str", [" ".join(file.problems) for file in files]),
    }
    table = pd.DataFrame({name: pd.Series(values, dtype=dtype) for name, (dtype, values) in columns.items()})
    names = [file.name for file in files]
    table.insert(4, "name", name_column(names))
    table.insert(5, "path", name_column([os.path.join(outdir, name) for name in names]))
    table.insert(16, "time", times([m.time_ns for m in messages]))
    table.insert(17, "end_time", times([m.end_time_ns for m in messages]))
    return table
