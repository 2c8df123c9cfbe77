"""Which interface does a packet block mean? Sections and their interface tables, by column."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.capture.formats import pcapng_blocks as blocks
from tcpflow_scapy.capture.formats.pcapng_walk import Run
from tcpflow_scapy.capture.frames import Array
from tcpflow_scapy.capture.info import Interface
from tcpflow_scapy.capture.limits import MAX_INTERFACES
from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.capture.reading import Reading

ROW = np.dtype(
    [
        ("linktype", "u2"),
        ("resolution", "u1"),
        ("snaplen", "i8"),
        ("offset", "i8"),
        ("index", "i4"),
    ]
)
"""An interface as the columns need it; `index` is its place in `CaptureInfo.interfaces`."""


class Sections:
    """The interfaces of the section that is being read."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.rows: Array = np.empty(0, ROW)
        """interfaces of the run last entered, those of the section it began in first"""
        self._known: dict[bytes, tuple[int, int, int, int, int]] = {}
        self._ignored = False

    def enter(self, run: Run) -> tuple[Array, Array]:
        """Take in the sections and interfaces of a run of blocks.

        Returns
        -------
        first, defined : int64 arrays
            For each block: the row of interface 0 of its section, and the number of rows defined
            before it. Interface n is valid where ``first + n < defined``.
        """
        is_interface = run.types == blocks.INTERFACE
        is_section = run.types == blocks.SECTION
        carried = len(self.rows)
        if not (is_interface.any() or is_section.any()):
            shape = (len(run.types),)
            return np.broadcast_to(np.int64(0), shape), np.broadcast_to(np.int64(carried), shape)
        defined = carried + np.cumsum(is_interface)
        starts = np.concatenate([[0], defined[is_section]])
        first = starts[np.cumsum(is_section)]
        found = np.flatnonzero(is_interface)
        self.rows = np.concatenate([self.rows, self._parse(run, found, (defined - first)[found])])
        for index in np.flatnonzero(is_section & (run.lengths > 28)).tolist():
            self._section_comments(run, index)
        return first, defined

    def leave(self, first: Array) -> None:
        """Forget the interfaces of sections that ended."""
        if len(first) and first[-1]:
            self.rows = self.rows[int(first[-1]) :].copy()

    def _parse(self, run: Run, found: Array, numbers: Array) -> Array:
        """Rows of the interface blocks at the indices `found`; `numbers` count from 1."""
        rows = np.zeros(len(found), ROW)
        head = run.headers["interface"][found].astype(np.uint32)
        # Two 16-bit fields: the link type comes first, whatever the byte order.
        rows["linktype"] = head & 0xFFFF if run.order == "<" else head >> 16
        rows["snaplen"] = run.headers["high"][found]
        rows["resolution"] = blocks.MICROSECONDS
        plain = run.lengths[found] <= blocks.SMALLEST[blocks.INTERFACE] + 4
        far = numbers > MAX_INTERFACES
        rows["index"] = -1
        self._plain_rows(rows, plain & ~far)
        for i in np.flatnonzero(~plain & ~far).tolist():
            rows[i] = self._row(run, int(found[i]))
        if far.any() and not self._ignored:
            self._ignored = True
            self._reading.problems.add(
                "bad_interface",
                f"a section with more than {MAX_INTERFACES} interfaces: the options of the others "
                "are not read",
                offset=int(run.positions[found[far.argmax()]]) + run.window.base,
            )
        return rows

    def _plain_rows(self, rows: Array, plain: Array) -> None:
        """Interfaces without options differ in link type and snaplen only."""
        if not plain.any():
            return
        chosen = rows[plain]
        keys = chosen["linktype"].astype(np.int64) << 32 | chosen["snaplen"]
        values, inverse = np.unique(keys, return_inverse=True)
        numbers = [
            self._reading.interface(Interface(key >> 32, key & 0xFFFF_FFFF)) for key in values.tolist()
        ]
        rows["index"][plain] = np.array(numbers, np.int32)[inverse]

    def _row(self, run: Run, index: int) -> tuple[int, int, int, int, int]:
        start = int(run.positions[index])
        body = run.window.memory[start + 8 : start + int(run.lengths[index]) - 4].tobytes()
        key = run.order.encode() + body
        row = self._known.get(key)
        if row is None:
            order = "little" if run.order == "<" else "big"
            linktype = int.from_bytes(body[:2], order)  # type: ignore[arg-type]
            snaplen = int.from_bytes(body[4:8], order)  # type: ignore[arg-type]
            more = blocks.interface_options(body[8:], run.order)
            number = self._reading.interface(
                Interface(linktype, snaplen, more.name, more.description, fcs_length=more.fcs_length)
            )
            row = (linktype, more.resolution, snaplen, more.offset, number)
            if len(self._known) < MAX_INTERFACES:
                self._known[key] = row
        return row

    def _section_comments(self, run: Run, index: int) -> None:
        start = int(run.positions[index])
        data = run.window.memory[start + 24 : start + int(run.lengths[index]) - 4].tobytes()
        for code, value in blocks.options(data, run.order):
            if code == blocks.OPT_COMMENT:
                self._reading.comment(blocks.text(value))

    def common_linktype(self, first: int, last: int) -> int:
        """The link type that all interfaces in a range of rows share, or `UNKNOWN`."""
        types = self.rows["linktype"][first:last]
        return int(types[0]) if len(types) and (types == types[0]).all() else UNKNOWN
