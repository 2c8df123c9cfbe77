"""Packets that stand in no frame as they were sent: headers or payload are compressed, or pieces numbered.

They wait among the IP fragments (`pieces.Kind`) until the whole capture is known, become datagrams in the
second buffer, and go through the layers like those.
"""

from __future__ import annotations

from .rebuilder import Memory, Rebuilder, Rebuilt

__all__ = ["Memory", "Rebuilder", "Rebuilt"]
