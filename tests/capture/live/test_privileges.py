"""Becoming somebody with fewer rights."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tcpflow_scapy.capture.live.privileges import Account, become, find_account
from tcpflow_scapy.errors import CaptureOSError

CODE = """
import os, sys
sys.path[:0] = {path!r}
from tcpflow_scapy.capture.live.privileges import become, find_account
become(find_account("nobody"))
print(os.getresuid(), os.getresgid()[0], os.getgroups())
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")])
"""


@pytest.mark.peer
def test_groups_group_and_user(need_root: Callable[[], None]) -> None:
    need_root()
    nobody = find_account("nobody")
    found = subprocess.run(
        [sys.executable, "-c", CODE.format(path=sys.path)], capture_output=True, text=True, timeout=30
    )
    assert found.stdout.splitlines() == [
        f"{(nobody.uid,) * 3} {nobody.gid} {[nobody.gid]}",
        "['0000000000000000']",
    ], found.stderr


def test_users_that_are_not_there() -> None:
    with pytest.raises(CaptureOSError, match="there is no user 'nosuchuser'"):
        find_account("nosuchuser")
    with pytest.raises(CaptureOSError, match="there is no user"):
        find_account("123456789")


def test_only_root_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpflow_scapy.capture.live.privileges.os.geteuid", lambda: 12345)
    with pytest.raises(CaptureOSError, match="only root can become the user 'root'"):
        find_account("root")


def test_oneself_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpflow_scapy.capture.live.privileges.os.geteuid", lambda: 12345)
    become(Account("me", 12345, 12345))
    assert os.getuid() != 12345
