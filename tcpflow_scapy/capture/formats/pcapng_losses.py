"""What a capture says of frames that it lacks: interface statistics blocks."""

from __future__ import annotations

from tcpflow_scapy.capture.formats import pcapng_blocks as blocks
from tcpflow_scapy.capture.formats.pcapng_walk import Run
from tcpflow_scapy.capture.frames import Array
from tcpflow_scapy.capture.reading import Reading

COUNTED = (blocks.ISB_IFDROP, blocks.ISB_OSDROP, blocks.ISB_FILTERACCEPT, blocks.ISB_USRDELIV)
"""Options that are read: frames dropped since the capture began, those that passed the filter, those kept."""

LISTED = 1_000
"""Blocks of one window that are read; the counters only grow, so the last ones tell."""

OPTIONS = 20
"""Offset of the options in the block."""


class Losses:
    """The latest counters of each interface.

    Parameters
    ----------
    reading : Reading
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._counts: dict[int, tuple[int, int, int]] = {}

    def note(self, run: Run, chosen: Array, first: Array, defined: Array, interfaces: Array) -> None:
        """Take in the statistics blocks among the blocks of a run.

        Parameters
        ----------
        run : Run
        chosen : ndarray of int64
            Indices of the statistics blocks in it.
        first, defined : ndarray of int64
            As `Sections.enter` gives them.
        interfaces : ndarray of int32
            Place in `CaptureInfo.interfaces` of each row.
        """
        for index in chosen[-LISTED:].tolist():
            row = int(first[index]) + int(run.headers["interface"][index])
            if row >= int(defined[index]) or int(interfaces[row]) < 0:
                continue
            start, length = int(run.positions[index]), int(run.lengths[index])
            data = run.window.memory[start + OPTIONS : start + length - 4].tobytes()
            order = "little" if run.order == "<" else "big"
            found = {
                code: int.from_bytes(value, order)  # type: ignore[arg-type]
                for code, value in blocks.options(data, run.order)
                if code in COUNTED and len(value) == 8
            }
            if found:
                system = found.get(blocks.ISB_OSDROP, 0)
                lost = (
                    found[blocks.ISB_FILTERACCEPT] - system - found[blocks.ISB_USRDELIV]
                    if {blocks.ISB_FILTERACCEPT, blocks.ISB_USRDELIV} <= found.keys()
                    else 0
                )
                self._counts[int(interfaces[row])] = (found.get(blocks.ISB_IFDROP, 0), system, max(lost, 0))

    def report(self) -> None:
        """Say what is missing, once for each interface."""
        for number, (interface, system, lost) in sorted(self._counts.items()):
            name = self._reading.info.interfaces[number].name or f"interface {number}"
            for count, kind, what in (
                (system, "kernel_drop", "dropped by the system while it was captured"),
                (interface, "interface_drop", "dropped by the interface while it was captured"),
                (lost, "spool_full", "captured and not kept"),
            ):
                if count:
                    frames = "1 frame" if count == 1 else f"{count:,} frames"
                    self._reading.problems.add(kind, f"{name}: {frames} {what}")
        self._counts.clear()
