"""Interfaces that go down and come back, as the Linux kernel tells it (rtnetlink, no rights needed)."""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

GROUP_LINK = 1
NEW_LINK, DELETE_LINK, GET_LINK = 16, 17, 18
REQUEST, DUMP = 1, 0x300
ATTRIBUTE_NAME = 3
UP, LOWER_UP = 1, 1 << 16

MOST_GONE = 1000
"""Interfaces that went away and are remembered: a machine with containers has new ones all the time."""

MESSAGE = struct.Struct("=IHHII")
LINK = struct.Struct("=BxHiII")
ATTRIBUTE = struct.Struct("=HH")


class LinkChange(NamedTuple):
    """An interface that went down, is gone, or came back."""

    name: str
    up: bool
    why: str
    """in words"""
    gone: bool = False


class LinkWatch:
    """State of interfaces in this thread's network namespace.

    Parameters
    ----------
    name : str, optional
        Only this one.

    Raises
    ------
    OSError
        This system has no rtnetlink, or none is left.
    """

    def __init__(self, name: str | None = None) -> None:
        if sys.platform != "linux":
            raise OSError("no rtnetlink here")
        self._name = name
        # By name: whether it is up, and whether it ever was.
        self._states: dict[str, tuple[bool, bool]] = {}
        self._gone: dict[str, None] = {}
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        try:
            self._socket.bind((0, GROUP_LINK))
            self._socket.setblocking(False)
            length = MESSAGE.size + LINK.size
            header = MESSAGE.pack(length, GET_LINK, REQUEST | DUMP, 1, 0)
            self._socket.send(header + LINK.pack(0, 0, 0, 0, 0))
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """Readable when something changed."""
        return self._socket.fileno()

    def changes(self) -> list[LinkChange]:
        """What went down, is gone or came back since the last call; the first call reports nothing."""
        found: list[LinkChange] = []
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    return found
                # The kernel had more to say than fits: what comes next counts again.
                continue
            for kind, name, flags in _links(data):
                if self._name in (None, name) and (change := self._change(kind, name, flags)):
                    found.append(change)

    def _change(self, kind: int, name: str, flags: int) -> LinkChange | None:
        if kind == DELETE_LINK:
            state = "the interface is gone"
        elif not flags & UP:
            state = "the interface was set down"
        else:
            state = "" if flags & LOWER_UP else "the interface has no carrier"
        up = not state
        gone = kind == DELETE_LINK
        newly_gone = gone and name not in self._gone
        # Of an interface that never was up nothing is missing.
        was_up, ever_up = self._states.get(name, (up, up))
        self._states[name] = (up, up or ever_up)
        self._remember_gone(name, gone)
        # What is taken away is set down before: that it does not come back is news, and for those who watch
        # this one also if it never was up.
        if not ((ever_up and up != was_up) or (newly_gone and (ever_up or self._name))):
            return None
        return LinkChange(name, up, state or "the interface is up again", gone)

    def _remember_gone(self, name: str, gone: bool) -> None:
        self._gone.pop(name, None)
        if gone:
            self._gone[name] = None
        if len(self._gone) > MOST_GONE:
            oldest = next(iter(self._gone))
            del self._gone[oldest], self._states[oldest]

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _links(data: bytes) -> Iterator[tuple[int, str, int]]:
    """(message, interface, flags) of rtnetlink messages."""
    at = 0
    while at + MESSAGE.size <= len(data):
        length, kind, _, _, _ = MESSAGE.unpack_from(data, at)
        end = at + length
        if length < MESSAGE.size or end > len(data):
            return
        if kind in (NEW_LINK, DELETE_LINK) and length >= MESSAGE.size + LINK.size:
            _, _, _, flags, _ = LINK.unpack_from(data, at + MESSAGE.size)
            name = _name(data[at + MESSAGE.size + LINK.size : end])
            if name:
                yield kind, name, flags
        at += (length + 3) & ~3


def _name(attributes: bytes) -> str:
    at = 0
    while at + ATTRIBUTE.size <= len(attributes):
        length, kind = ATTRIBUTE.unpack_from(attributes, at)
        if length < ATTRIBUTE.size:
            return ""
        if kind == ATTRIBUTE_NAME:
            return attributes[at + ATTRIBUTE.size : at + length].split(b"\0", 1)[0].decode("utf-8", "replace")
        at += (length + 3) & ~3
    return ""
