"""A folder that results are written into: nothing in it is ever overwritten unasked, nothing half-written
stays in it.

A file gets its name when it is whole, see `export.pending`; that fails if the name is taken. All work is
relative to open folder descriptors and follows no symbolic link below the folder, so that nothing another
program plants there can lead us elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, TypeVar

from tcpflow_scapy.errors import CaptureError, ExportError, TcpflowError
from tcpflow_scapy.export.pending import PendingFile, PendingFiles

Told = TypeVar("Told")

OPEN_FOLDERS = 32
"""Descriptors of subfolders that are kept open."""


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
        self._pending = PendingFiles(self._descriptor)

    def place(self, name: str) -> tuple[int, str]:
        """Where a name lies: the descriptor of its folder, made where it is absent, and its last part.

        For those who keep files up to date themselves; the descriptor serves until the next call.
        """
        folders, _, last = name.rpartition("/")
        return self._subfolder(folders) if folders else self._descriptor, last

    def create(self) -> PendingFile:
        """A new file without a name, to be published or discarded."""
        try:
            return self._pending.create()
        except OSError as error:
            raise export_error(self.path, error) from error

    def writing(self, name: str) -> Writing:
        """The same as a context, which discards the file if its writing fails.

        Parameters
        ----------
        name : str
            The name it would get, for the `ExportError` that every `OSError` becomes.
        """
        return Writing(self, name)

    def discard(self, file: PendingFile) -> None:
        """Forget a file that was not published."""
        self._pending.discard(file)

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
            return self._first_free(file, name_for, name_for(0) if first is None else first)
        except BaseException as error:
            if file.name and not self._is_there(file):
                file.name = ""
            if isinstance(error, OSError) and not isinstance(error, ExportError):
                raise export_error(self.path, error) from error
            raise
        finally:
            self.discard(file)

    def published(
        self,
        file: PendingFile,
        name_for: Callable[[int], str],
        told: Callable[[str], Told],
        first: str | None = None,
    ) -> Iterator[Told]:
        """As `publish`, for a loop that notes what was written: gives once what `told` makes of the name.

        It does so also where an interruption comes just behind the one moment in which the file got its name:
        it is there, and whole. From here on no Python is called before the loop has it.
        """
        try:
            done = told(self.publish(file, name_for, first))
        except BaseException:
            if file.name:
                yield told(file.name)
            raise
        yield done

    def _is_there(self, file: PendingFile) -> bool:
        try:
            folder, last = self.place(file.name)
        except ExportError:
            return False
        return self._pending.has(file, last, folder)

    def _first_free(self, file: PendingFile, name_for: Callable[[int], str], first: str) -> str:
        # Where the last file of this name ended its search, this one starts: 10,000 connections
        # between the same two ports cost 10,000 attempts, not fifty million.
        count = self._next_count.get(first, 0)
        while True:
            file.name = name = first if count == 0 else name_for(count)
            count += 1
            if self._link(file, name):
                self._next_count[first] = count
                return name

    def _link(self, file: PendingFile, name: str) -> bool:
        """Try one name; False if it is taken."""
        folder, last = self.place(name)
        try:
            self._pending.link(file, last, folder)
        except FileExistsError:
            if not self.overwrite or name in self._given:
                return False
            self._replace(file, name)
        except OSError as error:
            raise export_error(os.path.join(self.path, name), error) from error
        if self.overwrite:
            self._given.add(name)
        return True

    def _replace(self, file: PendingFile, name: str) -> None:
        folder, last = self.place(name)
        try:
            self._pending.replace(file, last, folder)
        except OSError as error:
            raise export_error(os.path.join(self.path, name), error) from error

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
        self._pending.close()
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


class Writing:
    """A file while it is written; see `OutputFolder.writing`."""

    __slots__ = ("_file", "_folder", "_name")

    def __init__(self, folder: OutputFolder, name: str) -> None:
        self._folder = folder
        self._name = name

    def __enter__(self) -> PendingFile:
        self._file = self._folder.create()
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        self._folder.discard(self._file)
        if isinstance(error, OSError) and not isinstance(error, TcpflowError):
            raise export_error(os.path.join(self._folder.path, self._name), error) from error


def _open_folder(name: str, parent: int) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(name, 0o777, dir_fd=parent)
        return os.open(name, flags, dir_fd=parent)


@contextmanager
def telling(written: Callable[[], Any]) -> Iterator[None]:
    """Whatever ends the work, its exception has ``files``: what was written before.

    Parameters
    ----------
    written : callable
        Gives what the export would return by now.
    """
    try:
        yield
    except BaseException as error:
        error.__dict__["files"] = written()
        raise


def export_error(path: str, error: Exception) -> TcpflowError:
    """The one-line error that says which output it was and why; trouble with the capture stays what it is."""
    if isinstance(error, CaptureError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return ExportError(f"{path}: {os.strerror(error.errno)}")
    return ExportError(f"{path}: {error}")
