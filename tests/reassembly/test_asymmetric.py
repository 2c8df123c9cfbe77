"""Tunnels, VLANs and ids that differ by direction: complementary halves are one flow."""

from __future__ import annotations

import struct

import pytest

from tests.helpers.answers import flows_of
from tests.helpers.headers import ethernet, gre_packet, ip_packet, udp_packet, vxlan_packet
from tests.helpers.traffic import Capture, Conversation, Frame, RawFrame, play

TALK = "> SYN\n< SYN ACK\n> ACK\n> 'GET {0}'\n< 'body of {0}'\n> ACK\n> FIN\n< FIN\n> ACK"
RADIO, CORE = ("192.0.2.1", 2152), ("192.0.2.2", 2152)


def gtp(frame: Frame, uplink: int, downlink: int) -> RawFrame:
    inner = frame.ip_packet()
    up = frame.source[1] != 80
    header = struct.pack("!BBHI", 0x30, 255, len(inner), uplink if up else downlink)
    ends = (RADIO, CORE) if up else (CORE, RADIO)
    return RawFrame(ethernet(udp_packet(*ends, header + inner)), time=frame.time)


def wrapped(frame: Frame, kind: str) -> RawFrame:
    """Only what the client sends goes through a tunnel."""
    inner = frame.ip_packet()
    tunnels = {
        "ipip": lambda: ip_packet("192.0.2.1", "192.0.2.2", 4, inner),
        "gre": lambda: gre_packet("192.0.2.1", "192.0.2.2", inner, 77),
        "vxlan": lambda: vxlan_packet(("192.0.2.1", 4789), ("192.0.2.2", 4789), ethernet(inner), 9),
    }
    outer = tunnels[kind]() if frame.source[1] != 80 else inner
    return RawFrame(ethernet(outer), time=frame.time)


def talk(name: str, isn: int = 1000, server_isn: int = 5000) -> Conversation:
    return play(TALK.replace("{0}", name), Conversation(isn=isn, server_isn=server_isn))


def said(name: str) -> tuple[bytes, bytes]:
    return f"GET {name}".encode(), f"body of {name}".encode()


def datas(capture: Capture, **options: object) -> list[tuple[bytes, bytes]]:
    return [(f.client.data, f.server.data) for f in flows_of(capture, **options)]


@pytest.mark.parametrize("kind", ["ipip", "gre", "vxlan"])
def test_a_tunnel_in_one_direction_only(kind: str) -> None:
    frames = [wrapped(f, kind) for f in Capture(talk("it"))]
    flows = flows_of(Capture(frames))
    assert [(f.client.data, f.server.data, f.state, f.complete) for f in flows] == [(*said("it"), "SF", True)]
    assert flows.client_encap[0] != flows.server_encap[0] == "eth/ip"
    assert flows.encap[0] == f"{flows.client_encap[0]} | eth/ip"
    assert datas(Capture(frames).shuffle(3)) == [said("it")]


@pytest.mark.parametrize("clock", [True, False])
def test_a_pair_used_again_through_a_tunnel_in_one_direction(clock: bool) -> None:
    parts = Capture(talk("one"), talk("two", 1 << 28, 1 << 29))
    frames = [wrapped(f, "gre") for f in parts]
    for f in frames:
        f.time = f.time if clock else 0
    assert sorted(datas(Capture(frames).shuffle(1))) == [said("one"), said("two")]


def test_halves_that_do_not_fit_stay_apart() -> None:
    """The client's packets are of one connection, the server's of another."""
    one, two = talk("one"), talk("two", 1 << 28, 1 << 29)
    frames = [wrapped(f, "gre") for f in one if f.source[1] != 80] + [
        wrapped(f, "gre") for f in two if f.source[1] == 80
    ]
    assert len(flows_of(Capture(frames))) == 2


@pytest.mark.parametrize("server_isn", [5000, 900_000_000])
def test_two_mobile_tunnels_with_the_same_inner_addresses(server_isn: int) -> None:
    """Private addresses of two networks; both talk at the same time, from the same ISN."""
    one, two = talk("one"), talk("another one", 1000, server_isn)
    frames = []
    for a, b in zip(Capture(one), Capture(two), strict=True):
        frames += [gtp(a, 1, 2), gtp(b, 3, 4)]
    for shuffled in (Capture(frames), Capture(frames).shuffle(4)):
        assert sorted(datas(shuffled)) == sorted([said("one"), said("another one")])
        assert flows_of(shuffled).missing_bytes.sum() == 0


def test_a_device_that_moves_on_keeps_its_connection() -> None:
    c = Capture(talk("it"))
    frames = [gtp(f, *((1, 2) if i < 5 else (3, 4))) for i, f in enumerate(c)]
    assert datas(Capture(frames)) == [said("it")]
    assert datas(Capture(frames).shuffle(2)) == [said("it")]


def test_many_tunnels_between_the_same_endpoints() -> None:
    """Every one used by one connection, one after the other."""
    frames, time = [], 0
    for number in range(100):
        for f in talk(str(number), 1000 + (number << 24), 5000 + (number << 25)):
            f.time = time = time + 1_000_000
            frames.append(gtp(f, 1000 + number, 5000 + number))
    assert sorted(datas(Capture(frames).shuffle(9))) == sorted(said(str(n)) for n in range(100))


def test_overlays_seen_twice_are_joined_on_request() -> None:
    """The same packets on the overlay and on the wire below."""
    c = Capture(talk("it"))
    both = [g for f in c for g in (f, gtp(f, 1, 2))]
    assert len(flows_of(Capture(both))) == 2
    assert datas(Capture(both), ignore_encapsulation=True) == [said("it")]
