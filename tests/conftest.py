"""Fixtures for all tests: other programs, and what happens when they are absent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

REQUIRE_PEERS = os.environ.get("TCPFLOW_SCAPY_REQUIRE_PEERS", "") not in ("", "0")
"""Set in CI: a test whose other program is absent fails instead of being skipped."""

SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def absent(what: str) -> None:
    """Skip the running test because `what` is missing; where peers are required, fail it."""
    if REQUIRE_PEERS:
        pytest.fail(f"{what} is required here (TCPFLOW_SCAPY_REQUIRE_PEERS is set)", pytrace=False)
    pytest.skip(f"{what} is not available")


@pytest.fixture(scope="session")
def need_tool() -> Callable[[str], str]:
    """``need_tool("tshark")`` gives the program's path, or skips the test (fails it in CI)."""

    def find(name: str) -> str:
        path = shutil.which(name, path=SYSTEM_PATH)
        if path is None:
            absent(f"the program {name}")
        return str(path)

    return find


@cache
def may_capture() -> bool:
    """Whether this process may make network namespaces and devices, and so capture in them."""
    if os.geteuid() != 0:
        return False
    name = f"tfsprobe{os.getpid()}"
    steps = (
        ["ip", "netns", "add", name],
        ["ip", "-n", name, "link", "add", "probe0", "type", "veth", "peer", "name", "probe1"],
        ["ip", "netns", "exec", name, "ip", "link", "set", "probe0", "up"],
        ["ip", "netns", "del", name],
    )
    try:
        done = [subprocess.run(step, capture_output=True, timeout=10).returncode for step in steps]
    except (OSError, subprocess.TimeoutExpired):
        return False
    return not any(done)


@pytest.fixture(scope="session")
def need_root() -> Callable[[], None]:
    """``need_root()`` skips the test unless raw sockets and namespaces may be used.

    Also in CI: a program can be installed there, a right that the machine does not give cannot.
    """

    def check() -> None:
        if not may_capture():
            pytest.skip("this machine does not give the right to make network namespaces")

    return check


@pytest.fixture(scope="session")
def nobody(need_root: Callable[[], None], need_tool: Callable[[str], str]) -> list[str]:
    """The beginning of a command that runs Python as a user without rights; skips where that user cannot read
    this Python, as in a home directory."""
    need_root()
    command = [need_tool("setpriv"), "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    code = f"import sys; sys.path[:0] = {sys.path!r}; import numpy, pandas"
    if subprocess.run([*command, sys.executable, "-c", code], capture_output=True, cwd="/").returncode:
        pytest.skip("other users cannot read this Python")
    return command


@pytest.fixture(scope="session")
def sample_pcaps() -> Path:
    """The folder of sample captures."""
    return Path(__file__).resolve().parent.parent / "sample_pcaps"
