"""Stage 2: frames become packets, one row of columns for each TCP segment."""

from __future__ import annotations

from .decoder import Decoder
from .encapsulation_table import Encapsulation, EncapsulationTable
from .packets import AddressBook, DatagramTable, PacketTable
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
