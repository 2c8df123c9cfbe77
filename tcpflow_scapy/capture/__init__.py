"""Stage 1: any source of packets becomes batches of frames. No payload is copied, none is decoded."""

from __future__ import annotations

from typing import Any

from tcpflow_scapy.capture.inputs import make_inputs
from tcpflow_scapy.capture.source import Progress, Source


def open_source(source: Any, *, progress: Progress | None = None, hash: bool = False) -> Source:
    """Open captures of any kind.

    Parameters
    ----------
    source : path, list of paths, ``"-"``, binary file object, or Scapy packets
        Formats (pcap, pcapng, snoop, Network Monitor) and compressions (gzip, bzip2, xz, zstd, lz4)
        are recognised by content, never by name. A list is one body of evidence: its members are
        read in the given order and frame numbers go on. A file object is read from where it stands
        and left open. Scapy readers, lists, sessions (`session.FlowSession`) and iterables of
        packets are taken as they come.
    progress : callable, optional
        Called with (bytes done, bytes in all); the latter None while it is not known.
    hash : bool
        Hash what is read while it is read: ``info.digests``.

    Returns
    -------
    Source

    Raises
    ------
    CaptureOSError
        If a file is missing, a directory, not readable, or a temporary copy finds no room.
    CaptureFormatError
        If a source is empty or no capture.
    TypeError
        If it is nothing that can hold packets.
    """
    if isinstance(source, Source):
        return source
    taken = 0

    def arrived(count: int) -> None:
        nonlocal taken
        taken += count
        if progress is not None:
            progress(taken, None)

    return Source(make_inputs(source, arrived), progress, hash=hash)


__all__ = ["Progress", "Source", "open_source"]
