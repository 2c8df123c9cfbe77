"""The ``fileobject`` elements of a report, each built as one piece of text: there may be a million."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.capture.store import OFFSET_MASK
from tcpflow_scapy.export.streams import StreamRows, macs_of_rows
from tcpflow_scapy.reassembly.tables import GapCause

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.table import FlowTable

    Files = pd.DataFrame | Mapping[int, Mapping[str, Any]] | None

Array = np.ndarray[Any, np.dtype[Any]]
Attributes = Mapping[str, object]

MAX_RUNS = 10_000
"""Byte runs listed for one stream; more are counted in an attribute."""


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


class FileObjects:
    """The ``fileobject`` elements, each built as one piece of text: there may be a million."""

    def __init__(
        self,
        flows: FlowTable,
        files: Files,
        bodies: Sequence[tuple[int, str, int, str, int]],
        byte_runs: bool,
    ) -> None:
        self.rows = rows = StreamRows.of(flows._evidence, flows._index)
        self._evidence = rows.evidence
        self._runs_wanted = byte_runs
        self._files: Mapping[int, Mapping[str, Any]] = {}
        if isinstance(files, Mapping):
            self._files = files
        elif files is not None:
            sides = (files["direction"] == "server").to_numpy().astype(np.int64)
            numbers = files["flow"].to_numpy() * 2 + sides
            records: list[Any] = files.to_dict("records")
            self._files = dict(zip(numbers.tolist(), records, strict=True))
        self._bodies: dict[int, list[tuple[int, str, int, str, int]]] = {}
        for body in bodies:
            self._bodies.setdefault(body[0], []).append(body)
        self._wire, self._caplen = _frame_bytes(rows)
        encapsulations = self._evidence.packets.encapsulations.rows
        self._layers = [
            _attributes({"vlan": ",".join(map(str, e.vlan)) or None, "encap": str(e)}) for e in encapsulations
        ]
        self._texts: dict[int, tuple[int, str]] = {}
        streams = self._evidence.reassembly.streams
        self._gap_start = streams.gap_start.tolist()
        self._conflict_start = streams.conflict_start.tolist()

    def __iter__(self) -> Iterator[str]:
        rows = self.rows
        sizes = rows.column("end").tolist()
        for row, (stream, size, attributes) in enumerate(
            zip(rows.stream.tolist(), sizes, self._all_attributes(), strict=True)
        ):
            file = self._files.get(stream, {})
            name = f"\n      <filename>{_escaped(file['path'])}</filename>" if "path" in file else ""
            yield (
                f"\n    <fileobject>{name}"
                f"\n      <filesize>{file.get('size', size)}</filesize>"
                f"\n      <tcpflow{attributes}/>"
                f"{_digests(file)}{''.join(self._byte_runs(row, stream))}{self._trust(stream)}"
                "\n    </fileobject>"
            )

    def _all_attributes(self) -> Iterator[str]:
        """Of the ``tcpflow`` elements; what tcpflow has no attribute for is left out where it is zero."""
        rows = self.rows
        streams = self._evidence.reassembly.streams
        layers = self._evidence.reassembly.connections.encapsulation[rows.flow]
        names = ("first_time", "last_time", "packets", "out_of_order", "captured", "size", "retransmitted")
        columns = [rows.column(name).tolist() for name in names]
        columns += [self._wire.tolist(), self._caplen.tolist(), layers.tolist()]
        columns += [streams.address[rows.stream].tolist(), streams.address[rows.stream ^ 1].tolist()]
        macs = map(_mac_attributes, macs_of_rows(rows))
        for stream, mac, values in zip(rows.stream.tolist(), macs, zip(*columns, strict=True), strict=True):
            first, last, packets, disorder, captured, size, again, wire, caplen, layer, *ends = values
            sender, receiver = ends
            family, source = self._address(sender >> 16)
            kept = f" caplen='{caplen}'" if caplen != wire else ""
            yield (
                f"{_time('startime', first)}{_time('endtime', last)}{mac} family='{family}'"
                f" src_ipn='{source}' dst_ipn='{self._address(receiver >> 16)[1]}'"
                f" srcport='{sender & 0xFFFF}' dstport='{receiver & 0xFFFF}' packets='{packets}'"
                f"{_count('out_of_order_count', disorder)} len='{wire}'{kept}"
                f" flow='{stream >> 1}' direction='{'server' if stream & 1 else 'client'}'"
                f" captured='{captured}'{_count('missing', size - captured)}{_count('retransmitted', again)}"
                f"{self._layers[layer]}"
            )

    def _address(self, code: int) -> tuple[int, str]:
        """Address family as C numbers it, and text."""
        found = self._texts.get(code)
        if found is None:
            packed = self._evidence.packets.addresses.packed(code)
            found = self._texts[code] = (10 if len(packed) == 16 else 2, str(ip_address(packed)))
        return found

    def _byte_runs(self, row: int, stream: int) -> Iterator[str]:
        """Where the bytes lie in the capture, and the HTTP bodies that lie in them."""
        bodies = self._bodies.get(stream, ())
        if not self._runs_wanted and not bodies:
            return
        extents = self.rows.extents(row)
        count = len(extents.offset) if self._runs_wanted else 0
        if not count and not bodies:
            return
        dropped = f" not_listed='{count - MAX_RUNS}'" if count > MAX_RUNS else ""
        yield f"\n      <byte_runs{dropped}>"
        several = len(self._evidence.store) > 1
        shown = min(count, MAX_RUNS)
        listed = (extents.offset[:shown], extents.length[:shown], extents.address[:shown])
        for offset, length, address in zip(*(c.tolist() for c in listed), strict=True):
            name = self._evidence.store.name(address) if several else None
            where = _attributes({"img_filename": name})
            place = f"file_offset='{offset}' len='{length}' img_offset='{address & OFFSET_MASK}'"
            yield f"\n        <byte_run {place}{where}/>"
        for _, path, size, digest, offset in bodies:
            held = f"<filename>{_escaped(path)}</filename><filesize>{size}</filesize>"
            if digest:
                held += f"<hashdigest type='SHA256'>{_escaped(digest)}</hashdigest>"
            yield f"\n        <byte_run file_offset='{offset}'><fileobject>{held}</fileobject></byte_run>"
        yield "\n      </byte_runs>"

    def _trust(self, stream: int) -> str:
        """Gaps and conflicts."""
        found = self._evidence.reassembly
        parts = []
        low, high = self._gap_start[stream], self._gap_start[stream + 1]
        if low < high:
            columns = (found.gaps.start, found.gaps.end, found.gaps.cause)
            for start, end, cause in zip(*(c[low:high].tolist() for c in columns), strict=True):
                why = GapCause(cause).label
                parts.append(f"\n      <gap file_offset='{start}' len='{end - start}' cause='{why}'/>")
        low, high = self._conflict_start[stream], self._conflict_start[stream + 1]
        if low < high:
            columns = (found.conflicts.start, found.conflicts.end, found.conflicts.packet)
            frame = self._evidence.packets.frame
            for start, end, packet in zip(*(c[low:high].tolist() for c in columns), strict=True):
                place = f"file_offset='{start}' len='{end - start}' frame='{int(frame[packet]) + 1}'"
                parts.append(f"\n      <conflict {place}/>")
        return "".join(parts)


def _digests(file: Mapping[str, Any]) -> str:
    return "".join(
        f"\n      <hashdigest type='{label}'>{_escaped(file[name])}</hashdigest>"
        for name, label in (("md5", "MD5"), ("sha1", "SHA1"), ("sha256", "SHA256"))
        if file.get(name)
    )


def _time(name: str, time: int) -> str:
    return f" {name}='{iso(time)}'" if time != NO_TIME else ""


def _count(name: str, number: int) -> str:
    return f" {name}='{number}'" if number else ""


def _escaped(value: object) -> str:
    return escape(xml_text(value))


def _attributes(values: Attributes) -> str:
    given = {name: xml_text(value) for name, value in values.items() if value is not None}
    return "".join(f" {name}={quoteattr(value)}" for name, value in given.items())


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
    text = _second(seconds)
    return f"{text}.{rest:06d}Z" if rest else f"{text}Z"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return str(seconds)


@lru_cache(maxsize=4096)
def _mac_attributes(macs: tuple[bytes, bytes]) -> str:
    """Of (source, destination); zeros are no address."""
    source, destination = macs
    return "".join(
        f" {name}='{address.hex(':')}'"
        for name, address in (("mac_daddr", destination), ("mac_saddr", source))
        if any(address)
    )
