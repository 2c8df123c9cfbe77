"""Pairs of endpoints: equal only if address, port, tags and tunnel are."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np

from tcpflow_scapy.reassembly.pairs import pair_packets
from tests.helpers.traffic import Capture, Conversation, Frame

from .grouped import packets_of


def paired(*frames: Frame, ignore_vlan: bool = False) -> tuple[list[int], list[int], int]:
    pair, direction, count = pair_packets(packets_of(Capture(frames)).table, ignore_vlan)
    assert pair.dtype == np.int32
    assert direction.dtype == np.uint8
    return pair.tolist(), direction.tolist(), count


def both_ways(client: str, server: str, *vlans: int) -> list[Frame]:
    c = Conversation(client, server, vlans=vlans)
    c.client(b"question")
    c.server(b"answer")
    return c.frames


def test_both_directions_are_one_pair() -> None:
    pair, direction, count = paired(*both_ways("10.0.0.1:1024", "10.0.0.2:80"))
    assert (pair, count) == ([0, 0], 1)
    assert sorted(direction) == [0, 1]


def test_pairs_are_numbered_as_they_appear() -> None:
    one = both_ways("10.9.0.1:1024", "10.0.0.2:80")
    two = both_ways("10.0.0.1:1024", "10.0.0.2:80")
    assert paired(one[0], two[0], one[1], two[1])[0] == [0, 1, 0, 1]


def test_swapped_ports_are_another_pair() -> None:
    one = both_ways("10.0.0.1:1024", "10.0.0.2:80")
    two = both_ways("10.0.0.1:80", "10.0.0.2:1024")
    assert paired(*one, *two)[0] == [0, 0, 1, 1]


def test_every_part_of_an_endpoint_counts() -> None:
    hosts = ["10.0.0.1", "10.0.1.0", "0.0.0.0", "[::a00:1]", "[::ffff:10.0.0.1]", "[2001:db8::1]"]
    ends = [f"{host}:{port}" for host, port in product(hosts, (1, 256, 65535))]
    frames = []
    for client, server in product(ends, ends):
        if client < server and ("[" in client) == ("[" in server):
            frames += both_ways(client, server)
    pair, _, count = paired(*frames)
    assert count == len(frames) // 2
    assert set(Counter(pair).values()) == {2}


def test_an_endpoint_that_talks_to_itself_is_a_pair() -> None:
    pair, direction, count = paired(*both_ways("127.0.0.1:80", "127.0.0.1:80"))
    assert (pair, direction, count) == ([0, 0], [0, 0], 1)


def test_vlan_tags_tell_pairs_apart_unless_they_are_ignored() -> None:
    frames = [
        frame
        for vlans in ((), (42,), (43,), (42, 43))
        for frame in both_ways("1.0.0.1:9", "2.0.0.2:9", *vlans)
    ]
    assert paired(*frames)[0] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert paired(*frames, ignore_vlan=True)[0] == [0] * 8


def test_one_direction_tagged() -> None:
    plain, tagged = both_ways("1.0.0.1:9", "2.0.0.2:9"), both_ways("1.0.0.1:9", "2.0.0.2:9", 7)
    assert paired(plain[0], tagged[1])[2] == 2
    assert paired(plain[0], tagged[1], ignore_vlan=True)[2] == 1


def test_no_packets() -> None:
    assert paired() == ([], [], 0)
