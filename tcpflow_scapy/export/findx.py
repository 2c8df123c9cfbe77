"""tcpflow's time index, ``NAME.findx``: lines ``offset|seconds.microseconds|length``.

tcpflow writes a line for each segment in order of arrival; ours are sorted by offset and disjoint, one for
each run of the file, so that a binary search finds the time of any byte.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.export.whole_file import write_whole

if TYPE_CHECKING:
    from tcpflow_scapy.flows.evidence import Evidence


def index_lines(evidence: Evidence, stream: int, max_bytes: int | None = None) -> Iterator[str]:
    """Lines of the index of one stream, by offset; bytes from `max_bytes` on are left out."""
    found = evidence.reassembly
    low, high = found.streams.extent_start[stream : stream + 2].tolist()
    extents = found.extents
    times = evidence.times[extents.packet[low:high]]
    offset = extents.offset[low:high]
    length = extents.length[low:high].astype(np.int64)
    if max_bytes is not None:
        length = np.clip(max_bytes - offset, 0, length)
    for at, n, time in zip(offset.tolist(), length.tolist(), times.tolist(), strict=True):
        if n:
            seconds, rest = divmod(0 if time == NO_TIME else time // 1000, 1_000_000)
            yield f"{at}|{seconds}.{rest:06d}|{n}\n"


def write_findx(
    evidence: Evidence,
    stream: int,
    path: str | os.PathLike[str],
    *,
    max_bytes: int | None = None,
    overwrite: bool = False,
) -> None:
    """Write the index of a stream beside its file.

    Raises
    ------
    ExportError
        If the file cannot be written.
    """
    write_whole(
        path,
        lambda file: file.writelines(
            line.encode("ascii") for line in index_lines(evidence, stream, max_bytes)
        ),
        overwrite=overwrite,
    )
