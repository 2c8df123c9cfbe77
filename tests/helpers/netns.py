"""Network namespaces for tests of live capture: the laboratory of the samples, seen from inside.

`sample_pcaps/make` has the namespaces, the bridge that loses and reorders, the programs and the relays that
keep what the programs sent. Here is what a test in this process needs to capture there.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sample_pcaps.make.lab import Lab
from tcpflow_scapy.flows.table import FlowTable

CLONE_NEWNET = 0x40000000

MIDDLE = "middle"
"""The bridge's namespace; its device ``client`` leads to the client."""


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """This thread, and those that it starts, in a namespace that ``ip netns`` knows."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    away = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if libc.setns(away, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        yield
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(away)
        os.close(home)


@contextlib.contextmanager
def pair(name: str = "tfst") -> Iterator[tuple[str, str]]:
    """Two namespaces joined by a veth pair, ``eth0`` in each: 10.30.0.1 and 10.30.0.2, fd00:30::1 and ::2."""
    left, right = f"{name}{os.getpid()}a", f"{name}{os.getpid()}b"
    try:
        for space in (left, right):
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")
        join(left, right)
        yield left, right
    finally:
        for space in (left, right):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True, timeout=60)


def join(left: str, right: str) -> None:
    """A cable between two namespaces."""
    ip("-n", left, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", right)
    for number, space in enumerate((left, right), 1):
        ip("-n", space, "address", "add", f"10.30.0.{number}/24", "dev", "eth0")
        ip("-n", space, "address", "add", f"fd00:30::{number}/64", "dev", "eth0", "nodad")
        ip("-n", space, "link", "set", "eth0", "up")


def ip(*words: str) -> None:
    """Run ``ip``."""
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=60)


def laboratory(folder: Path) -> Lab:
    """A lab that writes only into `folder`."""
    work = folder / "lab"
    work.mkdir()
    return Lab(folder / "bridge.pcap", work, folder)


def heard(flows: FlowTable) -> dict[tuple[Any, ...], tuple[bytes, bytes]]:
    """Client's and server's bytes of each flow, by its endpoints."""
    return {
        (str(f.client.address), f.client.port, str(f.server.address), f.server.port): (
            f.client.data,
            f.server.data,
        )
        for f in flows
    }


def said(lab: Lab) -> dict[tuple[Any, ...], tuple[bytes, bytes]]:
    """The same as the programs had it."""
    return {sent.key: (sent.client, sent.server) for sent in lab.sent()}
