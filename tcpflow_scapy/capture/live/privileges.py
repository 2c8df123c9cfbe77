"""Giving up all rights but those of an ordinary user, once the interfaces are open."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from tcpflow_scapy.errors import CaptureOSError


class Account(NamedTuple):
    """Who to become."""

    name: str
    uid: int
    gid: int


def find_account(name: str) -> Account:
    """An account of this machine, by name or number.

    Raises
    ------
    CaptureOSError
        There is none of this name, or this process may not become it.
    """
    try:
        import pwd
    except ImportError as error:  # pragma: no cover
        raise CaptureOSError("this system has no users to become") from error
    found: Any
    try:
        found = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except (KeyError, OverflowError) as error:
        raise CaptureOSError(f"there is no user {name!r}") from error
    if os.geteuid() not in (0, found.pw_uid):
        raise CaptureOSError(
            f"only root can become the user {name!r}; leave it out: no rights are to be lost"
        )
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


def become(account: Account) -> None:
    """Change groups, group and user of the whole process, for good.

    Raises
    ------
    CaptureOSError
        The system refuses, or would let the process have its rights back.
    """
    if os.geteuid() == account.uid != 0:
        return
    try:
        os.initgroups(account.name, account.gid)
        os.setgid(account.gid)
        os.setuid(account.uid)
    except OSError as error:
        words = error.strerror or str(error)
        raise CaptureOSError(f"cannot become the user {account.name!r}: {words}") from error
    if account.uid == 0:
        return
    try:
        os.setuid(0)
    except OSError:
        return
    raise CaptureOSError(f"became {account.name!r}, but could become root again")
