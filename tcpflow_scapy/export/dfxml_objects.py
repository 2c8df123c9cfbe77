"""The ``fileobject`` elements of a report, each built as one piece of text: there may be a million."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
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

AT_ONCE = 1 << 12
"""Elements, or byte runs of one, that are made together."""

TEXT = 1 << 20
"""Characters that are handed on together."""

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
            marks = np.array([[MARK if texts else 0] for texts in more], np.uint8) if more else ""
            pieces = together(beside(chars, marks, END)).split(chr(MARK))
            yield from _large(_between(pieces, filter(None, more or ())))

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

    def _more(self, part: slice, place: Array, digests: list[str] | None) -> list[list[Iterable[str]]] | None:
        """Digests, places in the capture, gaps and conflicts of some rows; None if none has any."""
        streams = self.rows.stream[part]
        trust = self._trust(streams)
        if digests is None and trust is None and not (self._runs_wanted or self._bodies):
            return None
        texts: list[list[Iterable[str]]] = [[] for _ in streams]
        if digests is not None:
            for row, each in enumerate(place.tolist()):
                if each >= 0 and digests[each]:
                    texts[row].append((digests[each],))
        captured = self._evidence.reassembly.streams.captured[streams].tolist()
        for row, stream in enumerate(streams.tolist()):
            if (self._runs_wanted and captured[row]) or stream in self._bodies:
                texts[row].append(self._byte_runs(part.start + row, stream))
            if trust is not None and trust[row]:
                texts[row].append((trust[row],))
        return texts

    def _byte_runs(self, row: int, stream: int) -> Iterator[str]:
        """Where the bytes lie in the capture, and the HTTP bodies that lie in them."""
        yield "\n      <byte_runs>"
        extents = self.rows.extents(row)
        for start in range(0, len(extents.offset) if self._runs_wanted else 0, AT_ONCE):
            part = slice(start, start + AT_ONCE)
            yield self._some_runs(extents.offset[part], extents.length[part], extents.address[part])
        for _, path, size, digest, offset, problems in self._bodies.get(stream, ()):
            held = f"<filename>{escaped(path)}</filename><filesize>{size}</filesize>"
            if digest:
                held += f"<hashdigest type='SHA256'>{escaped(digest)}</hashdigest>"
            if problems:
                held += f"<problems>{escaped(' '.join(problems))}</problems>"
            yield f"\n        <byte_run file_offset='{offset}'><fileobject>{held}</fileobject></byte_run>"
        yield "\n      </byte_runs>"

    def _some_runs(self, offset: Array, length: Array, address: Array) -> str:
        """Runs of a stream; those in reassembled datagrams are cut at the borders of fragments.

        Of bytes that a packet carried compressed, the run says where that begins.
        """
        origins, store = self._evidence.origins, self._evidence.store
        compressed = np.zeros(len(offset), bool)
        if origins is not None:
            row, skip, address, length, compressed = origins.ranges(address, length)
            offset = offset[row] + skip
        several = len(self._evidence.info.paths) > 1
        texts = []
        columns = (offset.tolist(), length.tolist(), address.tolist(), compressed.tolist())
        for at, size, place, packed in zip(*columns, strict=True):
            where = attributes({"img_filename": store.name(place)}) if several else ""
            begins = "compressed_img_offset" if packed else "img_offset"
            run = f"file_offset='{at}' len='{size}' {begins}='{place & OFFSET_MASK}'{where}"
            texts.append(f"\n        <byte_run {run}/>")
        return "".join(texts)

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


def _between(pieces: list[str], more: Iterable[list[Iterable[str]]]) -> Iterator[str]:
    """Pieces with what belongs between them."""
    first, *others = pieces
    yield first
    for texts, piece in zip(more, others, strict=True):
        yield from chain.from_iterable(texts)
        yield piece


def _large(texts: Iterable[str]) -> Iterator[str]:
    """The same text in larger pieces."""
    kept: list[str] = []
    size = 0
    for text in texts:
        kept.append(text)
        size += len(text)
        if size >= TEXT:
            yield "".join(kept)
            kept, size = [], 0
    yield "".join(kept)


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
