"""Stage 2: frames become packets, one row of columns for each TCP segment."""

from __future__ import annotations

from .decoder import Decoder
from .packets import AddressBook, DatagramTable, Encapsulation, EncapsulationTable, PacketTable
from .reasons import Reason

__all__ = [
    "AddressBook",
    "DatagramTable",
    "Decoder",
    "Encapsulation",
    "EncapsulationTable",
    "PacketTable",
    "Reason",
]
