"""Damage in a record chain: where it began, and where reading can go on.

Nothing here runs on a sound file. At a header that cannot be believed (or a file that ends inside a
record) the mender looks

1. back, over records that were followed but do not look like records: the damage may lie before
   the place where it shows;
2. at the damaged header itself: two of its fields tell the length, and one of them may be good;
3. ahead, for the next place from where a chain of plausible records runs.

If nothing explains the bytes better, what was read stands, as Wireshark would show it.
"""

from __future__ import annotations

from tcpflow_scapy.capture.formats.candidates import Candidates
from tcpflow_scapy.capture.formats.records import Record, RecordLayout
from tcpflow_scapy.capture.limits import MAX_MENDS
from tcpflow_scapy.capture.reading import Reading

CHAIN = 3
"""Plausible records in a row that make a chain."""

CHAIN_ANY_TIME = 6
"""The same where nothing says at which time they should be: data may look like records by chance."""

LOOK_BACK = 10_000
"""Records over which the beginning of damage is looked for."""


class ChainMender:
    """The careful walk of one file."""

    def __init__(self, reading: Reading, layout: RecordLayout) -> None:
        self._reading = reading
        self._medium = reading.medium
        self._layout = layout
        self._candidates = Candidates(reading.medium, layout)
        self._mends = 0

    def walk(self, accepted: list[int], at: int, until: int) -> tuple[dict[int, int], int]:
        """Follow records one at a time from `at`, which cannot be believed.

        Parameters
        ----------
        accepted : list of int
            Offsets of the records read so far in this window; changed in place.
        at, until : int
            Offsets in the medium: the first record to judge, the end of the window.

        Returns
        -------
        dict, int
            Captured lengths of records whose header states a wrong one, by index in `accepted`;
            the offset from which to go on.
        """
        mended: dict[int, int] = {}
        while at < until:
            record = self._record(at)
            if record is not None and self._fits(at, record):
                if at + record.length > until:
                    break
                accepted.append(at)
                at += record.length
                continue
            at = self._mend(accepted, mended, at, record)
        return mended, at

    def _record(self, at: int) -> Record | None:
        return self._layout.parse(self._medium.read(at, self._layout.header))

    def _fits(self, at: int, record: Record) -> bool:
        return self._layout.believable(record) and at + record.length <= self._medium.size

    def _mend(self, accepted: list[int], mended: dict[int, int], at: int, record: Record | None) -> int:
        """Find where to go on; the medium's end where nothing more can be read."""
        self._mends += 1
        sound = self._sound_part(accepted)
        seconds = self._seconds(accepted, sound)
        suspect = accepted[sound] if sound < len(accepted) else at
        if self._mends <= MAX_MENDS:
            # Is this only a file that ends inside a record? Then nothing but an exact fit counts.
            cut = suspect == at and (record is None or self._layout.plausible(record, None))
            found = (
                self._repair_header(accepted, mended, sound, suspect, seconds)
                or self._repair_last(accepted, mended, sound, suspect, seconds)
                or self._search(accepted, mended, sound, suspect, seconds, cut)
            )
            if found is not None:
                return found
        self._give_up(accepted, at, record)
        return self._medium.size

    def _sound_part(self, accepted: list[int]) -> int:
        """How many of the accepted records come before the suspicious ones at the end."""
        sound = len(accepted)
        while sound and len(accepted) - sound < LOOK_BACK:
            record = self._record(accepted[sound - 1])
            if record is None or self._layout.plausible(record, self._seconds(accepted, sound - 1)):
                break
            sound -= 1
        return sound

    def _seconds(self, accepted: list[int], count: int) -> int | None:
        """Time of the last of the first `count` records."""
        record = self._record(accepted[count - 1]) if count else None
        return record.seconds if record else None

    def _repair_header(
        self,
        accepted: list[int],
        mended: dict[int, int],
        sound: int,
        suspect: int,
        seconds: int | None,
    ) -> int | None:
        """The first suspicious header may state one wrong length and one right one."""
        record = self._record(suspect)
        if record is None:
            return None
        for other in self._layout.alternatives(record):
            if self._layout.plausible(other, seconds) and self.chained(suspect + other.length, other):
                self._truncate(accepted, mended, sound)
                self._report_repair(accepted, suspect, other.caplen)
                mended[len(accepted)] = other.caplen
                accepted.append(suspect)
                return suspect + other.length
        return None

    def _repair_last(
        self,
        accepted: list[int],
        mended: dict[int, int],
        sound: int,
        suspect: int,
        seconds: int | None,
    ) -> int | None:
        """The last good record may be longer than it says: the suspicious header lies inside it."""
        if not sound or (record := self._record(accepted[sound - 1])) is None:
            return None
        if self._layout.consistent(record):
            return None
        start = accepted[sound - 1]
        for other in self._layout.alternatives(record):
            end = start + other.length
            if self._layout.believable(other) and self.chained(end, other):
                self._truncate(accepted, mended, sound)
                self._report_repair(accepted, start, other.caplen)
                mended[sound - 1] = other.caplen
                return end
        return None

    def _search(
        self,
        accepted: list[int],
        mended: dict[int, int],
        sound: int,
        suspect: int,
        seconds: int | None,
        cut: bool,
    ) -> int | None:
        """The next place from where a chain runs."""
        layout = self._layout
        begin, last = suspect, None
        if sound:
            last = self._record(accepted[sound - 1])
            if last is not None and not layout.consistent(last):
                begin = accepted[sound - 1] + layout.header
        found = self._candidates.find(
            begin + 1,
            seconds,
            self._reaches_end if cut else lambda at, near: self.chained(at, seconds=near),
        )
        if found is None:
            return None
        self._truncate(accepted, mended, sound)
        if found < suspect:
            # The record before said that it is longer than it is.
            start = accepted[sound - 1]
            mended[sound - 1] = found - start - layout.header
            self._report_repair(accepted, start, mended[sound - 1])
            return found
        self._reading.problems.add(
            "damaged",
            "no record can be read here; reading goes on at the next plausible one",
            frame=self._reading.frames + len(accepted) + 1,
            offset=suspect,
            length=found - suspect,
        )
        return found

    def chained(self, at: int, before: Record | None = None, seconds: int | None = None) -> bool:
        """Does a chain of plausible records run from here, or does the file end exactly here?

        With `before`, the record that would end here; else with a time near which they should be.
        """
        if before is not None:
            seconds = before.seconds
        for count in range(CHAIN if seconds is not None else CHAIN_ANY_TIME):
            if at == self._medium.size:
                return before is not None or count > 0
            record = self._record(at)
            if record is None or not self._good(record, seconds):
                # The file may be cut as well; two good records are enough then.
                return record is None and count >= 2
            at, seconds = at + record.length, record.seconds
            if at > self._medium.size:
                return count >= 2
        return True

    def _good(self, record: Record, seconds: int | None) -> bool:
        return self._layout.plausible(record, seconds) and self._layout.consistent(record)

    def _reaches_end(self, at: int, seconds: int | None = None) -> bool:
        """Does a chain run from here exactly to the end of the file?"""
        for _ in range(LOOK_BACK):
            record = self._record(at)
            if record is None or not self._good(record, seconds):
                return False
            at, seconds = at + record.length, record.seconds
            if at >= self._medium.size:
                return at == self._medium.size
        return False

    def _truncate(self, accepted: list[int], mended: dict[int, int], count: int) -> None:
        if count == len(accepted):
            return
        del accepted[count:]
        for index in [i for i in mended if i >= count]:
            del mended[index]

    def _report_repair(self, accepted: list[int], offset: int, caplen: int) -> None:
        frame = self._reading.frames + len(accepted)
        frame += offset not in accepted[-1:]
        self._reading.problems.add(
            "damaged",
            f"the record header states a wrong length; {caplen} bytes fit what follows",
            frame=frame,
            offset=offset,
            length=0,
        )

    def _give_up(self, accepted: list[int], at: int, record: Record | None) -> None:
        """Nothing can be read from `at` on."""
        whole = record is None or self._layout.believable(record)
        message = (
            "the file ends inside a record"
            if whole
            else f"a record that claims {record.caplen if record else 0} bytes, and nothing readable after it"
        )
        if self._mends > MAX_MENDS:
            message = f"more than {MAX_MENDS} damaged places: the rest is not read"
        self._reading.problems.add(
            "cut_short" if whole else "damaged",
            message,
            frame=self._reading.frames + len(accepted) + 1,
            offset=at,
            length=self._medium.size - at,
        )
