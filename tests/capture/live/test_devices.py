"""Interfaces and handles; what is said where there are none, or no right to them."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from tcpflow_scapy.capture.live import devices, sockets
from tcpflow_scapy.capture.live.blocks import BlockMaker
from tcpflow_scapy.capture.live.devices import LiveOptions, PcapTap, Tap, default_interface, list_interfaces
from tcpflow_scapy.capture.live.sockets import SocketTap, open_tap
from tcpflow_scapy.errors import CaptureOSError, FilterError, LibpcapMissing

from .test_blocks import taken_apart


def test_interfaces_of_this_machine() -> None:
    found = {each.name: each for each in list_interfaces()}
    assert {name for _, name in socket.if_nameindex()} & set(found)
    assert found["lo"].loopback
    assert default_interface() in found


def test_impossible_options() -> None:
    for options in ({"snaplen": 0}, {"snaplen": True}, {"buffer_size": 5}, {"buffer_size": 1 << 40}):
        with pytest.raises(ValueError, match="must be a number of bytes"):
            LiveOptions(**options)


@pytest.fixture
def port(need_root: Callable[[], None]) -> int:
    need_root()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def caught(tap: Tap, port: int, count: int) -> list[bytes]:
    """Payload of `count` datagrams to a port, sent and captured."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(count):
                sender.sendto(b"%06d" % number * 10, ("127.0.0.1", port))
    found: list[bytes] = []
    maker = BlockMaker()
    until = time.monotonic() + 60
    marker = port.to_bytes(2, "big")
    while len(found) < count and time.monotonic() < until:
        select.select([tap], [], [], 0.2)
        made = maker.make(tap.take().records, 0, nanoseconds=tap.nanoseconds)
        found += [frame[42:] for *_, frame in taken_apart(bytes(made.data)) if frame[36:38] == marker]
        times = [time_ns for _, time_ns, *_ in taken_apart(bytes(made.data))]
        assert all(abs(t - time.time_ns()) < 10**10 for t in times)
    maker.close()
    return found


@pytest.mark.peer
@pytest.mark.parametrize("make", [PcapTap, SocketTap])
def test_what_is_sent_is_captured(make: Callable[[str, LiveOptions], Tap], port: int) -> None:
    with closing(make("lo", LiveOptions())) as tap:
        assert tap.linktype == 1
        sent = [b"%06d" % number * 10 for number in range(1000)]
        assert caught(tap, port, 1000) == sent
        assert tap.counters().received >= 1000
        assert tap.counters().kernel_dropped == 0


@pytest.mark.peer
def test_filter_and_snaplen(port: int) -> None:
    with closing(PcapTap("lo", LiveOptions(filter=f"udp port {port}", snaplen=50))) as tap:
        assert caught(tap, port, 10) == [b"%06d" % number + b"00" for number in range(10)]
    with pytest.raises(FilterError, match="syntax error"):
        PcapTap("lo", LiveOptions(filter="tcp prot 80"))
    with pytest.raises(FilterError, match="NUL"):
        PcapTap("lo", LiveOptions(filter="tcp\0"))
    with pytest.raises(FilterError, match="syntax error"):
        PcapTap("lo", LiveOptions(filter="\ud800"))
    with pytest.raises(CaptureOSError, match="no such interface"):
        PcapTap("\ud800", LiveOptions())


@pytest.mark.peer
def test_a_closed_tap_gives_nothing(port: int) -> None:
    tap = PcapTap("lo", LiveOptions())
    tap.close()
    tap.close()
    with pytest.raises(devices.InterfaceLost):
        tap.take()


@pytest.mark.peer
@pytest.mark.parametrize("make", [PcapTap, SocketTap])
def test_an_unknown_interface(make: Callable[[str, LiveOptions], Tap], need_root: Callable[[], None]) -> None:
    need_root()
    with pytest.raises(CaptureOSError, match=r"nope0: there is no such interface; there are: .*lo.*, any"):
        make("nope0", LiveOptions())


def test_without_libpcap_scapys_sockets_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> Tap:
        raise LibpcapMissing("BPF filters need libpcap: ...")

    opened = []
    monkeypatch.setattr(sockets, "PcapTap", missing)
    monkeypatch.setattr(sockets, "SocketTap", lambda *words: opened.append(words))
    open_tap("lo", LiveOptions())
    assert len(opened) == 1
    with pytest.raises(LibpcapMissing):
        open_tap("lo", LiveOptions(filter="tcp"))


NOBODY = """
import os, sys
sys.path[:0] = {path!r}
from tcpflow_scapy.capture.live.devices import LiveOptions, PcapTap
from tcpflow_scapy.capture.live.sockets import SocketTap
from tcpflow_scapy.errors import CaptureOSError
import scapy.layers.l2
taps = [PcapTap, SocketTap]
PcapTap.__init__.__globals__["libpcap"].load()
os.setgid(65534); os.setuid(65534)
for tap in taps:
    try:
        tap("lo", LiveOptions())
    except CaptureOSError as error:
        print(error.errno, error)
"""


@pytest.mark.peer
def test_without_the_right_to_capture(need_root: Callable[[], None]) -> None:
    need_root()
    code = NOBODY.format(path=sys.path)
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    lines = found.stdout.splitlines()
    assert len(lines) == 2, found.stderr
    for line in lines:
        assert line.startswith("1 lo: no permission: capturing needs the right CAP_NET_RAW: run with sudo")
        assert "setcap cap_net_raw+eip" in line


def test_scapys_sockets_know_no_any() -> None:
    with pytest.raises(CaptureOSError, match="any: needs libpcap"):
        SocketTap("any", LiveOptions())


RAW_ONLY = """
import os, sys
sys.path[:0] = {path!r}
from tcpflow_scapy.capture.live.devices import LiveOptions, PcapTap
for promisc in (True, False):
    PcapTap("lo", LiveOptions(promisc=promisc, filter="tcp")).close()
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")])
"""


@pytest.mark.peer
def test_the_right_to_raw_sockets_is_enough(nobody: list[str]) -> None:
    rights = ["--inh-caps", "+net_raw", "--ambient-caps", "+net_raw"]
    code = RAW_ONLY.format(path=sys.path)
    command = [*nobody, *rights, sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd="/")
    assert found.stdout.strip() == "['0000000000002000']", found.stderr
