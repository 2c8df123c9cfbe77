"""The table of flows: what `reassemble` returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from tcpflow_scapy._accessors import verb
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.flows import selection
from tcpflow_scapy.flows.capture import Capture
from tcpflow_scapy.flows.columns import COLUMN_NAMES
from tcpflow_scapy.flows.evidence import living
from tcpflow_scapy.flows.flow import Flow
from tcpflow_scapy.flows.frames import conflict_frame, gap_frame, packet_frame

if TYPE_CHECKING:
    import os

    import pandas as pd
    from scapy.plist import PacketList

    from tcpflow_scapy.flows.datagrams import Conversations
    from tcpflow_scapy.flows.evidence import Evidence
    from tcpflow_scapy.plot.accessor import Plots

Array = np.ndarray[Any, np.dtype[Any]]


class FlowTable:
    """TCP connections of a capture, as a table and as objects.

    A view: selections share the evidence of the whole. ``len()``, iteration, ``flows[3]``, ``flows[2:9]``,
    ``flows[mask]``, ``flows[[1, 5]]`` and ``flows["10.0.0.1:1024-10.0.0.2:80"]`` work as they do for a list;
    columns of `df` are attributes.
    """

    def __init__(self, evidence: Evidence, index: Array | None = None) -> None:
        self._evidence = evidence
        count = len(evidence.reassembly.connections)
        self._index = np.arange(count) if index is None else np.asarray(index, np.int64)
        self._whole = index is None
        self._df: pd.DataFrame | None = None

    # -- the table ----------------------------------------------------------------------------------

    @property
    def df(self) -> pd.DataFrame:
        """One row for each flow, indexed by flow number; columns as in `flows.columns.FLOW_COLUMNS`."""
        if self._df is None:
            whole = self._evidence.summary
            self._df = whole if self._whole else whole.iloc[self._index]
        return self._df

    def __len__(self) -> int:
        return len(self._index)

    def __iter__(self) -> Iterator[Flow]:
        for number in self._index.tolist():
            yield Flow(self._evidence, number)

    @overload
    def __getitem__(self, key: int) -> Flow: ...
    @overload
    def __getitem__(self, key: slice) -> FlowTable: ...
    @overload
    def __getitem__(self, key: Any) -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            found = selection.named(self._evidence, self._index, key)
            return (
                Flow(self._evidence, int(found[0])) if len(found) == 1 else FlowTable(self._evidence, found)
            )
        if isinstance(key, (int, np.integer)) and not isinstance(key, (bool, np.bool_)):
            return Flow(self._evidence, int(self._index[key]))
        if isinstance(key, slice):
            return FlowTable(self._evidence, self._index[key])
        return FlowTable(self._evidence, self._index[selection.positions(self.df, key)])

    def _ipython_key_completions_(self) -> list[str]:
        return [flow.key for flow in self.head(1000)]

    def __getattr__(self, name: str) -> Any:
        if name in COLUMN_NAMES:
            return self.df[name]
        raise AttributeError(f"FlowTable has no attribute or column {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *COLUMN_NAMES})

    # -- selecting ----------------------------------------------------------------------------------

    def query(self, expr: str, **kwargs: Any) -> FlowTable:
        """Flows for which a pandas expression over the columns is true."""
        # ``@name`` means a variable of the caller, one frame further up than pandas would look.
        kwargs |= {"level": kwargs.get("level", 0) + 1, "target": None}
        mask = selection.true_or_false(self.df.eval(expr, **kwargs), expr, len(self))
        return FlowTable(self._evidence, self._index[mask])

    def sort_values(self, by: str | list[str], *, ascending: bool | list[bool] = True) -> FlowTable:
        """The same flows, ordered by columns."""
        ordered = self.df.sort_values(by, ascending=ascending, kind="stable")
        return FlowTable(self._evidence, ordered.index.to_numpy())

    def head(self, n: int = 5) -> FlowTable:
        """The first `n` flows."""
        return self[:n]

    def tail(self, n: int = 5) -> FlowTable:
        """The last `n` flows; of a negative `n` all but the first, as in pandas."""
        return self[-n:] if n else self[:0]

    def filter(self, *, host: str | None = None, port: int | None = None, time: Any = None) -> FlowTable:
        """Flows by address or network, port, and time.

        Parameters
        ----------
        host : str, optional
            An address or a network such as ``10.0.0.0/8``; either side.
        port : int, optional
            Either side.
        time : optional
            A time, or a pair of times of which either may be None: flows active then (UTC where no zone is
            given). As in pandas, the text ``"2015-07-12"`` is the whole day, ``"2015-07-12 10"`` the whole
            hour; Timestamps and datetimes are moments.

        Raises
        ------
        ValueError
            For what cannot be a host, a port or a time with a date. A time outside the capture is fine.
        """
        found: FlowTable = self[selection.select(self.df, host=host, port=port, time=time)]
        return found

    @property
    def loc(self) -> _Loc:
        """Flows by flow number (the index of `df`), as in pandas."""
        return _Loc(self)

    @overload
    @staticmethod
    def from_frame(frame: pd.DataFrame, flows: FlowTable | None = None) -> FlowTable: ...
    @overload
    @staticmethod
    def from_frame(frame: pd.DataFrame, flows: Mapping[Any, FlowTable]) -> dict[Any, FlowTable]: ...
    @staticmethod
    def from_frame(frame: pd.DataFrame, flows: Any = None) -> Any:
        """The flows behind the rows of a DataFrame, in its order, each once.

        Parameters
        ----------
        frame : pandas.DataFrame
            Made from `df`, `packets`, `gaps` or another table by whatever pandas can do: flow numbers are its
            index, a level of it or a column, named ``flow``.
        flows : FlowTable or mapping of FlowTable, optional
            Whose flows they are. Not needed where ``frame.attrs`` still says so. For a frame that
            ``pd.concat({name: table.df ...})`` made of several captures: the tables by name.

        Returns
        -------
        FlowTable
            Or, of several captures, a dict of them by name.

        Raises
        ------
        ValueError
            If the frame does not say whose flows, or which, they are.
        KeyError
            If there is no such flow, or no table of the name that the frame gives.
        """
        if isinstance(flows, Mapping):
            found = selection.numbers_by_name(frame, flows)
            return {name: flows[name].loc[rows] for name, rows in found.items()}
        rows = selection.numbers_of(frame)
        if flows is not None:
            return flows.loc[rows]
        evidence = living(frame.attrs.get("evidence"))
        if evidence is None:
            raise ValueError(
                "this table no longer says whose flows it holds; name them: from_frame(frame, flows)"
            )
        return FlowTable(evidence).loc[rows]

    # -- tables -------------------------------------------------------------------------------------

    @property
    def _streams(self) -> Array:
        streams = np.repeat(2 * self._index, 2)
        streams[1::2] += 1
        return streams

    @property
    def packets(self) -> pd.DataFrame:
        """Every TCP segment of these flows, in order of capture.

        Columns: flow, direction, frame, time, seq, ack, flags, window, offset, length, wire_length, class.
        """
        return self._evidence.told(packet_frame(self._evidence, self._streams))

    @property
    def gaps(self) -> pd.DataFrame:
        """Every gap of these flows.

        Columns: flow, direction, start, end, length, cause, before_frame, after_frame.
        """
        return self._evidence.told(gap_frame(self._evidence, self._streams))

    @property
    def conflicts(self) -> pd.DataFrame:
        """Every conflict of these flows.

        Columns: flow, direction, start, end, length, frame, delivered_frame, delivered, other.
        """
        return self._evidence.told(conflict_frame(self._evidence, self._streams))

    @property
    def capture(self) -> Capture:
        """What the source was and what became of its frames."""
        return Capture(self._evidence)

    @property
    def store(self) -> Store:
        """The bytes behind `Stream.extents`."""
        return self._evidence.store

    @property
    def community_id(self) -> pd.Series:
        """Community ID of each flow (version 1, seed 0)."""
        import pandas as pd

        return pd.Series([f.community_id for f in self], index=self.df.index, name="community_id", dtype=str)

    def search(self, pattern: Any, *, bodies: bool = False, limit: int | None = None) -> pd.DataFrame:
        """Matches in stream data, across the borders of segments; a match never spans a gap.

        Parameters
        ----------
        pattern : bytes, str or compiled expression
            Plain bytes or text are looked for as they are, ``re.compile(...)`` as an expression.
        bodies : bool
            Look through HTTP bodies instead, after chunks and content codings were undone.
        limit : int, optional
            Stop after so many.

        Returns
        -------
        pandas.DataFrame
            flow, direction, offset, length, frame, time, match; with `bodies` also body_offset and url.
        """
        if bodies:
            return self._evidence.told(verb("search_bodies")(self, pattern, limit))
        from tcpflow_scapy.flows.search import search_streams

        return self._evidence.told(search_streams(self._evidence, self._streams, pattern, limit))

    @property
    def datagrams(self) -> Conversations:
        """UDP conversations of the whole capture: objects, and a table as ``.df``."""
        from tcpflow_scapy.flows.datagrams import Conversations

        return Conversations(self._evidence)

    @property
    def fragment_conflicts(self) -> pd.DataFrame:
        """IP fragments of the whole capture that contradict each other, one row for each version.

        Columns: ``conflict`` (the same for all versions of the same bytes), ``length``, ``frame``,
        ``delivered`` (whether the reassembled datagram holds this version), ``data`` (bytes).
        """
        from tcpflow_scapy.flows.frames import fragment_conflict_frame

        return fragment_conflict_frame(self._evidence)

    @property
    def http(self) -> pd.DataFrame:
        """HTTP/1 requests and responses of these flows, one row for each exchange."""
        return self._evidence.told(verb("http_frame")(self))

    @property
    def service(self) -> pd.Series:
        """What each flow seems to speak, by its first bytes."""
        guesses: pd.Series = verb("guess_services")(self)
        return guesses

    # -- outputs ------------------------------------------------------------------------------------

    def scapy(self) -> PacketList:
        """The frames of these flows as Scapy packets, dissected, with their times."""
        from tcpflow_scapy.flows.scapy_packets import packet_list

        return packet_list(self._evidence, self._index)

    def export(self, outdir: str | os.PathLike[str], **options: Any) -> pd.DataFrame:
        """Write one file for each stream with payload, named and filled as tcpflow does.

        Returns
        -------
        pandas.DataFrame
            One row for each file: flow, direction, name, path, size, missing_bytes, gaps, sha256, md5 ...
        """
        table: pd.DataFrame = verb("export_flows")(self, outdir, **options)
        return table

    def export_http(self, outdir: str | os.PathLike[str], **options: Any) -> pd.DataFrame:
        """Write the bodies of HTTP responses, one file for each, as tcpflow's ``-e http`` does."""
        table: pd.DataFrame = verb("export_http_bodies")(self, outdir, **options)
        return table

    def split_pcap(self, outdir: str | os.PathLike[str], **options: Any) -> list[str]:
        """Write one capture for each stream (tcpflow's ``-K``, with the right link type)."""
        names: list[str] = verb("split_captures")(self, outdir, **options)
        return names

    def unused_to_pcap(self, path: str | os.PathLike[str], **options: Any) -> int:
        """Write the frames of the capture that are part of no flow (tcpflow's ``-w``)."""
        count: int = verb("unused_frames")(self, path, **options)
        return count

    def to_parquet(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Write `df` as Parquet (needs the ``parquet`` extra)."""
        return verb("to_parquet")(self, path, **options)

    def to_csv(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Write `df` as CSV; cells that a spreadsheet would run are made harmless."""
        return verb("to_csv")(self, path, **options)

    def to_json(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Write `df` as JSON."""
        return verb("to_json")(self, path, **options)

    def to_pcap(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Write the frames of these flows as a capture file."""
        return verb("to_pcap")(self, path, **options)

    @property
    def plot(self) -> Plots:
        """Pictures: ``timeline()``, ``bandwidth()``, ``endpoints()``, ``sizes()`` (see its `repr`)."""
        plots: Plots = verb("plots_of_flows")(self)
        return plots

    def browse(self, **options: Any) -> Any:
        """A table to sort, filter, mark and look into, in a notebook (needs the ``notebook`` extra).

        Returns
        -------
        FlowBrowser
            Its ``marked``, ``selected`` and ``shown`` are tables of flows.
        """
        return verb("browse")(self, **options)

    def report(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write one page about these flows: ``.pdf`` or ``.html``, by the name (needs the ``plot`` extra)."""
        verb("report")(self, path, **options)

    def report_tables(self, **options: Any) -> dict[str, pd.DataFrame]:
        """The numbers of the report, by name."""
        tables: dict[str, pd.DataFrame] = verb("report_tables")(self, **options)
        return tables

    def to_dfxml(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Write a report of these flows as Digital Forensics XML, as tcpflow's ``report.xml`` and more."""
        return verb("to_dfxml")(self, path, **options)

    # -- looks --------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        from tcpflow_scapy.flows.looks import flow_table

        return flow_table(self).to_text()

    def _repr_html_(self) -> str:
        from tcpflow_scapy.flows.looks import flow_table

        return flow_table(self).to_html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        from tcpflow_scapy.flows.looks import flow_table, pretty

        pretty(flow_table(self), f"<FlowTable of {len(self)} flows>", printer, cycle)

    def __rich__(self) -> Any:
        from tcpflow_scapy.flows.looks import flow_table

        return flow_table(self)


class _Loc:
    """`FlowTable.loc`."""

    def __init__(self, table: FlowTable) -> None:
        self._table = table

    def __getitem__(self, key: Any) -> Any:
        found = selection.numbers(self._table.df, key)
        if isinstance(found, int):
            return Flow(self._table._evidence, found)
        return FlowTable(self._table._evidence, found)
