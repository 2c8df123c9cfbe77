"""One direction of a flow: ordered bytes, and how far they can be trusted."""

from __future__ import annotations

import io
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.errors import StreamTooSparse
from tcpflow_scapy.flows.frames import (
    conflict_frame,
    gap_frame,
    packet_frame,
    read_stream,
)

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.evidence import Evidence
    from tcpflow_scapy.flows.flow import Flow

Array = np.ndarray[Any, np.dtype[Any]]

SPARSE_LIMIT = 1 << 30
"""`Stream.data` refuses to add more zeros than this."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one byte of a stream came from."""

    frame: int
    """1-based frame number"""
    time: Any
    """pandas.Timestamp, UTC"""
    path: str
    """the capture"""
    offset: int
    """byte offset in the capture (in the decompressed or spooled file, where it was one)"""


class Stream:
    """What one side of a connection sent, in order.

    Obtained from `Flow.client` and `Flow.server`. Nothing is copied until bytes are asked for.
    """

    __slots__ = ("_evidence", "_number")

    def __init__(self, evidence: Evidence, number: int) -> None:
        self._evidence = evidence
        self._number = number

    # -- who ----------------------------------------------------------------------------------------

    @property
    def flow(self) -> Flow:
        """The flow of which this is one direction."""
        from tcpflow_scapy.flows.flow import Flow

        return Flow(self._evidence, self._number >> 1)

    @property
    def direction(self) -> str:
        """``"client"`` or ``"server"``: who sent it."""
        return "server" if self._number & 1 else "client"

    @property
    def address(self) -> str:
        """Address of the sender."""
        return self._evidence.address_text(int(self._column("address")) >> 16)

    @property
    def port(self) -> int:
        """Port of the sender."""
        return int(self._column("address")) & 0xFFFF

    @property
    def peer(self) -> Stream:
        """The other stream of the flow."""
        return Stream(self._evidence, self._number ^ 1)

    @property
    def name(self) -> str:
        """Its tcpflow file name, such as ``010.000.000.001.01024-010.000.000.002.00080``."""
        from tcpflow_scapy._accessors import verb

        return str(verb("file_name")(self))

    # -- how much -----------------------------------------------------------------------------------

    def _column(self, name: str) -> Any:
        return getattr(self._evidence.reassembly.streams, name)[self._number]

    @property
    def isn(self) -> int | None:
        """Initial sequence number; None where no SYN was captured."""
        value = int(self._column("isn"))
        return None if value < 0 else value

    @property
    def size(self) -> int:
        """Highest offset known, in bytes: from data, acknowledgments or the FIN."""
        return int(self._column("size"))

    @property
    def end(self) -> int:
        """Offset after the last captured byte: ``len(stream.data)``."""
        return int(self._column("end"))

    @property
    def captured(self) -> int:
        """Distinct bytes captured."""
        return int(self._column("captured"))

    @property
    def missing(self) -> int:
        """Bytes below `size` that were not captured."""
        return self.size - self.captured

    @property
    def complete(self) -> bool:
        """True if every byte from the SYN to the FIN was captured."""
        return self.isn is not None and int(self._column("fin")) >= 0 and self.missing == 0

    @property
    def start_ns(self) -> int | None:
        """Time of its first packet, ns since the epoch; None without a packet or a time."""
        value = int(self._column("first_time"))
        return None if value == NO_TIME else value

    def __len__(self) -> int:
        return self.end

    # -- bytes --------------------------------------------------------------------------------------

    @property
    def data(self) -> bytes:
        """All bytes in order, gaps filled with zeros, ending with the last captured byte.

        Raises
        ------
        StreamTooSparse
            If gaps would add more than 1 GiB of zeros.
        """
        return self.read()

    def __bytes__(self) -> bytes:
        return self.data

    def read(self, offset: int = 0, n: int | None = None) -> bytes:
        """Up to `n` bytes from `offset` (None: all), gaps as zeros; ends with the last captured byte.

        Raises
        ------
        ValueError
            If `offset` or `n` is negative.
        StreamTooSparse
            If `n` is None and gaps would add more than 1 GiB of zeros.
        """
        offset, n = operator.index(offset), None if n is None else operator.index(n)
        if offset < 0 or (n is not None and n < 0):
            raise ValueError("offset and n must not be negative")
        if offset >= self.end:
            return b""
        if n is None:
            n = max(self.end - offset, 0)
            zeros = n - self._captured_from(offset)
            if zeros > SPARSE_LIMIT:
                raise StreamTooSparse(
                    f"{self!r} has {zeros:,} missing bytes between captured ones, more than are filled with "
                    f"zeros ({SPARSE_LIMIT:,}); use .chunks(), .open() or .read(offset, n)"
                )
        return read_stream(self._evidence, self._number, offset, n)

    def _captured_from(self, offset: int) -> int:
        """Captured bytes at and after an offset."""
        if offset == 0:
            return self.captured
        begin, length, _ = self.extents()
        return int(np.minimum(np.maximum(begin + length - offset, 0), length).sum())

    def open(self) -> io.BufferedReader:
        """The stream as a seekable binary file; gaps read as zeros."""
        from tcpflow_scapy.flows.streamfile import StreamFile

        return io.BufferedReader(StreamFile(self._evidence, self._number, self.name))

    def extents(self) -> tuple[Array, Array, Array]:
        """What was captured: disjoint runs in stream order.

        Returns
        -------
        offset, length, address : ndarray of int64
            Stream offset, number of bytes, and address in the `Store` of each run.
        """
        found = self._evidence.reassembly
        low, high = found.streams.extent_start[self._number : self._number + 2].tolist()
        table = found.extents
        return (
            table.offset[low:high],
            table.length[low:high].astype(np.int64),
            table.address[low:high],
        )

    def chunks(self) -> Iterator[tuple[int, Any, bytes]]:
        """Captured runs in stream order as (offset, time, bytes); gaps are left out.

        Times are ``pandas.Timestamp``, UTC.
        """
        import pandas as pd

        found = self._evidence.reassembly
        low, high = found.streams.extent_start[self._number : self._number + 2].tolist()
        packets = found.extents.packet[low:high]
        times = self._evidence.times[packets]
        offset, length, address = self.extents()
        for at, n, place, time in zip(
            offset.tolist(), length.tolist(), address.tolist(), times.tolist(), strict=True
        ):
            stamp = pd.NaT if time == NO_TIME else pd.Timestamp(time, unit="ns", tz="UTC")
            yield at, stamp, self._evidence.store.read(place, n)

    @property
    def index(self) -> pd.DataFrame:
        """When each run of bytes came: ``offset``, ``length``, ``time`` (UTC), ``frame``, by offset."""
        import pandas as pd

        from tcpflow_scapy.flows.summary import datetimes

        found = self._evidence.reassembly
        low, high = found.streams.extent_start[self._number : self._number + 2].tolist()
        packets = found.extents.packet[low:high]
        offset, length, _ = self.extents()
        return pd.DataFrame(
            {
                "offset": offset,
                "length": length,
                "time": datetimes(np.ascontiguousarray(self._evidence.times[packets])),
                "frame": self._evidence.packets.frame[packets].astype(np.int64) + 1,
            }
        )

    def text(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        """The data as text, with everything escaped that a terminal could act on."""
        from tcpflow_scapy.render.escape import safe_text

        return safe_text(self.data.decode(encoding, errors), newlines=True)

    def hexdump(self, offset: int = 0, n: int | None = 4096) -> str:
        """Offset, hex and ASCII columns of `n` bytes from `offset` (None: all); missing bytes as ``--``."""
        from tcpflow_scapy.render.hexdump import hexdump

        gaps = list(zip(*(self.gaps[name].tolist() for name in ("start", "end")), strict=True))
        return "\n".join(hexdump(self.read(offset, n), start=offset, gaps=gaps))

    # -- trust --------------------------------------------------------------------------------------

    @property
    def gaps(self) -> pd.DataFrame:
        """What the capture never had: start, end, length, cause, before_frame, after_frame."""
        table = gap_frame(self._evidence, np.array([self._number]))
        return table.drop(columns=["flow", "direction"])

    @property
    def conflicts(self) -> pd.DataFrame:
        """Every range seen with different contents.

        Columns: start, end, length, frame, delivered_frame, delivered, other.
        """
        table = conflict_frame(self._evidence, np.array([self._number]))
        return table.drop(columns=["flow", "direction"])

    @property
    def segments(self) -> pd.DataFrame:
        """Every segment in order of capture.

        Columns: frame, time, offset, length, wire_length, class, flags, seq, ack, window.
        """
        table = packet_frame(self._evidence, np.array([self._number]))
        columns = ["frame", "time", "offset", "length", "wire_length", "class"]
        return table[columns + ["flags", "seq", "ack", "window"]]

    def segment_payload(self, frame: int, index: int = 0) -> bytes:
        """Payload of one segment as captured, also of classes that are not stream data.

        Parameters
        ----------
        frame : int
            1-based frame number.
        index : int
            Which segment of this stream in that frame, from 0: a frame may hold several (aggregated 802.11
            frames, netlink).

        Raises
        ------
        KeyError
            If that frame is not one of this stream's, or does not hold so many of its segments.
        """
        found, packets = self._evidence.reassembly, self._evidence.packets
        low, high = found.streams.packet_start[self._number : self._number + 2].tolist()
        rows = found.order[low:high]
        hit = np.sort(rows[packets.frame[rows] == frame - 1])
        if not 0 <= index < len(hit):
            raise KeyError(f"frame {frame} holds {len(hit)} segments of this stream, none with index {index}")
        row = int(hit[index])
        address = int(packets.header[row]) + int(packets.data_offset[row])
        return self._evidence.store.read(address, int(packets.length[row]))

    def at(self, offset: int) -> Origin | None:
        """Where the byte at `offset` came from; None if it lies in a gap.

        Raises
        ------
        IndexError
            If `offset` is outside ``[0, size)``.
        """
        import pandas as pd

        offset = operator.index(offset)
        if not 0 <= offset < self.size:
            raise IndexError(f"offset {offset} is outside the stream (0 to {self.size})")
        found = self._evidence.reassembly
        low, high = found.streams.extent_start[self._number : self._number + 2].tolist()
        index = low + int(np.searchsorted(found.extents.offset[low:high], offset, side="right")) - 1
        if index < low:
            return None
        inside = offset - int(found.extents.offset[index])
        if inside >= int(found.extents.length[index]):
            return None
        packet = int(found.extents.packet[index])
        frame, path, place = self._evidence.place(
            int(found.extents.address[index]) + inside, int(self._evidence.packets.frame[packet])
        )
        time = int(self._evidence.frames.time[frame - 1])
        stamp = pd.NaT if time == NO_TIME else pd.Timestamp(time, unit="ns", tz="UTC")
        return Origin(frame, stamp, path, place)

    # -- looks --------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return (
            f"<Stream {self.address}:{self.port} -> {self.peer.address}:{self.peer.port} "
            f"{self.captured} bytes, {self.missing} missing>"
        )

    def _repr_html_(self) -> str:
        from tcpflow_scapy.flows.looks import stream_card

        return stream_card(self).to_html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        from tcpflow_scapy.flows.looks import pretty, stream_card

        pretty(stream_card(self), repr(self), printer, cycle)

    def __rich__(self) -> Any:
        from tcpflow_scapy.flows.looks import stream_card

        return stream_card(self)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Stream) and other._evidence is self._evidence and other._number == self._number
        )

    def __hash__(self) -> int:
        return hash((id(self._evidence), self._number))
