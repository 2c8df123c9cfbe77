from __future__ import annotations

import struct

import numpy as np
import pytest

from tcpflow_scapy.decode import guess
from tcpflow_scapy.decode.encapsulation import StateTable
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.packets import AddressBook
from tcpflow_scapy.decode.run import Context, Run
from tcpflow_scapy.decode.tables import switches
from tests.helpers.headers import ethernet

from .segments import V4, V6, packet


def ask(test: str, octets: bytes, *skip: int) -> bool:
    memory = np.frombuffer(octets + bytes(256), np.uint8)
    run = Run(memory, 0, np.zeros(1, np.uint8), Context(switches(), StateTable(), AddressBook()))
    end, zero = np.array([len(octets)]), np.zeros(1, np.int64)
    codes = np.zeros(1, np.uint64)
    items = Items(zero, zero, end, end, zero.astype(np.int32), codes, codes)
    return bool(getattr(guess, test)(run, items, *skip)[0])


@pytest.mark.parametrize("hosts", [V4, V6])
def test_ip(hosts: tuple[str, str]) -> None:
    whole = packet(hosts)
    assert ask("looks_ip", whole)
    assert ask("looks_ip", b"\0\0\0\0" + whole, 4)
    assert not ask("looks_ip", b"\0" + whole)
    assert not ask("looks_ip", whole[:30])  # says to be longer
    assert not ask("looks_ip", b"")


def test_ethernet() -> None:
    assert ask("looks_ethernet", ethernet(packet()))
    assert ask("looks_ethernet", ethernet(b"x" * 30, ethertype=0x0806))
    assert ask("looks_ethernet", bytes(12) + struct.pack("!H", 30) + b"\xaa\xaa" + bytes(28))
    assert not ask("looks_ethernet", bytes(12) + struct.pack("!H", 30) + b"\xaa\xaa" + bytes(20))
    assert not ask("looks_ethernet", ethernet(packet(), ethertype=0x1234))
    assert not ask("looks_ethernet", ethernet(packet())[:15])


def test_teredo_to_the_byte() -> None:
    whole = packet(("2001:0:102::1", "2001:db8::2"))
    assert ask("looks_teredo", whole)
    assert ask("looks_teredo", packet(("2001:db8::2", "2001:0:102::1")))
    assert not ask("looks_teredo", whole + b"x")
    assert not ask("looks_teredo", packet(V6))
