"""What a capture format must offer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tcpflow_scapy.capture.frames import FrameBatch
from tcpflow_scapy.capture.reading import Reading

HEAD_BYTES = 4096
"""Bytes that `Format.recognise` gets to see, where the file has them."""


@dataclass(frozen=True, slots=True)
class Format:
    """One capture format."""

    name: str
    recognise: Callable[[bytes], str | None]
    """first bytes -> what people call a file that begins so, or None where it is another format"""
    read: Callable[[Reading], Iterator[FrameBatch]]
    """all frames of a medium that was recognised, in file order, as batches. It may raise nothing
    but `CaptureError`, for nothing but trouble with the system: damage is a `Problem`"""
