"""Frames in, packets out: the decoding stage as the pipeline sees it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import FrameBatch, FrameTable
from tcpflow_scapy.capture.store import Store

from .columns import ColumnParts, join
from .encapsulation import NOWHERE, StateTable
from .ip import ipv4
from .layers import Items
from .link import ethernet
from .packets import DATAGRAM_DTYPES, PACKET_DTYPES, AddressBook, DatagramTable, PacketTable
from .plain import take_plain
from .reasons import Reason
from .run import Context, Run
from .tables import switches

Array = np.ndarray[Any, np.dtype[Any]]

LINKTYPE_ETHERNET = 1

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
    dissect_limit : int
        How many frames may be given to Scapy's dissector; further ones are `Reason.UNDECODED`.

    Notes
    -----
    Call `decode` with one batch after the other, from one thread, then `finish` once.
    """

    def __init__(
        self,
        store: Store,
        *,
        verify_checksums: bool = False,
        dissect_limit: int = DISSECT_LIMIT,
    ) -> None:
        self._store = store
        self._addresses = AddressBook()
        self._states = StateTable()
        self._context = Context(switches(), self._states, self._addresses, verify_checksums)
        self._dissect_left = dissect_limit
        self._segments = ColumnParts({**PACKET_DTYPES, "encapsulation": np.int32})
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
        for parts, sink in ((run.segments, self._segments), (run.datagrams, self._datagrams)):
            if not parts:
                continue
            part = join(parts)
            unit = part.pop("unit")
            if (unit[1:] < unit[:-1]).any():
                order = np.argsort(unit, kind="stable")
                unit = unit[order]
                part = {name: column[order] for name, column in part.items()}
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
        columns = self._segments.build()
        encapsulation = columns["encapsulation"]
        if len(encapsulation) and (encapsulation == encapsulation[0]).all():
            columns["encapsulation"] = np.broadcast_to(encapsulation[0], encapsulation.shape)
        datagrams = DatagramTable(
            **self._datagrams.build(), encapsulations=self._states.table, addresses=self._addresses
        )
        return PacketTable(
            **columns,
            encapsulations=self._states.table,
            addresses=self._addresses,
            datagrams=datagrams,
        )


def _all_ethernet(linktype: Array) -> bool:
    if linktype.strides == (0,):
        return bool(linktype[0] == LINKTYPE_ETHERNET)
    return bool((linktype == LINKTYPE_ETHERNET).all())
