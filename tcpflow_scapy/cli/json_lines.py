"""Payload as JSON Lines: one object for each packet, or for each run of a reassembled stream."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.export.dfxml_texts import iso
from tcpflow_scapy.export.streams import StreamRows
from tcpflow_scapy.flows.frames import packet_offsets

if TYPE_CHECKING:
    from tcpflow_scapy.cli.settings import Settings

Array = np.ndarray[Any, np.dtype[Any]]


def print_json(rows: StreamRows, settings: Settings, out: BinaryIO, number: int | None = None) -> None:
    """Write the payload of all rows; `number` is what their flow is called, if not as in its table.

    Each line has ``src_host``, ``src_port``, ``dst_host``, ``dst_port`` (as tcpflow names them), ``flow``,
    ``direction``, ``time`` (ISO, UTC) and ``time_ns`` (text, because JSON's numbers end at 2**53), ``frame``,
    ``offset`` in the stream, ``length`` and ``payload`` in Base64. A gap of a reassembled stream is a line of
    its own with ``missing`` instead of ``payload``.
    """
    records = _streams(rows, settings) if settings.order == "stream" else _packets(rows, settings)
    for record in records:
        if number is not None:
            record["flow"] = number
        out.write(json.dumps(record, separators=(", ", ": ")).encode() + b"\n")
    out.flush()


def _ends(rows: StreamRows, row: int) -> dict[str, object]:
    evidence = rows.evidence
    stream = int(rows.stream[row])
    address = evidence.reassembly.streams.address
    sender, receiver = int(address[stream]), int(address[stream ^ 1])
    return {
        "flow": stream >> 1,
        "direction": "server" if stream & 1 else "client",
        "src_host": evidence.address_text(sender >> 16),
        "src_port": sender & 0xFFFF,
        "dst_host": evidence.address_text(receiver >> 16),
        "dst_port": receiver & 0xFFFF,
    }


def _record(ends: dict[str, object], time: int, frame: int, offset: int, data: bytes) -> dict[str, object]:
    return {
        **ends,
        "time": iso(time),
        "time_ns": None if time == NO_TIME else str(time),
        "frame": frame,
        "offset": offset,
        "length": len(data),
        "payload": b64encode(data).decode(),
    }


def _packets(rows: StreamRows, settings: Settings) -> Iterator[dict[str, object]]:
    """Every segment with payload in order of capture."""
    evidence = rows.evidence
    found, packets = evidence.reassembly, evidence.packets
    row_of_stream = rows.row_of_stream()
    stream = np.repeat(np.arange(len(found.streams)), np.diff(found.streams.packet_start))
    wanted = np.flatnonzero((packets.length[found.order] > 0) & (row_of_stream[stream] >= 0))
    wanted = wanted[np.argsort(found.order[wanted], kind="stable")]
    ends = [_ends(rows, row) for row in range(len(rows))]
    for start in range(0, len(wanted), 4096):
        chunk = wanted[start : start + 4096]
        packet = found.order[chunk]
        address = packets.header[packet] + packets.data_offset[packet]
        data = evidence.store.slices(address.tolist(), packets.length[packet].astype(np.int64).tolist())
        columns = (
            row_of_stream[stream[chunk]],
            evidence.times[packet],
            packets.frame[packet].astype(np.int64) + 1,
            packet_offsets(evidence, chunk, stream[chunk]),
        )
        for payload, row, time, frame, offset in zip(data, *(c.tolist() for c in columns), strict=True):
            shown = payload
            if settings.max_bytes is not None:
                shown = payload[: max(settings.max_bytes - max(offset, 0), 0)]
            if shown:
                yield _record(ends[row], time, frame, offset, shown)


def _streams(rows: StreamRows, settings: Settings) -> Iterator[dict[str, object]]:
    """Every run of every stream by offset, gaps between them."""
    evidence = rows.evidence
    found = evidence.reassembly
    for row, stream in enumerate(rows.stream.tolist()):
        ends = _ends(rows, row)
        low, high = found.streams.extent_start[stream : stream + 2].tolist()
        packet = found.extents.packet[low:high]
        columns = (
            found.extents.offset[low:high],
            found.extents.length[low:high],
            found.extents.address[low:high],
            evidence.times[packet],
            evidence.packets.frame[packet].astype(np.int64) + 1,
        )
        position = 0
        for offset, length, address, time, frame in zip(*(c.tolist() for c in columns), strict=True):
            if settings.max_bytes is not None:
                length = min(length, settings.max_bytes - offset)
                if length <= 0:
                    break
            if offset > position:
                yield {**ends, "offset": position, "missing": offset - position}
            position = offset + length
            yield _record(ends, time, frame, offset, evidence.store.read(address, length))
