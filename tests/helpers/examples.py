"""How many examples a property in a unit test draws; the laws in `tests/properties` draw more."""

from __future__ import annotations

from hypothesis import settings

FEW = settings(max_examples=60, deadline=None, database=None)
"""For functions on small values: no deadline, because machines are busy."""
