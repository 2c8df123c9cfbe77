"""Is the body there that a head announces?

The answer to a HEAD announces a body and has none; a client that waited for a 100 (Continue) may never have
sent its own. Where the request is not known, what stands behind a head decides: a message there is the next
one, and bytes that begin no message are the body.
"""

from __future__ import annotations

from dataclasses import dataclass

from .http1_framing import HUGE, Framing
from .http1_lines import begins_message, find_message
from .http1_message import Head
from .stream_bytes import ByteWindow


@dataclass(frozen=True, slots=True)
class Presence:
    """Questions about the bytes behind a head."""

    window: ByteWindow
    head: Head
    framing: Framing
    closed: bool | None
    """whether the end of the stream is the end of what was sent"""

    @property
    def announced(self) -> bool:
        """Whether a body is announced at all."""
        return self.framing.kind not in ("none", "tunnel") and self.framing.lengths != (0,)

    @property
    def stop(self) -> int:
        """Where a body of the stated length ends."""
        return self.head.end + self.framing.lengths[0] if self.framing.kind == "length" else HUGE

    @property
    def fits(self) -> bool:
        """Whether a body of the stated length leads to the end of the stream or to another message."""
        return self.stop == self.window.end or begins_message(self.head.side, self.window, self.stop)

    def is_refused(self) -> tuple[bool, bool]:
        """Whether a request that waited for a 100 (Continue) goes without its body; whether that is open."""
        window, start = self.window, self.head.end
        if start >= window.end:
            return self.closed is True and window.gaps.after(start) == start, False
        if not begins_message("request", window, start):
            return False, False
        # It may be a body that looks like a request, if it ends where it should.
        return True, self.framing.kind == "length" and (self.fits or self._end_is_lost())

    def stands_there(self) -> bool:
        """Whether a body of the stated length follows where none should: the answer to a HEAD."""
        window, start = self.window, self.head.end
        if self.framing.kind != "length" or self.framing.lengths == (0,) or start >= window.run_ends(start):
            return False
        return self.fits and not begins_message("response", window, start)

    def is_absent(self, *, likely: bool) -> tuple[bool, bool]:
        """Whether a response goes without its body, and whether it may as well be the other way round.

        Parameters
        ----------
        likely : bool
            Whether the request is one that is answered with a body, as far as is known.
        """
        if not begins_message("response", self.window, self.head.end):
            return self.framing.kind != "chunked" and self._hides_messages(), False
        # It may be a body that looks like a message, if it ends where it should.
        ambiguous = self.fits or self.framing.kind == "close" or self._end_is_lost()
        return not (likely and self.fits), ambiguous

    def _hides_messages(self) -> bool:
        """Whether a gap follows, and then other messages where the body was announced."""
        window, stop = self.window, self.stop
        behind = window.gaps.after(self.head.end)
        if not self.head.end < behind < stop or self.fits:
            return False
        if stop == HUGE:
            return begins_message("response", window, behind)
        end = min(stop, window.end)
        return find_message("response", window, behind, end) < end

    def _end_is_lost(self) -> bool:
        """Whether what follows a body of the stated length was sent and not captured."""
        window, stop = self.window, self.stop
        if stop < window.end:
            return window.run_ends(stop) == stop
        return self.closed is not True or window.gaps.after(window.end) > window.end
