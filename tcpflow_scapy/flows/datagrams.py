"""UDP conversations of a capture, beside its TCP flows: who sent what to whom, datagram by datagram."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.flows.categories import compact
from tcpflow_scapy.flows.summary import datetimes
from tcpflow_scapy.reassembly.pairs import pair_packets
from tcpflow_scapy.render.dataframe import frame_html

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.decode.packets import DatagramTable
    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]


class Conversation:
    """All datagrams between two endpoints. The *client* is the one that sent the first."""

    def __init__(self, table: Conversations, number: int) -> None:
        self._table = table
        self.id = number

    @property
    def _rows(self) -> Array:
        return self._table._rows_of(self.id)

    @property
    def client(self) -> tuple[str, int]:
        """Address and port of the side that sent the first datagram."""
        return self._table._end(int(self._table._datagrams.source[self._rows[0]]))

    @property
    def server(self) -> tuple[str, int]:
        """Address and port of the other side."""
        return self._table._end(int(self._table._datagrams.destination[self._rows[0]]))

    @property
    def packets(self) -> pd.DataFrame:
        """Its datagrams in order of capture: frame, time, direction, length, wire_length."""
        return self._table._frame(self._rows).drop(columns="conversation")

    def payloads(self, direction: str | None = None) -> list[bytes]:
        """Payload of each datagram in order of capture.

        Parameters
        ----------
        direction : {"client", "server"}, optional
            Only what that side sent.
        """
        rows = self._rows if direction is None else self._sent_by(direction)
        datagrams = self._table._datagrams
        lengths = datagrams.length[rows].astype(np.int64)
        return self._table._evidence.store.slices(datagrams.address[rows].tolist(), lengths.tolist())

    def _sent_by(self, direction: str) -> Array:
        if direction not in ("client", "server"):
            raise ValueError(f"direction must be 'client', 'server' or None, not {direction!r}")
        rows: Array = self._rows[self._table._from_server[self._rows] == (direction == "server")]
        return rows

    def ends(self, direction: str) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
        """Packed address and port of sender and receiver."""
        first = int(self._rows[0])
        found = self._table._datagrams
        keys = [int(found.source[first]), int(found.destination[first])]
        if direction == "server":
            keys.reverse()
        packed = self._table._evidence.packets.addresses.packed
        one, two = ((packed(key >> 16), key & 0xFFFF) for key in keys)
        return one, two

    def first_time(self, direction: str) -> int:
        """Time of the first datagram that a side sent, ns since the epoch."""
        first = self._sent_by(direction)[0]
        return int(self._table._evidence.frames.time[self._table._datagrams.frame[first]])

    @property
    def vlan(self) -> int | None:
        """Id of the outermost VLAN tag."""
        found = self._table._datagrams
        tags = found.encapsulations.rows[int(found.encapsulation[self._rows[0]])].vlan
        return tags[0] if tags else None

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        (a, p), (b, q) = self.client, self.server
        return f"<UDP {self.id} {a}:{p}-{b}:{q} {len(self)} datagrams>"


class Conversations:
    """UDP conversations in order of first datagram.

    ``len()``, iteration and ``[number]`` give `Conversation` objects; `df` has one row for each.
    """

    def __init__(self, evidence: Evidence) -> None:
        found = evidence.packets.datagrams
        if found is None:
            raise ValueError("this capture was read without its datagrams")
        self._evidence = evidence
        self._datagrams: DatagramTable = found
        number, _, self._count = pair_packets(found, ignore_vlan=False)
        self._number = number
        self._order = np.argsort(number, kind="stable")
        self._starts = np.searchsorted(number[self._order], np.arange(self._count + 1))
        first = self._order[self._starts[:-1]]
        self._from_server = found.source != found.source[first][number]
        self._first = first

    def _rows_of(self, number: int) -> Array:
        rows: Array = self._order[self._starts[number] : self._starts[number + 1]]
        return rows

    def _end(self, key: int) -> tuple[str, int]:
        return self._evidence.address_text(key >> 16), key & 0xFFFF

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Conversation:
        if not -self._count <= number < self._count:
            raise IndexError(f"there are {self._count} conversations")
        return Conversation(self, number % self._count)

    def __iter__(self) -> Iterator[Conversation]:
        for number in range(self._count):
            yield Conversation(self, number)

    @property
    def df(self) -> pd.DataFrame:
        """One row for each conversation.

        Returns
        -------
        pandas.DataFrame
            ``client``, ``client_port``, ``server``, ``server_port``, ``start``, ``end``, ``client_packets``,
            ``server_packets``, ``client_bytes``, ``server_bytes`` (captured payload), ``missing_bytes`` (cut
            off by snaplen or a lost fragment), ``encap``; indexed by number.
        """
        import pandas as pd

        found = self._datagrams
        times = self._evidence.frames.time[found.frame]
        side = 2 * self._number + self._from_server
        sizes = np.bincount(side, weights=found.length, minlength=2 * self._count).astype(np.int64)
        counts = np.bincount(side, minlength=2 * self._count)
        missing = found.wire_length.astype(np.int64) - found.length
        ordered, starts = times[self._order], self._starts[:-1]
        empty = np.empty(0, np.int64)
        columns: dict[str, Any] = {}
        for name, keys in (("client", found.source[self._first]), ("server", found.destination[self._first])):
            codes = (keys >> np.uint64(16)).astype(np.int64)
            values, index = np.unique(codes, return_inverse=True)
            columns[name] = compact(index, [self._evidence.address_text(v) for v in values.tolist()])
            columns[f"{name}_port"] = (keys & np.uint64(0xFFFF)).astype(np.uint16)
        columns["start"] = datetimes(np.minimum.reduceat(ordered, starts) if self._count else empty)
        columns["end"] = datetimes(np.maximum.reduceat(ordered, starts) if self._count else empty)
        columns |= {"client_packets": counts[0::2], "server_packets": counts[1::2]}
        columns |= {"client_bytes": sizes[0::2], "server_bytes": sizes[1::2]}
        columns["missing_bytes"] = np.bincount(
            self._number, weights=np.maximum(missing, 0), minlength=self._count
        ).astype(np.int64)
        layers = found.encapsulations.path_texts()
        columns["encap"] = compact(found.encapsulation[self._first], layers)
        return pd.DataFrame(columns, index=pd.RangeIndex(self._count, name="conversation"))

    @property
    def packets(self) -> pd.DataFrame:
        """Every datagram in order of capture: conversation, frame, time, direction, length, wire_length."""
        return self._frame(np.arange(len(self._datagrams)))

    def _frame(self, rows: Array) -> pd.DataFrame:
        import pandas as pd

        from tcpflow_scapy.flows.frames import directions

        found = self._datagrams
        frame = found.frame[rows]
        return pd.DataFrame(
            {
                "conversation": self._number[rows],
                "frame": frame.astype(np.int64) + 1,
                "time": datetimes(np.ascontiguousarray(self._evidence.frames.time[frame])),
                "direction": directions(self._from_server[rows].astype(np.int64)),
                "length": found.length[rows].astype(np.int64),
                "wire_length": found.wire_length[rows].astype(np.int64),
            }
        )

    def export(self, outdir: str | os.PathLike[str], **options: Any) -> pd.DataFrame:
        """Write each side of each conversation as one file, its payloads end to end.

        Files are named as those of TCP flows with ``.udp`` behind; see `FlowTable.export`.

        Returns
        -------
        pandas.DataFrame
            One row for each file: conversation, direction, name, path, size, datagrams.
        """
        from tcpflow_scapy._accessors import verb

        table: pd.DataFrame = verb("export_datagrams")(self, outdir, **options)
        return table

    def __repr__(self) -> str:
        return f"<{self._count} UDP conversations, {len(self._datagrams)} datagrams>"

    def _repr_html_(self) -> str | None:
        return frame_html(self.df.head(20))
