"""What a capture counted."""

from __future__ import annotations

from typing import NamedTuple


class LiveStats(NamedTuple):
    """What a capture counted."""

    seconds: float
    """since it began"""
    frames: int
    """kept in the spool"""
    bytes: int
    """of the spool"""
    received: int
    """as the system counts them"""
    kernel_dropped: int
    interface_dropped: int
    not_kept: int
    """captured, but the spool could not be written"""

    @property
    def lost(self) -> int:
        """Frames that are known to be missing."""
        return self.kernel_dropped + self.interface_dropped + self.not_kept
