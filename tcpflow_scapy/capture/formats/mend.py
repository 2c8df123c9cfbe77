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

from collections.abc import Callable
from dataclasses import dataclass, field

from tcpflow_scapy.capture.formats.candidates import Candidates
from tcpflow_scapy.capture.formats.records import Layout, Record
from tcpflow_scapy.capture.limits import MAX_MENDS
from tcpflow_scapy.capture.reading import Reading

Accept = Callable[[int, int | None], bool]
"""(offset, seconds) -> do records run from here, near that time"""

ENOUGH = 6
"""Points that make a chain: a record whose fields agree has one, and one more if it is near its
neighbour in time. Captures may be merged from several years, and data may look like a record by
chance."""

MAX_DOUBTS = 100
"""Records of one file that can be followed and are looked at twice all the same."""

DOUBT_REACH = 1 << 18
"""Bytes that are searched for something better than a record that can be followed."""

MAX_FILLERS = 8
"""Records of no frame over which a chain may lead: they prove nothing."""

LOOK_BACK = 2_000
"""Records over which the beginning of damage is looked for."""


@dataclass
class Followed:
    """The records of a window that were followed so far."""

    offsets: list[int]
    """in the medium"""
    before: int | None = None
    """the last record of the window before"""
    mended: dict[int, int] = field(default_factory=dict)
    """captured lengths of records whose header states a wrong one, by index in `offsets`"""

    def truncate(self, count: int) -> None:
        """Take back all but the first `count`."""
        if count < len(self.offsets):
            del self.offsets[count:]
            self.mended = {index: caplen for index, caplen in self.mended.items() if index < count}


class ChainMender:
    """The careful walk of one file."""

    def __init__(self, reading: Reading, layout: Layout) -> None:
        self._reading = reading
        self._medium = reading.medium
        self._layout = layout
        self._candidates = Candidates(reading.medium, layout)
        self._mends = 0
        self._doubts = 0
        self._strict = True
        self._dead: set[int] = set()

    def walk(self, followed: Followed, at: int, until: int) -> int:
        """Follow records one at a time.

        Parameters
        ----------
        followed : Followed
            Changed in place.
        at, until : int
            Offsets in the medium: the first record to judge, the end of the window.

        Returns
        -------
        int
            The offset from which to go on.
        """
        while at < until:
            record = self._record(at)
            if record is not None and self._fits(at, record):
                if at + record.length > until:
                    break
                found = self._doubt(followed, at, record)
                if found is None:
                    followed.offsets.append(at)
                    found = at + record.length
                at = found
                continue
            found = self._explain(followed, at, record)
            if found is None:
                self._give_up(followed, at, record)
                found = self._medium.size
            at = found
        return at

    def _record(self, at: int) -> Record | None:
        return self._layout.parse(self._medium.read(at, self._layout.header))

    def _fits(self, at: int, record: Record) -> bool:
        return self._layout.believable(record) and at + record.length <= self._medium.size

    @property
    def doubtful(self) -> bool:
        """Are records still looked at that can be followed and yet look odd?"""
        return self._doubts < MAX_DOUBTS

    def _doubt(self, followed: Followed, at: int, record: Record) -> int | None:
        """Something that explains the bytes better than a record that can be followed, if it looks
        odd and there is such a thing."""
        odd = self._layout.odd(record)
        if not self.doubtful or not (odd or self._layout.swappable):
            return None
        if odd:
            self._doubts += 1
            return self._repair_header(followed, len(followed.offsets), at)
        # Where either of two words may be the length nearly any bytes can be followed.
        seconds = self._seconds(followed, len(followed.offsets))
        if self._trusted(record, seconds) or self._chained(at + record.length, record):
            return None
        self._doubts += 1
        return self._explain(followed, at, record, DOUBT_REACH)

    def _explain(
        self, followed: Followed, at: int, record: Record | None, reach: int | None = None
    ) -> int | None:
        """Find where to go on, if there is a place that explains the bytes better, at most `reach`
        bytes ahead."""
        self._mends += 1
        if self._mends > MAX_MENDS:
            return None
        sound = self._sound_part(followed)
        suspect = followed.offsets[sound] if sound < len(followed.offsets) else at
        # Records that agree with themselves but are of another time: bytes may be missing or added,
        # and then better ones lie inside them.
        early = self._sound_part(followed, of_time=True)
        if early < sound and (found := self._search(followed, early, self._chained_near, stop=at)):
            return found
        accept, stop = self._chained_near, reach and at + reach
        if suspect == at and (record is None or self._layout.plausible(record)):
            # Perhaps this is only a file that ends inside a record. Its data may be a capture, too:
            # nothing but an exact fit counts, unless the record looks odd.
            seconds = self._seconds(followed, sound)
            if record is None or (
                self._layout.consistent(record) and self._trusted(record, seconds, of_time=True)
            ):
                accept = self._reaches_end
            elif stop is None:
                stop = self._medium.size
        while True:
            found = (
                self._repair_header(followed, sound, suspect)
                or self._repair_last(followed, sound)
                or self._search(followed, sound, accept, at, stop, early)
            )
            if found is not None:
                return found
            if reach:
                return None
            if not self._strict:
                break
            # No chain of consistent records from here to the end: so it will be from now on.
            self._strict = False
        end = self._medium.size
        if accept == self._chained_near and (caplen := self._filling(suspect, end)) is not None:
            followed.truncate(sound)
            followed.offsets.append(suspect)
            self._repaired(followed, caplen)
            return end
        return None

    def _sound_part(self, followed: Followed, of_time: bool = False) -> int:
        """How many of the followed records come before the suspicious ones at the end."""
        offsets, sound = followed.offsets, len(followed.offsets)
        while sound and len(offsets) - sound < LOOK_BACK:
            record = self._record(offsets[sound - 1])
            if record is None or self._trusted(record, self._seconds(followed, sound - 1), of_time):
                break
            sound -= 1
        return sound

    def _trusted(self, record: Record, seconds: int | None, of_time: bool = False) -> bool:
        """Does a record that was followed look like one? Those of no bytes are what zeros look like.

        With `of_time` it has to be of the right time, too.
        """
        layout = self._layout
        if not record.caplen or not layout.plausible(record):
            return False
        if seconds is None or layout.near(record, seconds):
            return True
        return not of_time and layout.consistent(record)

    def _seconds(self, followed: Followed, count: int) -> int | None:
        """Time of the last of the first `count` records."""
        at = followed.offsets[count - 1] if count else followed.before
        record = None if at is None else self._record(at)
        return record.seconds if record else None

    def _repair_header(self, followed: Followed, sound: int, suspect: int) -> int | None:
        """The first suspicious header may state one wrong length and one right one."""
        record = self._record(suspect)
        if record is None:
            return None
        for other in self._layout.alternatives(record):
            if self._layout.plausible(other) and self._chained(suspect + other.length, other):
                followed.truncate(sound)
                followed.offsets.append(suspect)
                self._repaired(followed, other.caplen)
                return suspect + other.length
        return None

    def _repair_last(self, followed: Followed, sound: int) -> int | None:
        """The last good record may be longer than it says: the suspicious header lies inside it."""
        if not sound or (record := self._record(followed.offsets[sound - 1])) is None:
            return None
        if self._layout.consistent(record):
            return None
        start = followed.offsets[sound - 1]
        for other in self._layout.alternatives(record):
            end = start + other.length
            if self._layout.believable(other) and self._chained(end, other):
                followed.truncate(sound)
                self._repaired(followed, other.caplen)
                return end
        return None

    def _search(
        self,
        followed: Followed,
        sound: int,
        accept: Accept,
        at: int = 0,
        stop: int | None = None,
        of_time: int | None = None,
    ) -> int | None:
        """The next place from where a chain runs, before `stop` if there is one.

        The first suspicious record is the one after the first `sound`, or that at `at`. The time near
        which to search is that of the last of the first `of_time` records.
        """
        layout, offsets = self._layout, followed.offsets
        suspect = begin = offsets[sound] if sound < len(offsets) else at
        if sound:
            start = offsets[sound - 1]
            last = self._record(start)
            if last is not None and not layout.consistent(last):
                begin = start + layout.header
        seconds = self._seconds(followed, sound if of_time is None else of_time)
        if seconds is None and stop is not None and (record := self._record(suspect)):
            seconds = record.seconds
        found = self._candidates.find(begin + 1, seconds, accept, stop)
        if found is None:
            return None
        followed.truncate(sound)
        if found < suspect:
            # The record before said that it is longer than it is.
            self._repaired(followed, found - start - layout.header)
        elif (caplen := self._filling(suspect, found)) is not None:
            followed.offsets.append(suspect)
            self._repaired(followed, caplen)
        else:
            self._lost(followed, suspect, found)
        return found

    def _filling(self, at: int, end: int) -> int | None:
        """Captured length of a damaged record that may be all that lies between two places: one with
        a wrong record length (snoop)."""
        record = self._record(at)
        return record.caplen if record is not None and self._layout.filling(record, end - at) else None

    def _chained_near(self, at: int, seconds: int | None) -> bool:
        """Does a chain of plausible records run from here, better near that time?"""
        return self._chained(at, None, seconds)

    def _chained(self, at: int, before: Record | None, seconds: int | None = None) -> bool:
        """Does a chain of plausible records run from here, or does the file end exactly here?

        With `before`, the record that would end here; else with a time near which they should be.
        """
        if before is not None:
            seconds = before.seconds
        points = fillers = 0
        enough = ENOUGH if self._strict else 2 * ENOUGH
        while points < enough:
            if at == self._medium.size:
                return before is not None or points >= enough // ENOUGH
            record = self._record(at)
            if record is not None and record.filler and fillers < MAX_FILLERS:
                at, fillers = at + record.length, fillers + 1
                continue
            if record is None or not self._good(record):
                # The file may be cut as well.
                return record is None and points >= enough // 2
            near = self._layout.near(record, seconds)
            points += 1 + near
            at, seconds = at + record.length, record.seconds
            if at > self._medium.size:
                return near and points > enough // 2
        return True

    def _reaches_end(self, at: int, seconds: int | None) -> bool:
        """Does a chain near that time run from here exactly to the end of the file?"""
        tried = []
        while self._strict and at < self._medium.size and at not in self._dead:
            tried.append(at)
            record = self._record(at)
            if record is not None and record.filler:
                at += record.length
                continue
            if record is None or not self._good(record):
                break
            if seconds is not None and not self._layout.near(record, seconds):
                break
            at, seconds = at + record.length, record.seconds
        if tried and at == self._medium.size:
            return True
        # Chains flow together: what led nowhere once is not followed again.
        self._dead.update(tried)
        return False

    def _good(self, record: Record) -> bool:
        layout = self._layout
        sane = record.caplen > 0 and layout.plausible(record)
        return sane and (not self._strict or layout.single or layout.consistent(record))

    def _repaired(self, followed: Followed, caplen: int) -> None:
        """The last record followed has this length, whatever its header says."""
        index = len(followed.offsets) - 1
        followed.mended[index] = caplen
        self._reading.problems.add(
            "damaged",
            f"the record header states a wrong length; {caplen} bytes fit what follows",
            frame=self._reading.frames + index + 1,
            offset=followed.offsets[index],
            length=0,
        )

    def _lost(self, followed: Followed, begin: int, end: int) -> None:
        self._reading.problems.add(
            "damaged",
            "no record can be read here; reading goes on at the next plausible one",
            frame=self._reading.frames + len(followed.offsets) + 1,
            offset=begin,
            length=end - begin,
        )

    def _give_up(self, followed: Followed, at: int, record: Record | None) -> None:
        """Nothing can be read from `at` on."""
        kind, message = "cut_short", "the file ends inside a record"
        if self._mends > MAX_MENDS:
            kind, message = "damaged", f"more than {MAX_MENDS} damaged places: the rest is not read"
        elif record is not None and not self._layout.believable(record):
            kind = "damaged"
            message = f"a record that claims {record.caplen} bytes, and nothing readable after it"
        self._reading.problems.add(
            kind,
            message,
            frame=self._reading.frames + len(followed.offsets) + 1,
            offset=at,
            length=self._medium.size - at,
        )
