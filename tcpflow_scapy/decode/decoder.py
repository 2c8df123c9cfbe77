"""Frames in, packets out: the decoding stage as the pipeline sees it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import FrameBatch, FrameTable
from tcpflow_scapy.capture.store import Store

from .columns import ColumnParts, by_unit, join
from .encapsulation import NOWHERE, StateTable
from .encapsulation_table import EncapsulationTable
from .fragments import POLICIES, Reassembler
from .ip import ipv4
from .layers import Items
from .link import ethernet
from .packets import (
    DATAGRAM_DTYPES,
    PACKET_DTYPES,
    AddressBook,
    DatagramTable,
    PacketTable,
)
from .plain import take_plain
from .reasons import Reason
from .rebuilt import Memory
from .run import Context, Run
from .tables import switches

Array = np.ndarray[Any, np.dtype[Any]]

LINKTYPE_ETHERNET = 1

UDP_HEADER = 8

DISSECT_LIMIT = 20_000
"""Frames of a capture that may go through Scapy's dissector (some 3,000 a second)."""


class Decoder:
    """Turns batches of frames into one `PacketTable`.

    Parameters
    ----------
    store : Store
        Where the frames' bytes can be read again, by address.
    verify_checksums : bool
        Leave out segments with a wrong IPv4 or TCP checksum (`Reason.BAD_CHECKSUM`). Those that cannot
        be judged stay: cut by snaplen, or left to the sender's network card.
    fragments : str
        Whose bytes count where IP fragments overlap: one of `fragments.POLICIES`.
    dissect_limit : int
        How many frames may be given to Scapy's dissector; further ones are `Reason.UNDECODED`.
    addresses : AddressBook, optional
        Where IPv6 addresses are kept.

    Notes
    -----
    Call `decode` with one batch after the other, from one thread, then `finish` once.
    """

    def __init__(
        self,
        store: Store,
        *,
        verify_checksums: bool = False,
        fragments: str = "first",
        dissect_limit: int = DISSECT_LIMIT,
        addresses: AddressBook | None = None,
    ) -> None:
        if fragments not in POLICIES:
            raise ValueError(f"fragments is {fragments!r}, not one of {', '.join(POLICIES)}")
        self._store = store
        self._addresses = AddressBook() if addresses is None else addresses
        self._states = StateTable()
        self._context = Context(switches(), self._states, self._addresses, verify_checksums)
        self._dissect_left = dissect_limit
        self._policy = fragments
        self._fragments = Reassembler(store, self._context, fragments)
        self._segments = ColumnParts(PACKET_DTYPES)
        self._datagrams = ColumnParts(DATAGRAM_DTYPES)
        eth = self._states.child(NOWHERE, ethernet.LABEL)
        self._plain_state = self._states.child(eth, ipv4.LABEL)

    def decode(self, batch: FrameBatch, selected: Array | None = None) -> Array:
        """Decode a batch; its rows are kept until `finish`.

        Parameters
        ----------
        batch : FrameBatch
            Its memory may be reused afterwards.
        selected : ndarray of bool, optional
            False for frames that a filter left out.

        Returns
        -------
        ndarray of uint8
            A `Reason` for each frame; 0 where it became a row.
        """
        reason = np.full(len(batch), Reason.MALFORMED, np.uint8)
        run = Run(batch.memory, batch.base, reason, self._context)
        unit = None
        if selected is not None and not selected.all():
            reason[~selected] = Reason.FILTERED
            unit = np.flatnonzero(selected)
        unit = self._take_plain(run, batch, unit)
        if unit is None or len(unit):
            self._start(run, batch, unit)
            run.go()
        if run.undissected:
            self._dissect(run, batch)
        self._keep(run, batch.first)
        if run.fragments:
            self._fragments.collect(run.fragments, batch.first, batch.time)
        return reason

    def _take_plain(self, run: Run, batch: FrameBatch, unit: Array | None) -> Array | None:
        """Send plain frames along the short cut; what is left."""
        if self._context.verify_checksums or not len(batch):
            return unit
        if _all_ethernet(batch.linktype):
            position, caplen = batch.position, batch.caplen
            if unit is not None:
                position, caplen = position[unit], caplen[unit]
            rest = take_plain(run, unit, position, caplen, self._plain_state)
            if rest is None:
                return unit
            return rest if unit is None else unit[rest]
        return unit

    def _start(self, run: Run, batch: FrameBatch, unit: Array | None) -> None:
        """Put frames in front of their link layer."""
        if unit is None:
            unit = np.arange(len(batch))
        position, caplen = batch.position[unit], batch.caplen[unit]
        none = np.zeros(len(unit), np.uint64)
        items = Items(
            unit,
            position,
            position + caplen,
            position + np.maximum(batch.wirelen[unit], caplen),
            np.zeros(len(unit), np.int32),
            none,
            none,
        )
        linktype = batch.linktype[unit]
        if not caplen.all():
            run.drop(items.pick(caplen == 0), Reason.EMPTY)
            some = np.flatnonzero(caplen)
            items, linktype = items.pick(some), linktype[some]
        run.link_type(linktype, items)

    def _dissect(self, run: Run, batch: FrameBatch) -> None:
        """Give frames to Scapy, as far as the budget goes."""
        from .dissect import dissect_frames

        unit = np.unique(np.concatenate(run.undissected))
        run.undissected = []
        run.reason[unit[self._dissect_left :]] = Reason.UNDECODED
        unit = unit[: self._dissect_left]
        self._dissect_left -= len(unit)
        if len(unit):
            dissect_frames(run, batch, unit)
            run.go()

    def _keep(self, run: Run, first: int) -> None:
        """Keep a run's results under capture-wide frame numbers."""
        for parts, sink, key in (
            (run.segments, self._segments, "header"),
            (run.datagrams, self._datagrams, "address"),
        ):
            if not parts:
                continue
            unit, part = by_unit(join(parts), key)
            if sink is self._segments:
                run.reason[unit] = Reason.TCP
            part["frame"] = unit + first
            part["encapsulation"] = self._states.resolve(part.pop("state"))
            sink.append(part)

    def finish(self, frames: FrameTable | None = None) -> PacketTable:
        """All packets, in capture order; the decoder is empty afterwards.

        Parameters
        ----------
        frames : FrameTable, optional
            The frames of all batches; the reasons of IP fragments are brought up to date in it.

        Returns
        -------
        PacketTable
        """
        return self.table(self._segments.build(), self._datagrams.build(), self._fragments, frames)

    def take(self) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
        """What came out since the last call: TCP segments, UDP datagrams, IP fragments.

        For those who keep the rows elsewhere, as live capture does; nothing of them is left here. The columns
        are those of `PACKET_DTYPES`, `DATAGRAM_DTYPES` and `fragments.plan.FRAGMENT_DTYPES`.
        """
        return self._segments.build(), self._datagrams.build(), self._fragments.take()

    def reassembler(self, store: Store, memory: Memory | None = None) -> Reassembler:
        """One for fragments that `take` gave; `store` gets the buffers of their datagrams."""
        return Reassembler(store, self._context, self._policy, memory)

    @property
    def encapsulations(self) -> EncapsulationTable:
        """What numbers in columns `encapsulation` mean; it grows."""
        return self._states.table

    @property
    def addresses(self) -> AddressBook:
        """What address codes mean; it grows."""
        return self._addresses

    def table(
        self,
        segments: dict[str, Array],
        datagrams: dict[str, Array],
        fragments: Reassembler,
        frames: FrameTable | None = None,
    ) -> PacketTable:
        """The whole table, of rows in capture order and the fragments between them.

        Parameters
        ----------
        segments, datagrams : dict of str to ndarray
            As `take` gives them.
        fragments : Reassembler
            Holding the fragments.
        frames : FrameTable, optional
            As for `finish`.
        """
        late, late_datagrams, missing = self.late(fragments)
        if frames is not None:
            _apply_reasons(frames.reason, fragments.reasons)
        origins = fragments.origins() if len(late) or len(late_datagrams) else None
        columns, places = _merge(segments, late)
        encapsulation = columns["encapsulation"]
        if len(encapsulation) and (encapsulation == encapsulation[0]).all():
            columns["encapsulation"] = np.broadcast_to(encapsulation[0], encapsulation.shape)
        others: dict[str, Any] = _merge(datagrams, late_datagrams)[0]
        shared: dict[str, Any] = {"encapsulations": self._states.table, "addresses": self._addresses}
        table: dict[str, Any] = {**columns, **shared}
        return PacketTable(
            **table,
            datagrams=DatagramTable(**others, **shared),
            origins=origins,
            fragment_missing=np.sort(places[missing]) if missing.any() else None,
            fragment_conflicts=fragments.conflicts(),
        )

    def late(
        self, fragments: Reassembler, *, whole_only: bool = False
    ) -> tuple[ColumnParts, ColumnParts, Array]:
        """Rows out of reassembled IP datagrams, and which of the segments lack a fragment.

        Parameters
        ----------
        fragments : Reassembler
        whole_only : bool
            As for `Reassembler.runs`.
        """
        segments, datagrams = ColumnParts(PACKET_DTYPES), ColumnParts(DATAGRAM_DTYPES)
        missing = [np.empty(0, bool)]
        for run, lacking, origins in fragments.runs(whole_only=whole_only):
            # The frame of a datagram is the one that carried its TCP or UDP header.
            for parts, sink, key, back in (
                (run.segments, segments, "header", 0),
                (run.datagrams, datagrams, "address", UDP_HEADER),
            ):
                if parts:
                    part = join(parts)
                    unit = part.pop("unit")
                    if run.frame is not None:
                        part["frame"] = run.frame[unit]
                    else:
                        part["frame"] = origins.find(part[key] - back)[0]
                    part["encapsulation"] = self._states.resolve(part.pop("state"))
                    sink.append(part)
                    if sink is segments:
                        run.reason[unit] = Reason.TCP
                        missing.append(lacking[unit])
        return segments, datagrams, np.concatenate(missing)


def _merge(columns: dict[str, Array], late: ColumnParts) -> tuple[dict[str, Array], Array]:
    """Two tables in order of their frames; the second's rows get new places, given back for each."""
    columns = dict(columns)
    if not len(late):
        return columns, np.empty(0, np.int64)
    added = late.build()
    frame = added["frame"]
    places = np.arange(len(frame))
    if (frame[1:] < frame[:-1]).any():
        order = np.argsort(frame, kind="stable")
        added = {name: column[order] for name, column in added.items()}
        places[order] = np.arange(len(order))
    if not len(columns["frame"]):
        return added, places
    at = np.searchsorted(columns["frame"], added["frame"], side="right") + np.arange(len(frame))
    others = np.ones(len(columns["frame"]) + len(frame), bool)
    others[at] = False
    for name, column in added.items():
        merged = np.empty(len(others), columns[name].dtype)
        merged[others], merged[at] = columns[name], column
        columns[name] = merged
    return columns, at[places]


def _apply_reasons(reason: Array, updates: list[tuple[Array, Array]]) -> None:
    """What became of the frames that carried fragments."""
    for frame, value in updates:
        before = reason[frame]
        still = np.isin(before, (Reason.FRAGMENT, Reason.FRAGMENT_USED, Reason.NOT_DECOMPRESSED))
        reason[frame[still]] = value[still]


def _all_ethernet(linktype: Array) -> bool:
    if linktype.strides == (0,):
        return bool(linktype[0] == LINKTYPE_ETHERNET)
    return bool((linktype == LINKTYPE_ETHERNET).all())
