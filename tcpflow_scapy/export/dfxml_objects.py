"""The ``fileobject`` elements of a report, each built as one piece of text: there may be a million."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat, zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.store import OFFSET_MASK
from tcpflow_scapy.decode.packets import IPV6_BASE
from tcpflow_scapy.export.dfxml_texts import (
    FileList,
    all_escaped,
    attributes,
    count_attribute,
    digest_texts,
    escaped,
    mac_attributes,
    time_attribute,
)
from tcpflow_scapy.export.streams import StreamRows
from tcpflow_scapy.export.text_columns import addresses, beside, characters, decimals, picked, together
from tcpflow_scapy.reassembly.tables import GapCause

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.table import FlowTable

    Files = pd.DataFrame | FileList | None

    BodyFile = tuple[int, str, int, str, int, Sequence[str]]

Array = np.ndarray[Any, np.dtype[Any]]

MAX_RUNS = 10_000
"""Byte runs listed for one stream; more are counted in an attribute."""

AT_ONCE = 1 << 12
"""Elements that are made together."""

END = "\n    </fileobject>"

MARK = 1
"""The code of no character of XML."""


class FileObjects:
    """The ``fileobject`` elements of directions, in the order of their first packets."""

    def __init__(
        self,
        flows: FlowTable,
        files: Files,
        bodies: Sequence[BodyFile],
        byte_runs: bool,
    ) -> None:
        self.rows = rows = StreamRows.of(flows._evidence, flows._index)
        self._evidence = rows.evidence
        self._runs_wanted = byte_runs
        self._files = FileList.of(files) if files is not None and not isinstance(files, FileList) else files
        self._bodies: dict[int, list[BodyFile]] = {}
        for body in bodies:
            self._bodies.setdefault(body[0], []).append(body)
        layers = self._evidence.packets.encapsulations
        self._layers = [
            attributes({"vlan": vlan.replace(".", ",") or None, "encap": path})
            for vlan, path in zip(layers.vlan_texts(), layers.path_texts(), strict=True)
        ]
        self._wire, self._caplen = _frame_bytes(rows)

    def __iter__(self) -> Iterator[str]:
        """The elements, some thousands at a time."""
        files = self._files
        place = self._places(files)
        names = [] if files is None else all_escaped(files.path)
        digests = digest_texts(files) if files is not None and files.digests else None
        for start in range(0, len(self.rows), AT_ONCE):
            part = slice(start, min(start + AT_ONCE, len(self.rows)))
            chars = self._some(part, place[part], names)
            more = self._more(part, place[part], digests)
            # What only some have, and what may be long, is put in at marks.
            marks = np.array([[MARK if text else 0] for text in more], np.uint8) if more else ""
            pieces = together(beside(chars, marks, END)).split(chr(MARK))
            yield "".join(chain.from_iterable(zip_longest(pieces, filter(None, more or ()), fillvalue="")))

    def _places(self, files: FileList | None) -> Array:
        """For each row the place of its file in the list; -1 if it has none."""
        place = np.full(len(self.rows), -1, np.int64)
        if files is not None and len(files.stream):
            row = self.rows.row_of_stream()[np.array(files.stream, np.int64)]
            place[row[row >= 0]] = np.flatnonzero(row >= 0)
        return place

    def _some(self, part: slice, place: Array, names: Sequence[str]) -> Array:
        """Elements up to the end of ``tcpflow``, as characters."""
        rows = StreamRows(self._evidence, self.rows.stream[part])
        sizes = rows.column("end").astype(np.int64)
        parts: list[str | Array] = ["\n    <fileobject>"]
        has = np.flatnonzero(place >= 0)
        if len(has) and self._files is not None:
            found = place[has].tolist()
            sizes[has] = [self._files.size[each] for each in found]
            some = characters([names[each] for each in found])
            chars = np.zeros((len(rows), some.shape[1]), np.uint8)
            chars[has] = some
            parts.append(beside("\n      <filename>", chars, "</filename>", present=place >= 0))
        parts += ["\n      <filesize>", decimals(sizes), "</filesize>"]
        return beside(*parts, "\n      <tcpflow", *self._ends(rows), *self._counts(rows, part), "/>")

    def _ends(self, rows: StreamRows) -> list[str | Array]:
        """Attributes of ``tcpflow``: when, and from where to where."""
        streams = self._evidence.reassembly.streams
        book = self._evidence.packets.addresses
        senders, receivers = streams.address[rows.stream], streams.address[rows.stream ^ 1]
        return [
            time_attribute("startime", rows.column("first_time")),
            time_attribute("endtime", rows.column("last_time")),
            mac_attributes(rows),
            *(" family='", picked((senders >> 16 >= IPV6_BASE).astype(np.intp), ("2", "10")), "'"),
            *(" src_ipn='", addresses(book, senders >> 16), "'"),
            *(" dst_ipn='", addresses(book, receivers >> 16), "'"),
            *(" srcport='", decimals(senders & 0xFFFF), "'"),
            *(" dstport='", decimals(receivers & 0xFFFF), "'"),
        ]

    def _counts(self, rows: StreamRows, part: slice) -> list[str | Array]:
        """Attributes of ``tcpflow``: how much; what is zero and not tcpflow's is left out."""
        wire, caplen = self._wire[part], self._caplen[part]
        captured, layers = rows.column("captured"), self._evidence.reassembly.connections.encapsulation
        return [
            *(" packets='", decimals(rows.column("packets")), "'"),
            count_attribute("out_of_order_count", rows.column("out_of_order")),
            *(" len='", decimals(wire), "'"),
            count_attribute("caplen", np.where(caplen != wire, caplen, 0)),
            *(" flow='", decimals(rows.flow), "'"),
            *(" direction='", picked(rows.from_server.astype(np.intp), ("client", "server")), "'"),
            *(" captured='", decimals(captured), "'"),
            count_attribute("missing", rows.column("size") - captured),
            count_attribute("retransmitted", rows.column("retransmitted")),
            picked(layers[rows.flow], self._layers),
        ]

    def _more(self, part: slice, place: Array, digests: list[str] | None) -> list[str] | None:
        """Digests, places in the capture, gaps and conflicts of some rows; None if none has any."""
        texts = self._trust(self.rows.stream[part])
        if self._runs_wanted or self._bodies:
            streams = enumerate(self.rows.stream[part].tolist(), part.start)
            runs = ["".join(self._byte_runs(row, stream)) for row, stream in streams]
            texts = runs if texts is None else [run + text for run, text in zip(runs, texts, strict=True)]
        if digests is not None:
            found = ("" if each < 0 else digests[each] for each in place.tolist())
            texts = [d + text for d, text in zip(found, texts or repeat(""), strict=False)]
        return texts

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
        for _, path, size, digest, offset, problems in bodies:
            held = f"<filename>{escaped(path)}</filename><filesize>{size}</filesize>"
            if digest:
                held += f"<hashdigest type='SHA256'>{escaped(digest)}</hashdigest>"
            if problems:
                held += f"<problems>{escaped(' '.join(problems))}</problems>"
            yield f"\n        <byte_run file_offset='{offset}'><fileobject>{held}</fileobject></byte_run>"
        yield "\n      </byte_runs>"

    def _trust(self, stream: Array) -> list[str] | None:
        """Gaps and conflicts of each stream; most have none."""
        streams = self._evidence.reassembly.streams
        texts: list[str] | None = None
        for starts, text in ((streams.gap_start, self._gaps), (streams.conflict_start, self._conflicts)):
            low, high = starts[stream], starts[stream + 1]
            for row in np.flatnonzero(low < high).tolist():
                texts = texts or [""] * len(stream)
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
