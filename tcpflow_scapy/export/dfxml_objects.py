"""The ``fileobject`` elements of a report, each built as one piece of text: there may be a million."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.store import OFFSET_MASK
from tcpflow_scapy.export.dfxml_texts import (
    FileList,
    Texts,
    attributes,
    count_texts,
    escaped,
    file_texts,
    mac_texts,
    picked_texts,
    time_texts,
)
from tcpflow_scapy.export.streams import StreamRows
from tcpflow_scapy.reassembly.tables import GapCause

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.table import FlowTable

    Files = pd.DataFrame | FileList | None

Array = np.ndarray[Any, np.dtype[Any]]

MAX_RUNS = 10_000
"""Byte runs listed for one stream; more are counted in an attribute."""

AT_ONCE = 1 << 13
"""Elements whose texts are prepared together."""


class FileObjects:
    """The ``fileobject`` elements of directions, in the order of their first packets."""

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
        self._files = files if files is None or isinstance(files, FileList) else FileList.of(files)
        self._bodies: dict[int, list[tuple[int, str, int, str, int]]] = {}
        for body in bodies:
            self._bodies.setdefault(body[0], []).append(body)
        encapsulations = self._evidence.packets.encapsulations.rows
        self._layers = [
            attributes({"vlan": ",".join(map(str, e.vlan)) or None, "encap": str(e)}) for e in encapsulations
        ]

    def __iter__(self) -> Iterator[str]:
        names, sizes, digests = file_texts(self.rows, self._files)
        columns = (names, sizes, self._attributes(), digests, self._all_byte_runs(), self._all_trust())
        return (
            f"\n    <fileobject>{name}\n      <filesize>{size}</filesize>\n      <tcpflow{told}/>"
            f"{digest}{runs}{trust}\n    </fileobject>"
            for name, size, told, digest, runs, trust in zip(*columns, strict=True)
        )

    def _attributes(self) -> Iterator[str]:
        """Of the ``tcpflow`` elements; what tcpflow has no attribute for is left out where it is zero."""
        wire, caplen = _frame_bytes(self.rows)
        for start in range(0, len(self.rows), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            some = StreamRows(self._evidence, self.rows.stream[part])
            yield from self._some_attributes(some, wire[part], caplen[part])

    def _some_attributes(self, rows: StreamRows, wire: Array, caplen: Array) -> Iterator[str]:
        streams = self._evidence.reassembly.streams
        senders, receivers = streams.address[rows.stream], streams.address[rows.stream ^ 1]
        captured = rows.column("captured")
        layers = self._evidence.reassembly.connections.encapsulation[rows.flow]
        columns: list[Texts | list[int]] = [
            time_texts("startime", rows.column("first_time")),
            time_texts("endtime", rows.column("last_time")),
            mac_texts(rows),
            picked_texts(senders >> 16, self._source),
            picked_texts(receivers >> 16, lambda code: f" dst_ipn='{self._address(code)[1]}'"),
            (senders & 0xFFFF).tolist(),
            (receivers & 0xFFFF).tolist(),
            rows.column("packets").tolist(),
            count_texts("out_of_order_count", rows.column("out_of_order")),
            wire.tolist(),
            count_texts("caplen", np.where(caplen != wire, caplen, 0)),
            rows.stream.tolist(),
            captured.tolist(),
            count_texts("missing", rows.column("size") - captured),
            count_texts("retransmitted", rows.column("retransmitted")),
            picked_texts(layers, self._layers.__getitem__),
        ]
        sides = ("client", "server")
        return (
            f"{first}{last}{mac}{source}{destination} srcport='{sender}' dstport='{receiver}'"
            f" packets='{packets}'{disorder} len='{length}'{kept}"
            f" flow='{stream >> 1}' direction='{sides[stream & 1]}' captured='{held}'{missing}{again}{layer}"
            for (
                first,
                last,
                mac,
                source,
                destination,
                sender,
                receiver,
                packets,
                disorder,
                length,
                kept,
                stream,
                held,
                missing,
                again,
                layer,
            ) in zip(*columns, strict=True)
        )

    def _source(self, code: int) -> str:
        family, text = self._address(code)
        return f" family='{family}' src_ipn='{text}'"

    def _address(self, code: int) -> tuple[int, str]:
        """Address family as C numbers it, and text."""
        packed = self._evidence.packets.addresses.packed(code)
        return 10 if len(packed) == 16 else 2, str(ip_address(packed))

    def _all_byte_runs(self) -> Texts:
        if not self._runs_wanted and not self._bodies:
            return repeat("", len(self.rows))
        return ("".join(self._byte_runs(row, stream)) for row, stream in enumerate(self.rows.stream.tolist()))

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
            where = attributes({"img_filename": self._evidence.store.name(address)}) if several else ""
            place = f"file_offset='{offset}' len='{length}' img_offset='{address & OFFSET_MASK}'"
            yield f"\n        <byte_run {place}{where}/>"
        for _, path, size, digest, offset in bodies:
            held = f"<filename>{escaped(path)}</filename><filesize>{size}</filesize>"
            if digest:
                held += f"<hashdigest type='SHA256'>{escaped(digest)}</hashdigest>"
            yield f"\n        <byte_run file_offset='{offset}'><fileobject>{held}</fileobject></byte_run>"
        yield "\n      </byte_runs>"

    def _all_trust(self) -> Texts:
        """Gaps and conflicts of each row; most have none."""
        streams = self._evidence.reassembly.streams
        stream = self.rows.stream
        texts = [""] * len(stream)
        for starts, text in (
            (streams.gap_start, self._gaps),
            (streams.conflict_start, self._conflicts),
        ):
            low, high = starts[stream], starts[stream + 1]
            for row in np.flatnonzero(low < high).tolist():
                texts[row] += text(int(low[row]), int(high[row]))
        return texts

    def _gaps(self, low: int, high: int) -> str:
        gaps = self._evidence.reassembly.gaps
        columns = (gaps.start[low:high], gaps.end[low:high], gaps.cause[low:high])
        return "".join(
            f"\n      <gap file_offset='{start}' len='{end - start}' cause='{GapCause(cause).label}'/>"
            for start, end, cause in zip(*(c.tolist() for c in columns), strict=True)
        )

    def _conflicts(self, low: int, high: int) -> str:
        conflicts = self._evidence.reassembly.conflicts
        frames = self._evidence.packets.frame[conflicts.packet[low:high]] + 1
        columns = (conflicts.start[low:high], conflicts.end[low:high], frames)
        return "".join(
            f"\n      <conflict file_offset='{start}' len='{end - start}' frame='{frame}'/>"
            for start, end, frame in zip(*(c.tolist() for c in columns), strict=True)
        )


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
