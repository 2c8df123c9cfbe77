"""Scapy's own way from the wire to flows: `sniff` and `AsyncSniffer` with a `FlowSession`."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy import FlowSession, reassemble
from tests.helpers.netns import heard, inside, pair

pytestmark = pytest.mark.peer


@pytest.fixture
def spaces(need_root: Callable[[], None], need_tool: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    need_root()
    need_tool("ip")
    with pair() as names:
        yield names


def send_all(space: str, frames: list[bytes]) -> None:
    with inside(space), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("eth0", 0))
        for frame in frames:
            sender.send(frame)
            time.sleep(0.001)


@pytest.fixture
def with_libpcap() -> Iterator[Callable[[], None]]:
    """Make Scapy capture through libpcap, which has ``any``."""
    from scapy.config import conf

    before = conf.use_pcap

    def change() -> None:
        conf.use_pcap = True

    yield change
    conf.use_pcap = before


@pytest.mark.parametrize("iface", ["eth0", "any", ["eth0", "lo"]])
@pytest.mark.parametrize("sample", ["vlan42_chat.pcap", "http_ipv6.pcap"])
def test_flows_of_what_scapy_sniffs(
    iface: Any,
    sample: str,
    spaces: tuple[str, str],
    sample_pcaps: Path,
    with_libpcap: Callable[[], None],
) -> None:
    from scapy.config import conf
    from scapy.sendrecv import AsyncSniffer

    left, right = spaces
    whole = reassemble(sample_pcaps / sample)
    session = FlowSession()
    started = threading.Event()
    if iface == "any":
        with_libpcap()
    with inside(right):
        conf.ifaces.reload()
        sniffer = AsyncSniffer(
            iface=None if iface == "any" else iface,
            session=session,
            store=False,
            started_callback=started.set,
        )
        sniffer.start()
        assert started.wait(60)
    send_all(left, [bytes(packet) for packet in whole.scapy()])
    time.sleep(0.3)
    sniffer.stop()
    conf.ifaces.reload()
    flows = session.flows()
    assert heard(flows) == heard(whole)
    assert flows.vlan.tolist() == whole.vlan.tolist()
