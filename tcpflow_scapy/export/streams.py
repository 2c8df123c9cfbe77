"""The directions that become files: columns picked from reassembly, in order of first packet.

Forty thousand connections are forty thousand objects less when files are written from columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.packets import IPV6_BASE
from tcpflow_scapy.export.names import NameFields, Template, address_text
from tcpflow_scapy.export.payload import Extents
from tcpflow_scapy.export.text_columns import beside, decimals, padded_addresses, same_length

if TYPE_CHECKING:
    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]

ETHERNET = 1
"""LINKTYPE_ETHERNET: the one link layer whose frames begin with two MAC addresses."""

AT_ONCE = 1 << 13
"""Rows whose names are made together."""


@dataclass(slots=True)
class StreamRows:
    """Directions of connections, ordered by their first packet. All columns have one entry for each."""

    evidence: Evidence
    stream: Array
    """int64, row in the `StreamTable`: twice the flow's number, plus one for the server"""

    @classmethod
    def of(cls, evidence: Evidence, flows: Array | None = None) -> StreamRows:
        """The directions of `flows` (numbers; None: all) in which any packet was seen.

        The order is that of tcpflow's files: it decides which of two connections between the same two
        ports gets the plain name and which the name with ``c1``.
        """
        streams = evidence.reassembly.streams
        if flows is None:
            rows = np.arange(len(streams), dtype=np.int64)
        else:
            rows = (2 * np.unique(flows).astype(np.int64)[:, None] + np.arange(2)).reshape(-1)
        rows = rows[streams.packets[rows] > 0]
        first = _first_packets(evidence, rows)
        return cls(evidence, rows[np.argsort(first, kind="stable")])

    def __len__(self) -> int:
        return len(self.stream)

    @property
    def flow(self) -> Array:
        """int64, number of the flow."""
        return self.stream >> 1

    @property
    def from_server(self) -> Array:
        """bool, True where the server sent it."""
        return (self.stream & 1).astype(bool)

    def column(self, name: str) -> Array:
        """A column of the `StreamTable` for these rows."""
        values: Array = getattr(self.evidence.reassembly.streams, name)[self.stream]
        return values

    def gaps(self) -> Array:
        """int64, number of gaps of each stream."""
        starts = self.evidence.reassembly.streams.gap_start
        return np.asarray(starts[self.stream + 1] - starts[self.stream], np.int64)

    def row_of_stream(self) -> Array:
        """int64 for each stream of the `StreamTable`: its index in these rows, -1 if it is not among them."""
        row = np.full(len(self.evidence.reassembly.streams), -1, np.int64)
        row[self.stream] = np.arange(len(self))
        return row

    def with_data(self) -> StreamRows:
        """Only the directions of which payload was captured."""
        return StreamRows(self.evidence, self.stream[self.column("captured") > 0])

    def extents(self, row: int) -> Extents:
        """The captured bytes of one row (an index into these rows)."""
        found = self.evidence.reassembly
        stream = int(self.stream[row])
        start, stop = int(found.streams.extent_start[stream]), int(found.streams.extent_start[stream + 1])
        columns = found.extents
        return Extents(columns.offset[start:stop], columns.length[start:stop], columns.address[start:stop])


def _first_packets(evidence: Evidence, streams: Array) -> Array:
    """Row in the `PacketTable` of the first packet of each stream; every stream must have one."""
    found = evidence.reassembly
    first: Array = found.order[found.streams.packet_start[streams]]
    return first


class FieldsOfRows:
    """What names can be made of, row by row.

    Parameters
    ----------
    rows : StreamRows
    letters : iterable of str
        The escapes a template uses: what none of them needs is not looked up.
    """

    def __init__(self, rows: StreamRows, letters: list[str]) -> None:
        evidence = rows.evidence
        streams = evidence.reassembly.streams
        self._packed = evidence.packets.addresses.packed
        self._senders = streams.address[rows.stream].tolist()
        self._receivers = streams.address[rows.stream ^ 1].tolist()
        self._sessions = rows.flow.tolist()
        starts = rows.column("first_time")
        self._starts = np.where(starts == NO_TIME, 0, starts).tolist()
        encapsulation = evidence.reassembly.connections.encapsulation[rows.flow]
        self._vlans = evidence.packets.encapsulations.outer_vlans()
        self._encapsulations = encapsulation.tolist()
        self._numbers = _numbers(rows).tolist() if not set("NKMG").isdisjoint(letters) else None
        self._macs = macs_of_rows(rows) if not set("Ee").isdisjoint(letters) else None

    def __call__(self, row: int) -> NameFields:
        """The fields of one row."""
        sender, receiver = self._senders[row], self._receivers[row]
        fields = NameFields(
            self._packed(sender >> 16),
            self._packed(receiver >> 16),
            sender & 0xFFFF,
            receiver & 0xFFFF,
            self._starts[row],
            self._vlans[self._encapsulations[row]],
            session=self._sessions[row],
        )
        if self._numbers is not None:
            fields.number = self._numbers[row]
        if self._macs is not None:
            fields.source_mac, fields.destination_mac = self._macs[row]
        return fields


class NamesOfRows:
    """The names a template gives, row by row and count by count.

    Parameters
    ----------
    rows : StreamRows
    template : Template
    """

    def __init__(self, rows: StreamRows, template: Template) -> None:
        self._rows = rows
        self._template = template

    @cached_property
    def _fields(self) -> FieldsOfRows:
        return FieldsOfRows(self._rows, self._template.letters)

    def name(self, row: int, count: int) -> str:
        """The name of a row that found `count` files of its name before it."""
        return self._template.expand(self._fields(row), count)

    def firsts(self) -> Iterator[str]:
        """For each row the name it has if no file of its name was before it."""
        if not self._template.is_default:
            return (self.name(row, 0) for row in range(len(self._rows)))
        # tcpflow's own template, by column: exports of 100,000 files would spend a quarter of their time
        # on names otherwise.
        return chain.from_iterable(map(self._some_firsts, range(0, len(self._rows), AT_ONCE)))

    def _some_firsts(self, start: int) -> list[str]:
        evidence = self._rows.evidence
        streams = evidence.reassembly.streams
        stream = self._rows.stream[start : start + AT_ONCE]
        ends = (streams.address[stream], streams.address[stream ^ 1])
        layers = evidence.reassembly.connections.encapsulation[stream >> 1]
        if max(int(keys.max()) >> 16 for keys in ends) < IPV6_BASE:
            texts = [beside(padded_addresses(keys >> 16), ".", decimals(keys & 0xFFFF, 5)) for keys in ends]
            names = same_length(beside(texts[0], "-", texts[1]))
        else:
            names = [
                f"{sender}-{receiver}"
                for sender, receiver in zip(*map(self._endpoint_texts, ends), strict=True)
            ]
        tags = self._tags
        if tags is None:
            return names
        return [name + tags[layer] for name, layer in zip(names, layers.tolist(), strict=True)]

    @cached_property
    def _tags(self) -> list[str] | None:
        """What names of each encapsulation end with; None if that is nothing."""
        vlans = self._rows.evidence.packets.encapsulations.outer_vlans()
        return ["" if vlan is None else f"--{vlan}" for vlan in vlans] if set(vlans) - {None} else None

    def _endpoint_texts(self, keys: Array) -> list[str]:
        packed = self._rows.evidence.packets.addresses.packed
        texts = {code: address_text(packed(code)) for code in np.unique(keys >> 16).tolist()}
        return [f"{texts[key >> 16]}.{key & 0xFFFF:05d}" for key in keys.tolist()]


def _numbers(rows: StreamRows) -> Array:
    """Position of each row's direction among all directions of the capture, by first packet."""
    everything = StreamRows.of(rows.evidence).stream
    position = np.zeros(len(rows.evidence.reassembly.streams), np.int64)
    position[everything] = np.arange(len(everything))
    numbers: Array = position[rows.stream]
    return numbers


def macs_of_rows(rows: StreamRows) -> list[tuple[bytes, bytes]]:
    """Source and destination MAC of each direction's first frame; zeros where the link layer has none."""
    heads = heads_of_rows(rows).tobytes()
    return [(heads[i + 6 : i + 12], heads[i : i + 6]) for i in range(0, len(heads), 12)]


def heads_of_rows(rows: StreamRows) -> Array:
    """The two MAC addresses that each direction's first frame begins with, destination first; or zeros.

    Returns
    -------
    ndarray of uint8, shape (n, 12)
    """
    evidence = rows.evidence
    frame = evidence.packets.frame[_first_packets(evidence, rows.stream)]
    frames = evidence.frames
    some = np.flatnonzero((frames.linktype[frame] == ETHERNET) & (frames.caplen[frame] >= 12))
    heads = np.zeros((len(frame), 12), np.uint8)
    address = frames.address[frame[some]]
    place = some * heads.shape[1]
    evidence.store.copy(address, np.full(len(some), heads.shape[1]), heads.reshape(-1), place)
    return heads
