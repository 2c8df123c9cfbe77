"""What the kernel says of interfaces, read from its messages."""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from tcpflow_scapy.capture.live import links
from tcpflow_scapy.capture.live.links import LinkChange, LinkWatch, _links
from tests.helpers.netns import inside, ip, pair


def next_change(watch: LinkWatch) -> LinkChange:
    """The kernel tells of carriers when it finds the time."""
    until = time.monotonic() + 60
    while not (found := watch.changes()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return found[-1]


def message(kind: int, name: bytes, flags: int) -> bytes:
    attribute = struct.pack("=HH", 4 + len(name) + 1, 3) + name + b"\0"
    attribute += bytes(-len(attribute) % 4)
    body = struct.pack("=BxHiII", 0, 1, 7, flags, 0) + attribute
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def test_messages_are_read() -> None:
    data = message(16, b"eth0", 0x1_0043) + message(99, b"x", 0) + message(17, b"veth1", 0)
    assert list(_links(data)) == [(16, "eth0", 0x1_0043), (17, "veth1", 0)]
    for cut in range(len(data)):
        assert len(list(_links(data[:cut]))) <= 2
    for at in range(0, len(data), 2):
        list(_links(data[:at] + b"\xff\xff" + data[at + 2 :]))
        list(_links(data[:at] + b"\0\0" + data[at + 2 :]))


@pytest.fixture
def told() -> Iterator[tuple[LinkWatch, socket.socket]]:
    """A watch, and what tells it messages instead of the kernel."""
    watch = LinkWatch()
    watch.close()
    watch._socket, teller = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    watch._socket.setblocking(False)
    with closing(watch), teller:
        yield watch, teller


@pytest.mark.skipif(sys.platform != "linux", reason="rtnetlink is Linux's")
def test_interfaces_that_went_away_are_forgotten_in_the_end(
    told: tuple[LinkWatch, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, teller = told
    monkeypatch.setattr(links, "MOST_GONE", 2)
    found = []
    for number in [*range(5), 4]:
        for kind, flags in ((16, 0x1_0043), (17, 0)):
            teller.send(message(kind, b"veth%d" % number, flags))
        found += watch.changes()
    assert len(watch._states) == 2
    assert [c.name for c in found if not c.up] == [f"veth{n}" for n in [*range(5), 4]]
    assert [c.name for c in found if c.up] == ["veth4"]


@pytest.mark.skipif(sys.platform != "linux", reason="rtnetlink is Linux's")
def test_an_interface_that_is_new_is_not_back(told: tuple[LinkWatch, socket.socket]) -> None:
    watch, teller = told
    found = []
    for kind, flags in ((16, 0), (16, 1), (16, 0x1_0043), (16, 1), (16, 0), (17, 0), (16, 0), (16, 0x1_0043)):
        teller.send(message(kind, b"veth0", flags))
        found += watch.changes()
    assert [(c.up, c.why) for c in found] == [
        (False, "the interface has no carrier"),
        (False, "the interface is gone"),
        (True, "the interface is up again"),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="rtnetlink is Linux's")
@pytest.mark.parametrize("name", ["veth0", None])
def test_the_one_that_is_watched_is_told_to_be_gone_even_if_it_never_was_up(
    name: str | None, told: tuple[LinkWatch, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, teller = told
    monkeypatch.setattr(watch, "_name", name)
    found = []
    for kind, flags in ((16, 1), (16, 0), (17, 0), (17, 0)):
        teller.send(message(kind, b"veth0", flags))
        found += watch.changes()
    assert [c.why for c in found] == ["the interface is gone"] * (name is not None)


@pytest.mark.skipif(sys.platform != "linux", reason="rtnetlink is Linux's")
def test_a_socket_that_fails_tells_nothing(told: tuple[LinkWatch, socket.socket]) -> None:
    told[0].close()
    assert told[0].changes() == []


@pytest.mark.peer
def test_changes_are_told_once(need_root: Callable[[], None]) -> None:
    need_root()
    with pair() as (left, right), ExitStack() as stack:
        with inside(right):
            watch = stack.enter_context(closing(LinkWatch("eth0")))
            everything = stack.enter_context(closing(LinkWatch()))
        assert watch.changes() == []
        ip("-n", right, "link", "set", "eth0", "down")
        down = next_change(watch)
        assert (down.name, down.up, down.why) == ("eth0", False, "the interface was set down")
        assert watch.changes() == []
        ip("-n", right, "link", "set", "eth0", "up")
        while not next_change(watch).up:
            pass
        ip("-n", left, "link", "set", "eth0", "down")
        assert next_change(watch).why == "the interface has no carrier"
        ip("-n", left, "link", "del", "eth0")
        # It was down before, but now it is gone.
        gone = next_change(watch)
        assert (gone.why, gone.gone) == ("the interface is gone", True)
        assert {c.name for c in everything.changes()} == {"eth0"}
