"""Payload on the console: packet by packet as tcpflow prints it, or stream by stream, reassembled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from tcpflow_scapy.cli.messages import plural, say
from tcpflow_scapy.export.payload import pieces
from tcpflow_scapy.export.streams import FieldsOfRows, StreamRows
from tcpflow_scapy.render.escape import dots, one_line
from tcpflow_scapy.render.hexdump import hexdump, tcpflow_hexdump

if TYPE_CHECKING:
    from tcpflow_scapy.cli.settings import Settings
    from tcpflow_scapy.export.names import Template
    from tcpflow_scapy.flows.evidence import Evidence
    from tcpflow_scapy.flows.table import FlowTable

Array = np.ndarray[Any, np.dtype[Any]]

Colour = Callable[[int, bytes], bytes]

CHUNK = 2048
"""Packets printed at a time."""

BLUE, RED, RESET = b"\x1b[0;34m", b"\x1b[0;31m", b"\x1b[0m"


def print_console(
    flows: FlowTable, template: Template, settings: Settings, out: BinaryIO, *, number: int | None = None
) -> None:
    """Print the payload of all flows.

    Parameters
    ----------
    flows : FlowTable
    template : Template
        Names of the streams; a name is never counted here.
    settings : Settings
        ``header``, ``raw``, ``hexadecimal``, ``newline``, ``max_bytes``, ``order``, ``outdir``.
    out : binary file
    number : int, optional
        What the flow is called where there is one that has another number in its table (live capture).
    """
    evidence = flows._evidence
    rows = StreamRows.of(evidence, flows._index)
    if settings.json_lines:
        from tcpflow_scapy.cli.json_lines import print_json

        print_json(rows, settings, out, number)
        return
    header = _headers(rows, template, settings)
    colour = _colours(rows) if settings.colour else lambda row, record: record
    if settings.order == "conversation":
        _print_conversations(flows, settings, out, number)
    elif settings.order == "stream":
        _print_streams(rows, header, colour, settings, out)
    else:
        _print_packets(evidence, rows, header, colour, settings, out)
    out.flush()


def _colours(rows: StreamRows) -> Colour:
    """Blue for what clients sent, red for what servers sent, as in tcpflow."""
    codes = [RED if server else BLUE for server in rows.from_server.tolist()]
    return lambda row, record: codes[row] + record + RESET


def _headers(rows: StreamRows, template: Template, settings: Settings) -> Callable[[int], bytes]:
    """What stands before each record of a row: ``outdir/NAME: ``, as tcpflow has it."""
    if not settings.header:
        return lambda row: b""
    fields = FieldsOfRows(rows, template.letters)
    folder = "" if settings.outdir in (None, ".") else f"{settings.outdir}/"
    end = ": \n" if settings.hexadecimal else ": "

    @cache
    def header(row: int) -> bytes:
        return f"{one_line(folder + template.expand(fields(row)))}{end}".encode()

    return header


def _print_packets(
    evidence: Evidence,
    rows: StreamRows,
    header: Callable[[int], bytes],
    colour: Colour,
    settings: Settings,
    out: BinaryIO,
) -> None:
    """Every segment with payload in capture order: no reassembly, retransmissions again."""
    packets = evidence.packets
    row_of = _row_of_packets(evidence, rows)
    length = packets.length.astype(np.int64)
    if settings.max_bytes is not None:
        length = _limited(evidence, length, settings.max_bytes)
    wanted = np.flatnonzero((length > 0) & (row_of >= 0))
    address = packets.header + packets.data_offset
    end = b"\n" if settings.newline else b""
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        payloads = evidence.store.slices(address[chunk].tolist(), length[chunk].tolist())
        parts: list[bytes] = []
        for row, payload in zip(row_of[chunk].tolist(), payloads, strict=True):
            parts += (colour(row, header(row) + shown(payload, settings)), end)
        out.write(b"".join(parts))


def shown(payload: bytes, settings: Settings) -> bytes:
    """One record's payload; a dump wins over raw bytes, whatever the order of the options, as in tcpflow."""
    if settings.hexadecimal:
        return "".join(f"{line}\n" for line in tcpflow_hexdump(payload)).encode()
    return payload if settings.raw else dots(payload)


def _row_of_packets(evidence: Evidence, rows: StreamRows) -> Array:
    """For each packet, its direction as an index into `rows`."""
    found = evidence.reassembly
    row = np.empty(len(evidence.packets), np.int64)
    row[found.order] = np.repeat(rows.row_of_stream(), np.diff(found.streams.packet_start))
    return row


def _limited(evidence: Evidence, length: Array, limit: int) -> Array:
    """Bytes of each packet that are printed when each direction may print `limit` in all."""
    found = evidence.reassembly
    arrived = length[found.order]
    before = np.cumsum(arrived) - arrived
    starts = found.streams.packet_start
    counts = np.diff(starts)
    first = starts[:-1][counts > 0]
    before -= np.repeat(before[first], counts[counts > 0])
    kept = np.empty_like(length)
    kept[found.order] = np.clip(limit - before, 0, arrived)
    return kept


def _print_streams(
    rows: StreamRows,
    header: Callable[[int], bytes],
    colour: Colour,
    settings: Settings,
    out: BinaryIO,
) -> None:
    """One record for each stream: its bytes in order, with a mark where some are missing."""
    end = b"\n" if settings.newline else b""
    captured = rows.column("captured")
    for row in np.flatnonzero(captured > 0).tolist():
        out.write(colour(row, header(row)))
        position = 0
        for offset, data in pieces(rows.evidence.store, rows.extents(row).limited(settings.max_bytes)):
            if offset > position:
                _mark_gap(position, offset, settings, out)
            position = offset + len(data)
            if settings.hexadecimal:
                out.write("".join(f"{line}\n" for line in hexdump(data, start=offset)).encode())
            else:
                out.write(colour(row, shown(data, settings)))
        out.write(end)


def _print_conversations(flows: FlowTable, settings: Settings, out: BinaryIO, number: int | None) -> None:
    """Both sides of each flow in order of time, with marks of direction, time, gaps and conflicts."""
    form = "hex" if settings.hexadecimal else "text"
    console = None
    if settings.colour:
        from io import StringIO

        from rich.console import Console

        console = Console(file=StringIO(), force_terminal=True, width=110, highlight=False)
    for flow in flows:
        said = flow.follow(form=form, limit=settings.max_bytes)
        if settings.header:
            called = flow.id if number is None else number
            out.write(f"=== flow {called}  {flow.key}  {flow.state}\n".encode())
        if console is None:
            out.write(f"{said.text}\n".encode())
        else:
            with console.capture() as captured:
                console.print(said)
            out.write(captured.get().encode())


def _mark_gap(start: int, end: int, settings: Settings, out: BinaryIO) -> None:
    text = f"[{plural(end - start, 'byte')} missing]"
    if settings.hexadecimal:
        out.write(f"{text}\n".encode())
    elif settings.raw:
        # The bytes are for another program; the mark is for a person.
        say(f"{text} at offset {start:,}")
    else:
        out.write(f"\n{text}\n".encode())
