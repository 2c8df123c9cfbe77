"""Fragments become datagrams and frames again, over the whole capture, in whatever order they came."""

from __future__ import annotations

from .policy import POLICIES
from .reassembler import Reassembler

__all__ = ["POLICIES", "Reassembler"]
