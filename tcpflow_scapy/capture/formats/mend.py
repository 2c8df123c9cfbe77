"""Damage in a record chain: where it began, and where reading can go on.

Nothing here runs on a sound file. At a header that cannot be believed (or a file that ends inside a
record) the mender looks

1. back, over records that were followed but do not look like records: the damage may lie before
   the place where it shows;
2. at the damaged header itself: two of its fields tell the length, and one of them may be good;
3. inside the record before, whose end may be missing bytes;
4. ahead, for the next place from where a chain of plausible records runs.

If nothing explains the bytes better, what was read stands, as Wireshark would show it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tcpflow_scapy.capture.formats.candidates import Candidates
from tcpflow_scapy.capture.formats.chains import Accept, Chains
from tcpflow_scapy.capture.formats.records import Layout, Record
from tcpflow_scapy.capture.limits import MAX_MENDS
from tcpflow_scapy.capture.reading import Reading

MAX_DOUBTS = 100
"""Records of one file that can be followed and are looked at twice all the same."""

DOUBT_REACH = 1 << 18
"""Bytes that are searched for something better than a record that can be followed."""

MAX_INSIDES = 1_000
"""Damaged places of one file before which the record there is searched for its end."""

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
        self._chains = Chains(reading.medium, layout)
        self._candidates = Candidates(reading.medium, layout)
        self._mends = 0
        self._doubts = 0
        self._insides = 0

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
            record = self._chains.record(at)
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

    def _fits(self, at: int, record: Record) -> bool:
        return self._layout.believable(record) and at + record.length <= self._medium.size

    @property
    def doubtful(self) -> bool:
        """Are records still looked at that can be followed and yet look odd?"""
        return self._doubts < MAX_DOUBTS

    def _doubt(self, followed: Followed, at: int, record: Record) -> int | None:
        """Something that explains the bytes better than a record that can be followed, if it looks
        odd and there is such a thing."""
        layout = self._layout
        if not self.doubtful:
            return None
        if layout.odd(record):
            self._doubts += 1
            return self._repair_header(followed, len(followed.offsets), at)
        # Bytes that are not a header may be followed as well: mostly their time gives them away, and where
        # either of two words may be the length nothing else does.
        seconds = self._seconds(followed, len(followed.offsets))
        if not layout.swappable and (seconds is None or layout.near(record, seconds)):
            return None
        if self._trusted(record, seconds) or self._chains.chained(at + record.length, record):
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
        if early < sound and (found := self._search(followed, early, self._chains.chained_near, stop=at)):
            return found
        accept, stop = self._chains.chained_near, reach and at + reach
        if suspect == at and (record is None or self._layout.plausible(record)):
            # Perhaps this is only a file that ends inside a record. Its data may be a capture, too:
            # nothing but an exact fit counts, unless the record looks odd.
            seconds = self._seconds(followed, sound)
            if record is None or (
                self._layout.consistent(record) and self._trusted(record, seconds, of_time=True)
            ):
                accept = self._chains.reaches_end
            elif stop is None:
                stop = self._medium.size
        while True:
            found = (
                self._repair_header(followed, sound, suspect)
                or self._repair_last(followed, sound)
                or self._inside_last(followed, sound, suspect)
                or self._search(followed, sound, accept, at, stop, early)
            )
            if found is not None:
                return found
            if reach:
                return None
            if not self._chains.strict:
                break
            # No chain of consistent records from here to the end: so it will be from now on.
            self._chains.strict = False
        end = self._medium.size
        if accept == self._chains.chained_near and (caplen := self._filling(suspect, end)) is not None:
            followed.truncate(sound)
            followed.offsets.append(suspect)
            self._repaired(followed, caplen)
            return end
        return None

    def _sound_part(self, followed: Followed, of_time: bool = False) -> int:
        """How many of the followed records come before the suspicious ones at the end."""
        offsets, sound = followed.offsets, len(followed.offsets)
        while sound and len(offsets) - sound < LOOK_BACK:
            record = self._chains.record(offsets[sound - 1])
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
        record = None if at is None else self._chains.record(at)
        return record.seconds if record else None

    def _repair_header(self, followed: Followed, sound: int, suspect: int) -> int | None:
        """The first suspicious header may state one wrong length and one right one."""
        record = self._chains.record(suspect)
        if record is None:
            return None
        for other in self._layout.alternatives(record):
            if self._layout.plausible(other) and self._chains.chained(suspect + other.length, other):
                followed.truncate(sound)
                followed.offsets.append(suspect)
                self._repaired(followed, other.caplen)
                return suspect + other.length
        return None

    def _repair_last(self, followed: Followed, sound: int) -> int | None:
        """The last good record may be longer than it says: the suspicious header lies inside it."""
        if not sound or (record := self._chains.record(followed.offsets[sound - 1])) is None:
            return None
        if self._layout.consistent(record):
            return None
        start = followed.offsets[sound - 1]
        for other in self._layout.alternatives(record):
            end = start + other.length
            if self._layout.believable(other) and self._chains.chained(end, other):
                followed.truncate(sound)
                self._repaired(followed, other.caplen)
                return end
        return None

    def _inside_last(self, followed: Followed, sound: int, suspect: int) -> int | None:
        """A header inside the last good record, if it leads over that one's end: bytes are missing from
        its middle, so that it ends sooner than both of its lengths say."""
        self._insides += 1
        if not sound or self._insides > MAX_INSIDES:
            return None
        start = followed.offsets[sound - 1]
        seconds = self._seconds(followed, sound)

        def leads_over(at: int, seconds: int | None) -> bool:
            return self._chains.leads_over(suspect, at, seconds)

        begin = start + self._layout.header
        found = self._candidates.find(begin, seconds, leads_over, stop=suspect)
        record = self._chains.record(start)
        if found is not None and record is not None:
            followed.truncate(sound)
            # What is missing is missing from the frame; padding may follow it.
            self._repaired(followed, max(record.caplen - (suspect - found), 0))
        return found

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
            last = self._chains.record(start)
            if last is not None and not layout.consistent(last):
                begin = start + layout.header
        seconds = self._seconds(followed, sound if of_time is None else of_time)
        if seconds is None and stop is not None and (record := self._chains.record(suspect)):
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
        record = self._chains.record(at)
        return record.caplen if record is not None and self._layout.filling(record, end - at) else None

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
        claim = (
            "no header"
            if record is None or record.caplen < 0
            else f"a record that claims {record.caplen} bytes"
        )
        if self._mends > MAX_MENDS:
            kind, message = "damaged", f"more than {MAX_MENDS} damaged places: the rest is not read"
        elif record is not None and not self._layout.believable(record):
            kind = "damaged"
            message = f"{claim}, and nothing readable after it"
        self._reading.problems.add(
            kind,
            message,
            frame=self._reading.frames + len(followed.offsets) + 1,
            offset=at,
            length=self._medium.size - at,
        )
