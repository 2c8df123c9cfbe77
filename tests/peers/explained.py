"""Differences from the reference that are explained, one by one, with the frame that shows it.

Key: capture, stream, class of difference. A difference that stands here is not a failure; an entry that no
longer differs is one, so that the list cannot rot.
"""

from __future__ import annotations

EXPLAINED: dict[tuple[str, str, str], str] = {}
