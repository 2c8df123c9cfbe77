"""One named output file that appears whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import BinaryIO

from tcpflow_scapy.errors import ExportError
from tcpflow_scapy.export.folder import export_error


def write_whole(
    path: str | os.PathLike[str],
    write: Callable[[BinaryIO], None],
    *,
    overwrite: bool = True,
    sources: Iterable[str] = (),
) -> None:
    """Write one file through `write`, under a temporary name that becomes the file's when all is there.

    Parameters
    ----------
    path : path
        The file's name, taken as it is; ``-`` and ``/dev/stdout`` are standard output. A device or
        a pipe is written to directly.
    write : callable
        Gets a binary file object, opened for writing.
    overwrite : bool
        Replace an existing file; otherwise a taken name is an error.
    sources : iterable of path
        The captures that the contents come from: evidence, which is never replaced.

    Raises
    ------
    ExportError
        The file cannot be written, is a folder or a symbolic link, is there already, or is a source.
    """
    target = os.fspath(path)
    if target in ("-", "/dev/stdout"):
        if sys.stdout is None:
            raise ExportError("standard output is closed")
        sys.stdout.flush()
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    try:
        if _is_device(target):
            with open(target, "wb") as device:
                write(device)
            return
    except (OSError, ValueError) as error:
        raise error if isinstance(error, ExportError) else export_error(target, error) from error
    if any(_same_file(target, source) for source in sources):
        raise ExportError(f"{target}: is the capture that was read; it is not replaced")
    _write_and_rename(target, write, overwrite)


def _same_file(one: str, other: str) -> bool:
    """Whatever the names are; sources that are no files have names, too (``<PacketList>``)."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False


def _is_device(target: str) -> bool:
    """True for what must never be renamed over: ``/dev/null``, a terminal, a pipe."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        if os.path.islink(target):
            raise ExportError(f"{target}: is a symbolic link") from None
        return False
    if stat.S_ISDIR(mode):
        raise ExportError(f"{target}: is a folder")
    if not stat.S_ISREG(mode):
        return True
    if os.path.islink(target):
        raise ExportError(f"{target}: is a symbolic link")
    return False


def _write_and_rename(target: str, write: Callable[[BinaryIO], None], overwrite: bool) -> None:
    temporary = f"{target}.{secrets.token_hex(4)}.part"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(temporary, flags, 0o666)
    except OSError as error:
        raise export_error(target, error) from error
    try:
        with open(descriptor, "w+b") as file:
            write(file)
        if overwrite:
            os.replace(temporary, target)
        else:
            os.link(temporary, target)
    except OSError as error:
        raise export_error(target, error) from error
    finally:
        with suppress(OSError):
            os.unlink(temporary)
