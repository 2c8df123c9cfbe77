"""A folder that results are written into: nothing in it is ever overwritten unasked, nothing half-written
stays in it.

A file is written without a name (``O_TMPFILE``), or under a hidden temporary one where the file system has
no nameless files, and gets its name when it is whole, by a hard link: the one operation that fails if the
name is taken. A file so small that it is one write is made under its own name at once (``O_EXCL``, which
fails if the name is taken) and removed if that write fails: half the work for the system. All work is
relative to open folder descriptors and follows no symbolic link below the folder, so that nothing another
program plants there can lead us elsewhere.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TypeVar

from tcpflow_scapy.errors import CaptureError, ExportError, TcpflowError

T = TypeVar("T")

_NO_NAMELESS_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW

OPEN_FOLDERS = 32
"""Descriptors of subfolders that are kept open."""


class PendingFile:
    """A file that is being written and has no name yet."""

    __slots__ = ("descriptor", "temporary")

    def __init__(self, descriptor: int, temporary: str | None) -> None:
        self.descriptor = descriptor
        """open for writing, -1 once closed"""
        self.temporary = temporary
        """its hidden name in the folder; None for a nameless file"""

    def close(self) -> None:
        """Close the descriptor; a nameless file without a link is gone then."""
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            os.close(descriptor)


class OutputFolder:
    """An open output folder.

    Parameters
    ----------
    path : str or os.PathLike
        The folder; made, with its parents, where it is absent.
    overwrite : bool
        Replace files that were there before. Within one run a name is still given only once.

    Raises
    ------
    ExportError
        The folder cannot be made or opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        self.path = os.fspath(path)
        self.overwrite = overwrite
        try:
            os.makedirs(self.path, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except (OSError, ValueError) as error:
            raise export_error(self.path, error) from error
        self._folders: dict[str, int] = {}
        self._next_count: dict[str, int] = {}
        self._given: set[str] = set()
        # A nameless file can only appear where nothing is: replacing needs a name to rename.
        self._nameless = hasattr(os, "O_TMPFILE") and not overwrite and os.path.isdir("/proc/self/fd")

    def create_named(self, name_for: Callable[[int], str], first: str) -> tuple[int, str]:
        """A new file under the first free one of the names `first`, ``name_for(1)``, ``name_for(2)``, ...

        For files that are written at once; the caller closes the descriptor, and calls `remove` if the
        writing fails.

        Returns
        -------
        descriptor : int
            Open for writing.
        name : str
            Relative to the folder.
        """
        return self._first_free(name_for, first, self._open_new)

    def _open_new(self, name: str) -> int | None:
        """A file of that name, open for writing; None if it is taken."""
        folder, last = self.place(name)
        try:
            return os.open(last, _NEW_FILE, 0o666, dir_fd=folder)
        except FileExistsError:
            return None
        except OSError as error:
            raise export_error(os.path.join(self.path, name), error) from error

    def remove(self, name: str) -> None:
        """Take back a file of `create_named` whose writing failed."""
        with suppress(OSError):
            folder, last = self.place(name)
            os.unlink(last, dir_fd=folder)

    def place(self, name: str) -> tuple[int, str]:
        """Where a name lies: the descriptor of its folder, made where it is absent, and its last part.

        For those who keep files up to date themselves; the descriptor serves until the next call.
        """
        folders, _, last = name.rpartition("/")
        return self._subfolder(folders) if folders else self._descriptor, last

    def create(self) -> PendingFile:
        """A new file without a name, to be published or discarded."""
        try:
            if self._nameless:
                try:
                    flags = os.O_WRONLY | os.O_TMPFILE
                    return PendingFile(os.open(".", flags, 0o666, dir_fd=self._descriptor), None)
                except OSError as error:
                    if error.errno not in _NO_NAMELESS_FILES:
                        raise
                    self._nameless = False
            name = f".{secrets.token_hex(8)}.part"
            return PendingFile(os.open(name, _NEW_FILE, 0o666, dir_fd=self._descriptor), name)
        except OSError as error:
            raise export_error(self.path, error) from error

    def discard(self, file: PendingFile) -> None:
        """Forget a file that was not published."""
        file.close()
        if file.temporary is not None:
            with suppress(OSError):
                os.unlink(file.temporary, dir_fd=self._descriptor)

    def publish(self, file: PendingFile, name_for: Callable[[int], str], first: str | None = None) -> str:
        """Give a whole file the first free one of the names ``name_for(0)``, ``name_for(1)``, ...

        Parameters
        ----------
        file : PendingFile
        name_for : callable
        first : str, optional
            ``name_for(0)``, for whoever has it already.

        Returns
        -------
        str
            The name it got, relative to the folder. The file is closed.

        Raises
        ------
        ExportError
            No name could be given; the file is gone.
        """
        try:
            return self._publish(file, name_for, name_for(0) if first is None else first)
        except OSError as error:
            raise error if isinstance(error, ExportError) else export_error(self.path, error) from error
        finally:
            self.discard(file)

    def _publish(self, file: PendingFile, name_for: Callable[[int], str], first: str) -> str:
        return self._first_free(name_for, first, lambda name: self._link(file, name) or None)[1]

    def _first_free(
        self, name_for: Callable[[int], str], first: str, attempt: Callable[[str], T | None]
    ) -> tuple[T, str]:
        """What the first attempt gave that was not None, and its name."""
        # Where the last file of this name ended its search, this one starts: 10,000 connections
        # between the same two ports cost 10,000 attempts, not fifty million.
        count = self._next_count.get(first, 0)
        while True:
            name = first if count == 0 else name_for(count)
            count += 1
            got = attempt(name)
            if got is not None:
                self._next_count[first] = count
                return got, name

    def _link(self, file: PendingFile, name: str) -> bool:
        """Try one name; False if it is taken."""
        folder, last = self.place(name)
        try:
            if self.overwrite:
                return self._replace(file, name, folder, last)
            if file.temporary is None:
                # linkat with AT_SYMLINK_FOLLOW on the descriptor's own entry names a nameless file.
                os.link(f"/proc/self/fd/{file.descriptor}", last, dst_dir_fd=folder, follow_symlinks=True)
            else:
                self._link_temporary(file.temporary, folder, last)
        except FileExistsError:
            return False
        except OSError as error:
            raise export_error(os.path.join(self.path, name), error) from error
        return True

    def _replace(self, file: PendingFile, name: str, folder: int, last: str) -> bool:
        if name in self._given:
            return False
        assert file.temporary is not None
        os.replace(file.temporary, last, src_dir_fd=self._descriptor, dst_dir_fd=folder)
        file.temporary = None
        self._given.add(name)
        return True

    def _link_temporary(self, temporary: str, folder: int, last: str) -> None:
        here = {"src_dir_fd": self._descriptor, "dst_dir_fd": folder}
        try:
            os.link(temporary, last, follow_symlinks=False, **here)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            # No hard links (FAT, some network shares): reserve the name, then rename over the reservation.
            os.close(os.open(last, _NEW_FILE, 0o666, dir_fd=folder))
            os.replace(temporary, last, **here)

    def _subfolder(self, folders: str) -> int:
        """Descriptor of a folder below this one, made where it is absent."""
        found = self._folders.get(folders)
        if found is not None:
            return found
        if len(self._folders) >= OPEN_FOLDERS:
            os.close(self._folders.pop(next(iter(self._folders))))
        descriptor = os.dup(self._descriptor)
        try:
            for part in folders.split("/"):
                if part in ("", "."):
                    continue
                if part == "..":
                    raise ExportError(f"{os.path.join(self.path, folders)}: leads out of the output folder")
                below = _open_folder(part, descriptor)
                os.close(descriptor)
                descriptor = below
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, ExportError):
                raise
            raise export_error(os.path.join(self.path, folders), error) from error
        self._folders[folders] = descriptor
        return descriptor

    def close(self) -> None:
        """Close every descriptor."""
        for descriptor in [*self._folders.values(), self._descriptor]:
            os.close(descriptor)
        self._folders.clear()
        self._descriptor = -1

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _open_folder(name: str, parent: int) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(name, 0o777, dir_fd=parent)
        return os.open(name, flags, dir_fd=parent)


def export_error(path: str, error: Exception) -> TcpflowError:
    """The one-line error that says which output it was and why; trouble with the capture stays what it is."""
    if isinstance(error, CaptureError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return ExportError(f"{path}: {os.strerror(error.errno)}")
    return ExportError(f"{path}: {error}")
