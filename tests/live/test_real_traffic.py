"""Captured live between real programs, compared byte for byte with what the programs sent."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from sample_pcaps.make.lab import IPV6
from sample_pcaps.make.programs import curl, s_client
from tcpflow_scapy import reassemble, sniff, verify_spool
from tests.helpers.netns import MIDDLE, heard, inside, ip, join, laboratory, pair, said

pytestmark = pytest.mark.peer


@pytest.fixture(autouse=True)
def _root(need_root: Callable[[], None], need_tool: Callable[[str], str]) -> None:
    need_root()
    need_tool("ip")


def test_curl_and_nginx_over_a_bad_road(tmp_path: Path, need_tool: Callable[[str], str]) -> None:
    need_tool("nginx")
    need_tool("curl")
    lab = laboratory(tmp_path)
    ended = []
    with lab.network() as net:
        lab.serve(net, 80).nginx(lab.site(2400))
        with (
            lab.capture(net, seed=3, lost_before=0.03, lost_behind=0.03, late=0.06),
            inside(net.name(MIDDLE)),
            sniff(
                "client", filter="tcp port 80", spool=tmp_path / "spool.pcapng", on_flow=ended.append
            ) as live,
        ):
            curl(net, lab.server, ["/", "/style.css", "/logo.png", "/log.txt"])
            curl(net, lab.server, ["/table.json"], "--compressed")
            wait_for(lambda: len(live.flows) == 2)
    flows = live.stop()
    assert heard(flows) == said(lab)
    assert len(flows) == len(ended) == 2
    assert sorted(flow.key for flow in ended) == sorted(flow.key for flow in flows)
    assert not flows.gaps.size
    assert not flows.capture.problems
    assert flows.server_out_of_order.sum() > 0
    again = reassemble(tmp_path / "spool.pcapng")
    assert heard(again) == said(lab)
    assert set(verify_spool(tmp_path / "spool.pcapng").status) == {"intact"}


def test_http_server_over_ipv6_and_ipv4(tmp_path: Path, need_tool: Callable[[str], str]) -> None:
    need_tool("curl")
    lab = laboratory(tmp_path)
    with lab.network() as net:
        lab.serve(net, 80, lab.server, IPV6[1]).http_server(lab.site())
        with lab.capture(net), inside(net.name(MIDDLE)), sniff(["client", "server"]) as live:
            for address in (lab.server, IPV6[1]):
                curl(net, address, ["/", "/logo.png"])
        flows = live.stop()
    # Both sides of the bridge are captured: every segment twice, no byte twice.
    assert heard(flows) == said(lab)
    assert {i.name for i in flows.capture.interfaces} == {"client", "server"}


def test_tls(tmp_path: Path, need_tool: Callable[[str], str]) -> None:
    need_tool("openssl")
    lab = laboratory(tmp_path)
    with lab.network() as net:
        lab.serve(net, 443).tls(lab.site())
        with lab.capture(net, late=0.1), inside(net.name(MIDDLE)), sniff("client") as live:
            s_client(net, lab.server, "/table.json", tmp_path / "keys")
        flows = live.stop()
    assert heard(flows) == said(lab)
    assert flows.service.tolist() == ["tls"]


def serve_once(space: str, address: str, port: int, answer: bytes) -> threading.Thread:
    """Accept one connection in a namespace, read until the client is done, answer."""
    with inside(space):
        listener = socket.create_server(
            (address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET
        )

    def work() -> None:
        with listener, listener.accept()[0] as connection:
            while connection.recv(65536):
                pass
            connection.sendall(answer)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def talk(space: str, address: str, port: int, words: bytes) -> bytes:
    """Say something from a namespace; what is answered."""
    with inside(space), socket.create_connection((address, port), timeout=30) as connection:
        connection.sendall(words)
        connection.shutdown(socket.SHUT_WR)
        out = b""
        while data := connection.recv(65536):
            out += data
        return out


def send_frames(space: str, frames: Iterable[bytes]) -> None:
    """Put frames on the wire as they are, from ``eth0`` of a namespace."""
    with inside(space), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("eth0", 0))
        for frame in frames:
            sender.send(frame)


@pytest.mark.parametrize(
    ("iface", "options"),
    [("eth0", {}), ("eth0", {"promisc": False}), ("eth0", {"filter": "vlan 42"}), ("any", {})],
)
def test_vlan_tags_stay(iface: str, options: dict[str, Any], sample_pcaps: Path) -> None:
    # The kernel takes the tag off before anybody sees the frame; libpcap puts it back.
    sample = reassemble(sample_pcaps / "vlan42_chat.pcap")
    with pair() as (left, right):
        with inside(right):
            live = sniff(iface, **options)
        send_frames(left, [bytes(packet) for packet in sample.scapy()])
        flows = live.stop()
    assert flows.vlan.tolist() == sample.vlan.tolist() == ["42"]
    assert heard(flows) == heard(sample)


def test_any_sees_every_interface() -> None:
    with pair() as (left, right):
        with inside(right):
            live = sniff("any", filter="tcp")
        for address in ("10.30.0.2", "fd00:30::2"):
            server = serve_once(right, address, 5000, address.encode())
            talk(left, address, 5000, b"hello")
            server.join()
        server = serve_once(right, "127.0.0.1", 5001, b"local")
        talk(right, "127.0.0.1", 5001, b"hello")
        server.join()
        flows = live.stop()
        assert [(f.client.data, f.server.data) for f in flows] == [
            (b"hello", b"10.30.0.2"),
            (b"hello", b"fd00:30::2"),
            (b"hello", b"local"),
        ]


def test_an_interface_that_goes_down_and_comes_back() -> None:
    with pair() as (left, right):
        with inside(right):
            live = sniff("eth0", filter="tcp")
        server = serve_once(right, "10.30.0.2", 5000, b"before")
        talk(left, "10.30.0.2", 5000, b"1")
        server.join()
        ip("-n", right, "link", "set", "eth0", "down")
        time.sleep(0.3)
        ip("-n", right, "link", "set", "eth0", "up")
        wait_for(lambda: "interface_up" in set(live.events.kind))
        server = serve_once(right, "10.30.0.2", 5001, b"after")
        talk(left, "10.30.0.2", 5001, b"2")
        server.join()
        flows = live.stop()
    assert [f.server.data for f in flows] == [b"before", b"after"]
    events = live.events.set_index("kind")
    down, up = events.loc["interface_down"], events.loc["interface_up"]
    assert down.interface == up.interface == "eth0"
    assert down.until >= up.time - (up.until - up.time) or down.until >= down.time
    [problem] = flows.capture.problems
    assert problem.kind == "interface_down"


def test_an_interface_that_is_made_anew() -> None:
    with pair() as (left, right):
        with inside(right):
            live = sniff(["lo", "eth0"], filter="tcp")
        ip("-n", right, "link", "del", "eth0")
        wait_for(lambda: "interface_down" in set(live.events.kind))
        join(left, right)
        wait_for(lambda: "interface_up" in set(live.events.kind))
        server = serve_once(right, "10.30.0.2", 5000, b"after")
        talk(left, "10.30.0.2", 5000, b"1")
        server.join()
        flows = live.stop()
    assert [f.server.data for f in flows] == [b"after"]
    events = live.events
    assert set(events[events.kind.isin(["interface_down", "interface_up"])].interface) == {"eth0"}


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def test_what_the_kernel_drops_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    # A pump that sleeps, and a buffer for a fraction of what comes meanwhile.
    monkeypatch.setattr("tcpflow_scapy.capture.live.pump.REST_SECONDS", 1.0)
    frame = bytes(6 * [0xFF] + 6 * [2]) + b"\x88\xb5" + bytes(1200)
    with pair() as (left, right):
        with inside(right):
            live = sniff("eth0", filter="ether proto 0x88b5", buffer_size=1 << 16)
        send_frames(left, [frame])
        wait_for(lambda: live.stats.frames == 1)
        send_frames(left, [frame] * 5000)
        flows = live.stop()
    stats = live.stats
    assert stats.kernel_dropped > 0
    assert stats.frames + stats.kernel_dropped == stats.received == 5001
    [problem] = flows.capture.problems
    assert problem.kind == "kernel_drop"
    assert f"{stats.kernel_dropped:,} frames" in problem.message
