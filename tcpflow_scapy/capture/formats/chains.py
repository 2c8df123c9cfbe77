"""Do records run from a place? The evidence by which damaged chains are mended."""

from __future__ import annotations

from collections.abc import Callable

from tcpflow_scapy.capture.formats.records import Layout, Record
from tcpflow_scapy.capture.medium import Medium

Accept = Callable[[int, int | None], bool]
"""(offset, seconds) -> do records run from here, near that time"""

ENOUGH = 6
"""Points that make a chain: a record whose fields agree has one, and one more if it is near its
neighbour in time. Captures may be merged from several years, and data may look like a record by
chance."""

MAX_FILLERS = 8
"""Records of no frame over which a chain may lead: they prove nothing."""


class Chains:
    """Chains of plausible records in one medium.

    Attributes
    ----------
    strict : bool
        Two fields of each record have to agree on its length.
    """

    def __init__(self, medium: Medium, layout: Layout) -> None:
        self._medium = medium
        self._layout = layout
        self._dead: set[int] = set()
        self._end = (0, True)
        self._short: set[int] = set()
        self.strict = True

    def record(self, at: int) -> Record | None:
        """The header there, if there is one."""
        return self._layout.parse(self._medium.read(at, self._layout.header))

    def chained_near(self, at: int, seconds: int | None) -> bool:
        """Does a chain of plausible records run from here, better near that time?"""
        return self.chained(at, None, seconds)

    def chained(self, at: int, before: Record | None, seconds: int | None = None) -> bool:
        """Does a chain of plausible records run from here, or does the file end exactly here?

        With `before`, the record that would end here; else with a time near which they should be.
        """
        if before is not None:
            seconds = before.seconds
        points = fillers = 0
        enough = ENOUGH if self.strict else 2 * ENOUGH
        while points < enough:
            if at == self._medium.size:
                return before is not None or points >= enough // ENOUGH
            record = self.record(at)
            if record is not None and record.filler and fillers < MAX_FILLERS:
                at, fillers = at + record.length, fillers + 1
                continue
            if record is None or not self.good(record):
                # The file may be cut as well.
                return record is None and points >= enough // 2
            near = self._layout.near(record, seconds)
            points += 1 + near
            at, seconds = at + record.length, record.seconds
            if at > self._medium.size:
                return near and points > enough // 2
        return True

    def reaches_end(self, at: int, seconds: int | None) -> bool:
        """Does a chain near that time run from here exactly to the end of the file?"""
        tried = []
        while self.strict and at < self._medium.size and at not in self._dead:
            tried.append(at)
            record = self.record(at)
            if record is not None and record.filler:
                at += record.length
                continue
            if record is None or not self.good(record):
                break
            if seconds is not None and not self._layout.near(record, seconds):
                break
            at, seconds = at + record.length, record.seconds
        if tried and at == self._medium.size:
            return True
        # Chains flow together: what led nowhere once is not followed again.
        self._dead.update(tried)
        return False

    def leads_over(self, end: int, at: int, seconds: int | None) -> bool:
        """Does a chain from here lead over `end`, where no record can be, and on from there?

        A packet may carry a capture, and then a chain runs inside it: but that ends with the packet.
        """
        if (end, self.strict) != self._end:
            self._end, self._short = (end, self.strict), set()
        tried = set()
        while at < end and at not in self._short:
            tried.add(at)
            record = self.record(at)
            if record is None or not self.good(record) or not self._layout.near(record, seconds):
                break
            at, seconds = at + record.length, record.seconds
            if at > end and self.chained(at, record):
                return True
        self._short |= tried
        return False

    def good(self, record: Record) -> bool:
        """May it be a link of a chain?"""
        layout = self._layout
        sane = record.caplen > 0 and layout.plausible(record)
        return sane and (not self.strict or layout.single or layout.consistent(record))
