"""`HttpMessage`: a request or a response as the analyst holds it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tcpflow_scapy.render.escape import safe_text

from .content_coding import DecodeLimits, Outcome, coding_names
from .http1_fields import Headers, text
from .http1_framing import HUGE
from .http1_message import Message
from .http_body import BodyFacts, body_facts, check_sparse, decoded_pieces, placed_pieces, raw_pieces
from .http_ranges import parse_content_range
from .media_type import essence, extension_for, parameters
from .multipart import Part, split_parts
from .stream_bytes import Range, TimedStream, captured_runs

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


def timestamp(time: int | None) -> Any:
    """ns since the epoch as pandas.Timestamp, UTC; NaT for None."""
    import pandas as pd

    return pd.NaT if time is None else pd.Timestamp(time, unit="ns", tz="UTC")


class HttpMessage:
    """A request or a response. Its body is read from the stream whenever it is asked for.

    Offsets are offsets of the stream it was found in. Texts (`target`, `headers` ...) are what the wire
    said, not escaped; what `repr` shows is.
    """

    __slots__ = ("_behind", "_facts", "_limits", "_message", "_stream", "direction", "number")

    def __init__(
        self,
        message: Message,
        stream: TimedStream,
        direction: str,
        number: int,
        limits: DecodeLimits | None = None,
        behind: Range | None = None,
    ) -> None:
        self._message = message
        self._behind = behind
        self._stream = stream
        self._limits = limits or DecodeLimits()
        self._facts: BodyFacts | None = None
        self.direction = direction
        """``client`` or ``server``: who sent it"""
        self.number = number
        """1-based, counts every message of its direction: tcpflow's HTTPBODY number"""

    # -- place and time -----------------------------------------------------------------------------

    @property
    def start(self) -> int:
        """Stream offset of its first byte."""
        return self._message.start

    @property
    def end(self) -> int:
        """Stream offset after its last byte."""
        return self._message.end

    @property
    def head_end(self) -> int:
        """Stream offset after the header fields: where the body, or its framing, begins."""
        return self._message.head.end

    @property
    def time_ns(self) -> int | None:
        """When its first byte was captured, ns since the epoch; None without a clock."""
        return self._stream.time_at(self.start)

    @property
    def end_time_ns(self) -> int | None:
        """When its last byte was captured, ns since the epoch; None without a clock."""
        return self._stream.time_at(max(self.end - 1, self.start))

    @property
    def time(self) -> Any:
        """When its first byte was captured (pandas.Timestamp, UTC)."""
        return timestamp(self.time_ns)

    @property
    def end_time(self) -> Any:
        """When its last byte was captured (pandas.Timestamp, UTC)."""
        return timestamp(self.end_time_ns)

    # -- start line and fields ----------------------------------------------------------------------

    @property
    def is_request(self) -> bool:
        """Whether it is a request."""
        return self._message.head.side == "request"

    @property
    def version(self) -> str:
        """``HTTP/1.1``, ``HTTP/1.0``, ``HTTP/0.9`` (a response without head or status), ``ICY``."""
        return text(self._message.head.line.version)

    @property
    def method(self) -> str:
        """Method of a request; empty for a response."""
        return text(self._message.head.line.method)

    @property
    def target(self) -> str:
        """Target of a request as sent; empty for a response."""
        return text(self._message.head.line.target)

    @property
    def status(self) -> int:
        """Status of a response; 0 for a request, and in HTTP/0.9."""
        return self._message.head.line.status

    @property
    def reason(self) -> str:
        """Reason phrase of a response."""
        return text(self._message.head.line.reason)

    @property
    def headers(self) -> Headers:
        """Header fields; `Headers.raw` has bytes and stream offsets."""
        return self._message.head.headers

    @property
    def trailers(self) -> Headers:
        """Fields after a chunked body."""
        return self._message.trailers or Headers([])

    @property
    def head(self) -> bytes:
        """Start line and header fields in the bytes of the wire."""
        return self._message.head.raw

    @property
    def host(self) -> str:
        """Host that a request is for: of an absolute target, else of the Host field."""
        if self._message.head.line.method == b"CONNECT":
            return self.target
        found = _ABSOLUTE.match(self.target)
        return found[1].rpartition("@")[2] if found else self.headers.get("Host").strip()

    @property
    def url(self) -> str:
        """URL of a request as far as it is known; not checked, not cleaned. Empty for a response."""
        target = self.target
        if target.startswith("/") and self.host:
            return f"http://{self.host}{target}"
        return target

    @property
    def content_type(self) -> str:
        """Media type it states, in lower case, without parameters; empty if it states none."""
        return essence(self.headers.get("Content-Type"))

    @property
    def charset(self) -> str:
        """Character set it states; empty if it states none."""
        return parameters(self.headers.get("Content-Type")).get("charset", "").strip()

    @property
    def content_encoding(self) -> str:
        """Content codings it states, as sent."""
        return ", ".join(self.headers.get_all("Content-Encoding"))

    @property
    def filename(self) -> str:
        """File name it suggests, as sent: not safe to use as one."""
        return parameters(self.headers.get("Content-Disposition")).get("filename", "")

    @property
    def content_range(self) -> tuple[int, int, int | None] | None:
        """Of a partial response (206): start and end (half open) in the whole, and its size if stated."""
        return parse_content_range(self.headers.get("Content-Range"))

    @property
    def extension(self) -> str:
        """Extension that tcpflow gives to a body of this type; empty for unknown types."""
        return extension_for(self.headers.get("Content-Type"))

    # -- trust --------------------------------------------------------------------------------------

    @property
    def framing(self) -> str:
        """What delimits the body: ``length``, ``chunked``, ``close``, ``none``, or ``tunnel``: an upgrade."""
        return self._message.kind

    @property
    def body_ranges(self) -> list[Range]:
        """Where the body lies in the stream, chunk framing left out; gaps in it read as zeros."""
        return list(self._message.ranges)

    @property
    def missing(self) -> list[Range]:
        """Parts of the body that were not captured, as stream offsets."""
        return list(self._message.missing)

    @property
    def head_missing(self) -> Range | None:
        """The gap that the head breaks off at, as stream offsets; None if the head is whole."""
        return self._message.head.missing

    @property
    def missing_bytes(self) -> int:
        """Sum of `missing` and `head_missing`.

        Where chunk framing was lost, a head breaks off or a length is absurd, no more than an estimate.
        """
        head = self.head_missing
        lost = [*self._message.missing, *([head] if head else [])]
        return min(sum(end - start for start, end in lost), HUGE)

    @property
    def captured(self) -> bool:
        """Whether all of it was captured, to its end."""
        return self._message.complete

    @property
    def complete(self) -> bool:
        """Whether all of it was captured and, of a coded body (which is read for that), could be decoded."""
        return self.captured and (not (self.is_coded and self.raw_size) or self.facts.complete)

    @property
    def problems(self) -> list[str]:
        """What was odd about it: words of `PROBLEMS`; once `facts` were read, of `CODING_PROBLEMS` too."""
        words = {*self._message.problems, *(self._facts.problems if self._facts else ())}
        return sorted(words | {"bytes_behind"} if self._behind else words)

    @property
    def unread(self) -> list[Range]:
        """Captured bytes that belong to no message: before its head, or behind the last one's end."""
        found = [self._message.head.skipped, self._behind]
        return [run for edges in found if edges for run in captured_runs(self._stream.gaps, *edges)]

    # -- body ---------------------------------------------------------------------------------------

    @property
    def _codings(self) -> list[str]:
        names = coding_names(self.headers.get_all("Content-Encoding"))
        return names + coding_names(self._message.codings)

    @property
    def is_coded(self) -> bool:
        """Whether the body is said to be in a coding such as gzip."""
        return bool(self._codings)

    @property
    def raw_size(self) -> int:
        """Bytes of `raw_body`."""
        return self._message.body_size

    @property
    def raw_body(self) -> bytes:
        """The body as it was sent, without chunk framing but with its codings; gaps as zeros.

        Raises
        ------
        StreamTooSparse
            If gaps would add more than 1 GiB of zeros.
        """
        check_sparse(self._message)
        return b"".join(raw_pieces(self._message, self._stream))

    @property
    def body(self) -> bytes:
        """The body without its codings, within limits; `facts` says how well that went.

        Raises
        ------
        StreamTooSparse
            If gaps would add more than 1 GiB of zeros.
        """
        check_sparse(self._message)
        return b"".join(self.pieces())

    def pieces(
        self, *, decode: bool = True, outcome: Outcome | None = None, limits: DecodeLimits | None = None
    ) -> Iterator[bytes]:
        """The body in pieces of about a MiB.

        Parameters
        ----------
        decode : bool
            Undo the codings.
        outcome : Outcome, optional
            Filled with what decoding turned out to be.
        limits : DecodeLimits, optional
            Default: its own, as if it were the only body.
        """
        codings = self._codings if decode else []
        limits = limits or self._limits.alone()
        return decoded_pieces(self._message, self._stream, codings, outcome or Outcome(), limits)

    def placed_pieces(
        self, *, decode: bool = True, outcome: Outcome | None = None, limits: DecodeLimits | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """As `pieces`, but each with its place in the body, and gaps left out."""
        codings = self._codings if decode else []
        limits = limits or self._limits.alone()
        return placed_pieces(self._message, self._stream, codings, outcome or Outcome(), limits)

    @property
    def facts(self) -> BodyFacts:
        """Size, hash and type of the decoded body, and how decoding went; read once, then kept."""
        if self._facts is None:
            self._facts = body_facts(self._message, self._stream, self._codings, self._limits)
        return self._facts

    @property
    def was_read(self) -> bool:
        """Whether `facts` are known already."""
        return self._facts is not None

    @property
    def size(self) -> int:
        """Bytes of `body`."""
        return self.facts.size

    @property
    def sha256(self) -> str | None:
        """SHA-256 of `body`; None where bytes are missing or could not be decoded."""
        return self.facts.sha256

    @property
    def sniffed_type(self) -> str:
        """Media type that the first bytes of `body` speak for; empty if none."""
        return self.facts.sniffed_type

    @property
    def parts(self) -> list[Part]:
        """Parts of a multipart body (form uploads, byte ranges); empty for others."""
        content_type = self.headers.get("Content-Type")
        return split_parts(self.body, content_type) if self.content_type.startswith("multipart/") else []

    def text(self, errors: str = "backslashreplace") -> str:
        """The body as text in the character set it states (UTF-8 if none or unknown), controls escaped."""
        data = self.body
        charset = self.charset.lower()
        try:
            # These two take time that grows with the square of their input.
            decoded = data.decode("utf-8" if charset in ("", "idna", "punycode") else charset, errors)
        except (LookupError, ValueError, TypeError):
            decoded = data.decode("utf-8", errors)
        return safe_text(decoded, newlines=True)

    # -- looks --------------------------------------------------------------------------------------

    def summary(self) -> str:
        """Start line and size on one safe line."""
        line = self._message.head.line
        if self.is_request:
            first = f"{text(line.method)} {safe_text(text(line.target), limit=120)}"
        else:
            status = str(line.status) if self.head else self.version
            first = f"{status} {safe_text(text(line.reason), limit=40)}".rstrip()
        kind = f" {safe_text(self.content_type, limit=60)}" if self.content_type else ""
        state = "" if self.captured else " incomplete"
        return f"{first}{kind} {self.raw_size} bytes{state}"

    def __repr__(self) -> str:
        return f"<HttpMessage {self.summary()}>"
