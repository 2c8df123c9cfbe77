"""One named output file that appears whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable
from typing import BinaryIO

from tcpflow_scapy.errors import EXISTS, ExportError, TcpflowError
from tcpflow_scapy.export.folder import export_error
from tcpflow_scapy.export.pending import PendingFiles

STANDARD_OUTPUT = ("-", "/dev/stdout")


def write_whole(
    path: str | os.PathLike[str],
    write: Callable[[BinaryIO], None],
    *,
    overwrite: bool = False,
    sources: Iterable[str] = (),
) -> None:
    """Write one file through `write`; it gets its name when all is there.

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
    if target in STANDARD_OUTPUT:
        if sys.stdout is None:
            raise ExportError("standard output is closed")
        sys.stdout.flush()
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    check_target(target, overwrite=overwrite, sources=sources)
    try:
        if _is_device(target):
            with open(target, "wb") as device:
                write(device)
        else:
            _write_and_link(target, write, overwrite)
    except FileExistsError as error:
        raise ExportError(f"{target}: {EXISTS}") from error
    except (OSError, ValueError) as error:
        if isinstance(error, TcpflowError) or not isinstance(error, OSError):
            raise
        raise export_error(target, error) from error


def check_target(
    path: str | os.PathLike[str], *, overwrite: bool = False, sources: Iterable[str] = ()
) -> None:
    """Refuse a name before any work is done for its file; parameters as for `write_whole`.

    Raises
    ------
    ExportError
        It is a folder or a symbolic link, is there already, or is a source.
    """
    target = os.fspath(path)
    if target in STANDARD_OUTPUT:
        return
    try:
        if _is_device(target):
            return
        there = os.path.lexists(target)
    except (OSError, ValueError) as error:
        raise error if isinstance(error, ExportError) else export_error(target, error) from error
    if there and any(_same_file(target, source) for source in sources):
        raise ExportError(f"{target}: is the capture that was read; it is not replaced")
    if there and not overwrite:
        raise ExportError(f"{target}: {EXISTS}")


def free_path(path: str) -> str:
    """The path itself, or the first with ``c1``, ``c2``, ... before the suffix that nothing has."""
    stem, suffix = os.path.splitext(path)
    free, count = path, 0
    while os.path.lexists(free):
        count += 1
        free = f"{stem}c{count}{suffix}"
    return free


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


def _write_and_link(target: str, write: Callable[[BinaryIO], None], overwrite: bool) -> None:
    parent, name = os.path.split(target)
    # A folder need not be readable to be written into.
    folder = os.open(parent or ".", getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY)
    pending = PendingFiles(folder)
    try:
        file = pending.create()
        try:
            with open(file.descriptor, "w+b", closefd=False) as out:
                write(out)
            try:
                pending.link(file, name, folder)
            except FileExistsError:
                if not overwrite:
                    raise
                pending.replace(file, name, folder)
        finally:
            pending.discard(file)
    finally:
        pending.close()
        os.close(folder)
