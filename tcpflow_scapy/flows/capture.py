"""`FlowTable.capture`: what the source was, and what became of every frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.file_bytes import FileBytes
from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.flows.categories import labelled
from tcpflow_scapy.render.escape import one_line

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.capture.info import Interface, Problem
    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]

_USED = (Reason.TCP, Reason.FRAGMENT_USED)


class Capture:
    """The body of evidence behind a `FlowTable`."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    @property
    def paths(self) -> list[str]:
        """Names of the sources, in the order in which they were read."""
        return list(self._evidence.info.paths)

    @property
    def format(self) -> str:
        """Format of the sources, with compression, such as ``pcapng in gzip``."""
        info = self._evidence.info
        names = [
            f"{form} in {packed}" if packed else form
            for form, packed in zip(info.formats, info.compressions, strict=False)
        ]
        return ", ".join(dict.fromkeys(names))

    @property
    def interfaces(self) -> list[Interface]:
        """Interfaces of the sources."""
        return list(self._evidence.info.interfaces)

    @cached_property
    def linktypes(self) -> list[int]:
        """LINKTYPE numbers that occur."""
        return [int(x) for x in np.unique(self._evidence.frames.linktype)]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self._evidence.frames)

    @cached_property
    def bytes(self) -> int:
        """Captured bytes of all frames."""
        return int(self._evidence.frames.caplen.sum(dtype=np.int64))

    @property
    def size(self) -> int:
        """Bytes of the sources as they lie on disk."""
        return sum(self._evidence.info.sizes)

    @cached_property
    def first_time(self) -> Any:
        """Earliest time of a frame (NaT without any)."""
        return self._extreme(np.min)

    @cached_property
    def last_time(self) -> Any:
        """Latest time of a frame (NaT without any)."""
        return self._extreme(np.max)

    def _extreme(self, pick: Callable[[Array], Any]) -> Any:
        import pandas as pd

        times = self._evidence.frames.time
        known = times[times != NO_TIME]
        return pd.Timestamp(int(pick(known)), unit="ns", tz="UTC") if len(known) else pd.NaT

    @cached_property
    def _counts(self) -> Array:
        return np.bincount(self._evidence.frames.reason, minlength=len(Reason))

    @property
    def used(self) -> int:
        """Frames whose bytes are part of a flow."""
        return int(sum(self._counts[r] for r in _USED))

    @property
    def unused(self) -> dict[str, int]:
        """How many frames were not used, by reason."""
        return {
            reason.label: int(self._counts[reason])
            for reason in Reason
            if reason not in _USED and self._counts[reason]
        }

    def unused_frames(self, reason: str | None = None) -> pd.DataFrame:
        """The frames that were not used.

        Parameters
        ----------
        reason : str, optional
            Only those of this reason (a key of `unused`).

        Returns
        -------
        pandas.DataFrame
            ``frame`` (1-based), ``time``, ``length`` (captured), ``reason``.
        """
        import pandas as pd

        from tcpflow_scapy.flows.summary import datetimes

        codes = self._evidence.frames.reason
        if reason is None:
            rows = np.flatnonzero(~np.isin(codes, _USED))
        else:
            known = {r.label: r for r in Reason}
            if reason not in known:
                raise ValueError(f"unknown reason {reason!r}; there are: {', '.join(known)}")
            rows = np.flatnonzero(codes == known[reason])
        frames = self._evidence.frames
        return pd.DataFrame(
            {
                "frame": rows + 1,
                "time": datetimes(np.ascontiguousarray(frames.time[rows])),
                "length": frames.caplen[rows].astype(np.int64),
                "reason": labelled(codes[rows], Reason).remove_unused_categories(),
            }
        )

    @property
    def problems(self) -> list[Problem]:
        """What could not be read of the sources, with frame numbers and byte offsets; clocks that differ."""
        return self._evidence.problems

    @cached_property
    def sha256(self) -> str | list[str]:
        """SHA-256 of the source as it lies on disk, or one for each of several.

        Computed while it was read with ``reassemble(..., hash=True)``, else when it is asked for.
        Sources that are not files are hashed as they were spooled.

        Raises
        ------
        CaptureChanged
            A file is no longer what was read.
        """
        info, store = self._evidence.info, self._evidence.store
        digests = list(info.digests)
        if not digests:
            for number, original in enumerate(info.originals or [None for _ in info.paths]):
                digest = sha256()
                # The file that was read, though another one may have its name by now.
                buffer = original or store.buffer(number)
                if isinstance(buffer, FileBytes):
                    buffer.hash_into(digest)
                else:
                    digest.update(buffer)
                digests.append(digest.hexdigest())
        return digests[0] if len(digests) == 1 else digests

    def __repr__(self) -> str:
        unused = self.frames - self.used
        names = one_line(", ".join(self.paths))
        text = f"<Capture {names}: {self.format}, {self.frames} frames, {unused} unused"
        if self.problems:
            text += f", {len(self.problems)} problems"
        return text + ">"

    def _repr_html_(self) -> str:
        from tcpflow_scapy.flows.looks import capture_card

        html: str = capture_card(self).to_html()
        return html

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        from tcpflow_scapy.flows.looks import capture_card, pretty

        pretty(capture_card(self), repr(self), printer, cycle)

    def __rich__(self) -> Any:
        from tcpflow_scapy.flows.looks import capture_card

        return capture_card(self)
