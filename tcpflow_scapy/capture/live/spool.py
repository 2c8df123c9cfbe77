"""The spool of a live capture: a pcapng file that is whole at every moment, or several of them.

Only whole blocks are ever appended, and what could be appended only in part is taken back. When the disk is
full the spool stops and counts what it could not keep; nothing that was kept is touched.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tcpflow_scapy.capture.frames import Array
from tcpflow_scapy.capture.live.chain import DIGITS, HashChain, chain_path, later_files
from tcpflow_scapy.capture.live.events import EventLog
from tcpflow_scapy.capture.live.sections import Counters, SpoolInterface, describe, section, statistics
from tcpflow_scapy.capture.live.spool_file import SpoolFile
from tcpflow_scapy.capture.medium import os_error
from tcpflow_scapy.errors import EXISTS, CaptureOSError

MIN_ROTATE_BYTES = 64 << 10
"""Less than the longest frame would not make files smaller."""


class LiveSpool:
    """Frames of running captures, appended by several threads.

    Parameters
    ----------
    path : path, optional
        The file; None for a temporary one that goes away with the last reference to this object.
    events : EventLog
        Told of a full disk and of new files.
    overwrite : bool
        Replace files that exist. Those who have the old one open or mapped keep it.
    rotate_bytes, rotate_seconds : optional
        Go on in a new file when this one would become larger, or is older. The first file has the name
        that was given, the next ones ``-00001``, ``-00002`` ... before the suffix.
    chain : bool
        Keep a hash chain beside it (never for a temporary one).
    owner : tuple of int, optional
        User and group id that the files are to belong to, where this process runs with more rights.

    Raises
    ------
    CaptureOSError
        The file exists, or cannot be made.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        events: EventLog,
        *,
        overwrite: bool = False,
        rotate_bytes: int | None = None,
        rotate_seconds: float | None = None,
        chain: bool = True,
        owner: tuple[int, int] | None = None,
    ) -> None:
        if path is not None and not Path(os.fspath(path)).name:
            raise CaptureOSError("is no name for a file", path=os.fspath(path) or "spool")
        if rotate_bytes is not None and rotate_bytes < MIN_ROTATE_BYTES:
            raise ValueError(f"rotate_bytes must be at least {MIN_ROTATE_BYTES:,}, not {rotate_bytes!r}")
        if rotate_seconds is not None and not 0 < rotate_seconds < 1e9:
            raise ValueError(f"rotate_seconds must be a positive number of seconds, not {rotate_seconds!r}")
        self.temporary = path is None
        self.rotates = rotate_bytes is not None or rotate_seconds is not None
        self._events = events
        self._overwrite = overwrite
        self._rotate_bytes, self._rotate_seconds = rotate_bytes, rotate_seconds
        self._owner = owner
        self._lock = threading.RLock()
        self._interfaces: list[SpoolInterface] = []
        self._counters: dict[int, Counters] = {}
        self._files: list[Path] = []
        self._file: SpoolFile | None = None
        self._frames_here = 0
        self._opened = 0.0
        self._number = 0
        self.frames = 0
        """frames kept"""
        self.bytes = 0
        """bytes written, over all files"""
        self.lost = 0
        """frames that could not be kept"""
        self.failure = ""
        """why the spool stopped; empty while it works"""
        self._chain: HashChain | None = None
        self._head = ""
        self.path = self._temporary() if path is None else Path(os.fspath(path))
        if path is not None:
            self._begin(chain)

    # -- files --------------------------------------------------------------------------------------

    def _temporary(self) -> Path:
        try:
            descriptor, name = tempfile.mkstemp(prefix="tcpflow-scapy-", suffix=".pcapng")
            self._take(descriptor, Path(name))
        except OSError as error:
            raise os_error(error, "temporary spool") from error
        # Flows made from it have it mapped: its bytes stay until the last of them is gone.
        weakref.finalize(self, _remove, name, os.getpid())
        return Path(name)

    def _begin(self, chain: bool) -> None:
        """The first file, and the chain."""
        if self.rotates and not self._overwrite and (others := later_files(self.path)):
            raise CaptureOSError("exists; the spool's further files would mix with it", path=str(others[0]))
        try:
            if chain:
                beside = chain_path(self.path)
                self._clear(beside)
                self._chain = HashChain(beside)
                self._give_away(self._chain.descriptor)
            self._open(self.path)
        except FileExistsError as error:
            self._abandon()
            # The chain is made first; whoever named the spool knows that name.
            path = self.path if self.path.exists() else error.filename
            raise CaptureOSError(EXISTS, path=str(path)) from error
        except OSError as error:
            self._abandon()
            raise os_error(error, error.filename or str(self.path)) from error

    def _clear(self, path: Path) -> None:
        """Make place for a file that may be replaced: by taking its name away, not its content."""
        if self._overwrite and path.is_file():
            path.unlink()

    def _open(self, path: Path) -> None:
        self._clear(path)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o644)
        try:
            self._take(descriptor, path)
        except OSError:
            self._finish_file()
            path.unlink()
            raise

    def _take(self, descriptor: int, path: Path) -> None:
        """Go on in a new file."""
        self._file = SpoolFile(descriptor)
        self._give_away(descriptor)
        self._frames_here = 0
        self._opened = time.monotonic()
        if self._chain is not None:
            self._chain.begin(path.name)
        self._append(section() + b"".join(map(describe, self._interfaces)))
        # Whoever reads the files finds each of them with its first blocks.
        self._files.append(path)

    def _give_away(self, descriptor: int) -> None:
        if self._owner is not None:
            os.fchown(descriptor, *self._owner)

    @property
    def paths(self) -> list[Path]:
        """The files so far, in order; the last one grows."""
        with self._lock:
            return list(self._files)

    @property
    def chain_head(self) -> str:
        """Digest of the last link of the chain; empty without one."""
        return self._head if self._chain is None else self._chain.head

    # -- what is put in -----------------------------------------------------------------------------

    def add_interface(self, interface: SpoolInterface) -> int:
        """Describe an interface; its number, in all files of the spool."""
        with self._lock:
            if interface in self._interfaces:
                return self._interfaces.index(interface)
            self._interfaces.append(interface)
            self._guarded(describe(interface))
            return len(self._interfaces) - 1

    def append(self, data: memoryview, ends: Array) -> int:
        """Append packet blocks.

        Parameters
        ----------
        data : memoryview
            Whole blocks.
        ends : int64[n]
            Where each one ends.

        Returns
        -------
        int
            How many were kept. All others are counted in `lost`, and an event says so.
        """
        with self._lock:
            kept = 0
            while kept < len(ends) and not self.failure and self._file is not None:
                start = int(ends[kept - 1]) if kept else 0
                stop = self._cut(ends, kept, start)
                done = self._append_blocks(data[start : int(ends[stop - 1])], ends[kept:stop] - start)
                kept += done
            if kept < len(ends):
                self._lose(len(ends) - kept)
            return kept

    def _cut(self, ends: Array, first: int, start: int) -> int:
        """How many of the blocks still go into this file; a new one is begun where none does."""
        if self._rotate_seconds is not None and time.monotonic() - self._opened >= self._rotate_seconds:
            self._rotate()
        if self._rotate_bytes is None:
            return len(ends)
        room = self._rotate_bytes - self._file_size - len(self._statistics())
        stop = int(np.searchsorted(ends, start + room, "right"))
        if stop <= first:
            self._rotate()
            stop = int(np.searchsorted(ends, start + self._rotate_bytes - self._file_size, "right"))
        return max(stop, first + 1)

    @property
    def _file_size(self) -> int:
        return self._file.size if self._file is not None else 0

    def _append_blocks(self, data: memoryview, ends: Array) -> int:
        """Append to the file that is open; how many blocks are in it for good."""
        if self._file is None:
            return 0
        kept, error = self._file.append_blocks(data, ends)
        if kept:
            self._note(data[: int(ends[kept - 1])])
        if error is not None:
            self._fail(error)
        self.frames += kept
        self._frames_here += kept
        return kept

    def _append(self, data: bytes) -> None:
        """Append what is no frame.

        Raises
        ------
        OSError
            It is not there.
        """
        if self._file is not None:
            self._file.append(data)
            self._note(memoryview(data))

    def _guarded(self, data: bytes) -> None:
        """The same for what may go missing."""
        if self.failure:
            return
        try:
            self._append(data)
        except OSError as error:
            self._fail(error)

    def _note(self, data: memoryview) -> None:
        """`data` is in the file now."""
        self.bytes += len(data)
        if self._chain is not None:
            self._chained(lambda chain: chain.add(data))

    def _chained(self, work: Any) -> None:
        """Do something with the chain; without it when that fails."""
        if self._chain is None:
            return
        try:
            work(self._chain)
        except OSError as error:
            self._events.add("chain_broken", f"hash chain: {error.strerror or error}")
            self._head = self._chain.head
            self._chain.abandon()
            self._chain = None

    def _fail(self, error: OSError) -> None:
        if not self.failure:
            self.failure = error.strerror or str(error)
            self._events.add(
                "spool_full", f"spool stopped ({self.failure}), frames from then on are not kept"
            )

    def _lose(self, count: int) -> None:
        self.lost += count
        self._events.update("spool_full", "", count=count)

    # -- what happens in between --------------------------------------------------------------------

    def count(self, interface: int, counters: Counters) -> None:
        """Remember what an interface counted, for the statistics at the end of every file."""
        with self._lock:
            self._counters[interface] = counters

    def write_statistics(self) -> None:
        """Put the counters of all interfaces into the file."""
        with self._lock:
            self._guarded(self._statistics())

    def _statistics(self) -> bytes:
        return b"".join(statistics(number, counters) for number, counters in sorted(self._counters.items()))

    def tick(self) -> None:
        """What is due by time: a new file, a link of the chain. Call it about once a second."""
        with self._lock:
            if self._file is None or self.failure:
                return
            old = self._rotate_seconds is not None and time.monotonic() - self._opened >= self._rotate_seconds
            if old and self._frames_here:
                self._rotate()
            self._chained(lambda chain: chain.tick())

    def _rotate(self) -> None:
        """End this file and begin the next one. A file without frames goes on."""
        if not self._frames_here:
            self._opened = time.monotonic()
            return
        self._guarded(self._statistics())
        self._chained(lambda chain: chain.close_link())
        old = self._files[-1]
        self._finish_file()
        try:
            self._open(self._next_path())
        except OSError as error:
            self._fail(error)
            return
        self._events.add("rotated", f"{old.name} is complete; the spool goes on in {self._files[-1].name}")

    def _next_path(self) -> Path:
        while True:
            self._number += 1
            name = f"{self.path.stem}-{self._number:0{DIGITS}}{self.path.suffix}"
            if self.temporary:
                # Its own name was random; so are those of its companions.
                weakref.finalize(self, _remove, str(self.path.with_name(name)), os.getpid())
            path = self.path.with_name(name)
            if self._overwrite or not os.path.lexists(path):
                return path

    def _finish_file(self, *, sync: bool = False) -> None:
        if self._file is not None:
            self._file.close(sync=sync)
            self._file = None

    def close(self) -> None:
        """End the spool: statistics, the last link. Files stay; temporary ones as long as this object."""
        with self._lock:
            if self._file is None and self._chain is None:
                return
            with suppress(OSError):
                # Also of a spool that was stopped: whoever reads it later is told what it lacks.
                self._append(self._statistics())
            words = f"stopped: {self.failure}" if self.failure else "complete"
            self._chained(lambda chain: chain.end(words))
            self._head, self._chain = self.chain_head, None
            self._finish_file(sync=not self.temporary)

    def discard(self) -> None:
        """Take back everything: nothing was captured."""
        with self._lock:
            self._finish_file()
            self._abandon()
            for path in self._files:
                path.unlink(missing_ok=True)
            self._files.clear()

    def _abandon(self) -> None:
        """Nothing came of it: leave no trace."""
        if self._chain is not None:
            self._chain.abandon()
            self._chain.path.unlink(missing_ok=True)
            self._chain = None


def _remove(name: str, process: int) -> None:
    """Take a temporary file's name away; not in a child of the process that made it."""
    if os.getpid() != process:
        return
    with suppress(OSError):
        os.unlink(name)
