"""Files that are being written, and how each gets its name once it is whole.

A file is made without a name (``O_TMPFILE``), or under a hidden temporary one where the file system has no
nameless files. Its name comes from a hard link, or, on file systems without those, from a rename that
replaces nothing: both give the name to a whole file, or fail because it is taken. A process that is killed
leaves nothing, or a hidden ``.part``, never part of a file under its name.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

_NO_NAMELESS_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_NO_SUCH_RENAME = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}

_HIDDEN = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW

_RENAME_NOREPLACE = 1


class PendingFile:
    """A file that is being written and has no name yet."""

    __slots__ = ("descriptor", "hidden", "name")

    def __init__(self, descriptor: int, hidden: str) -> None:
        self.descriptor = descriptor
        """open for writing, -1 once closed"""
        self.hidden = hidden
        """its temporary name in the folder; empty for a nameless file"""
        self.name = ""
        """the name it got, for the caller that publishes it"""

    def close(self) -> None:
        """Close the descriptor; a nameless file without a link is gone then."""
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            os.close(descriptor)


class PendingFiles:
    """What is being written into one folder. Several threads may make files.

    Parameters
    ----------
    folder : int
        Its descriptor, which stays the caller's.
    """

    def __init__(self, folder: int) -> None:
        self._folder = folder
        self._nameless = hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd")
        self._hidden: set[str] = set()

    def create(self) -> PendingFile:
        """A new file, to be linked or discarded.

        Raises
        ------
        OSError
        """
        if self._nameless:
            try:
                return PendingFile(os.open(".", os.O_RDWR | os.O_TMPFILE, 0o666, dir_fd=self._folder), "")
            except OSError as error:
                if error.errno not in _NO_NAMELESS_FILES:
                    raise
                self._nameless = False
        hidden = self._hidden_name()
        return PendingFile(os.open(hidden, _HIDDEN, 0o666, dir_fd=self._folder), hidden)

    def _hidden_name(self) -> str:
        """A temporary name; noted before anything has it, so that no interruption leaves such a file."""
        hidden = f".{secrets.token_hex(8)}.part"
        self._hidden.add(hidden)
        return hidden

    def link(self, file: PendingFile, name: str, folder: int) -> None:
        """Give a whole file a name in `folder`.

        Raises
        ------
        FileExistsError
            The name is taken. The file may be given another one.
        OSError
        """
        if not file.hidden:
            # linkat with AT_SYMLINK_FOLLOW on the descriptor's own entry names a nameless file.
            os.link(f"/proc/self/fd/{file.descriptor}", name, dst_dir_fd=folder, follow_symlinks=True)
            return
        try:
            os.link(file.hidden, name, src_dir_fd=self._folder, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            self._rename(file, name, folder)

    def _rename(self, file: PendingFile, name: str, folder: int) -> None:
        """The same without hard links (FAT, some network shares)."""
        rename = _rename_to_new()
        if rename is not None:
            status = rename(
                self._folder, os.fsencode(file.hidden), folder, os.fsencode(name), _RENAME_NOREPLACE
            )
            if status == 0:
                return
            code = ctypes.get_errno()
            if code not in _NO_SUCH_RENAME:
                raise OSError(code, os.strerror(code), name)
        # Nothing is left but to reserve the name, which for a moment is an empty file's.
        os.close(os.open(name, _HIDDEN, 0o666, dir_fd=folder))
        try:
            os.replace(file.hidden, name, src_dir_fd=self._folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
            raise

    def replace(self, file: PendingFile, name: str, folder: int) -> None:
        """Give a whole file a name in `folder` that another file has, which loses it.

        Raises
        ------
        OSError
        """
        if not file.hidden:
            hidden = self._hidden_name()
            self.link(file, hidden, self._folder)
            file.hidden = hidden
        os.replace(file.hidden, name, src_dir_fd=self._folder, dst_dir_fd=folder)
        self._hidden.discard(file.hidden)
        file.hidden = ""

    def has(self, file: PendingFile, name: str, folder: int) -> bool:
        """Whether a name is that of the file, which is still open."""
        try:
            there = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(file.descriptor))

    def discard(self, file: PendingFile) -> None:
        """Forget a file: what got no name is gone."""
        file.close()
        if file.hidden:
            self._remove(file.hidden)

    def _remove(self, hidden: str) -> None:
        with suppress(OSError):
            os.unlink(hidden, dir_fd=self._folder)
        self._hidden.discard(hidden)

    def close(self) -> None:
        """Remove what has a temporary name still: an interruption came between."""
        for hidden in list(self._hidden):
            self._remove(hidden)
        # The descriptor's number may be another folder's soon.
        self._folder = -1


@cache
def _rename_to_new() -> Callable[..., int] | None:
    """``renameat2`` of the C library, which can refuse to replace; None where there is none."""
    try:
        function: Any = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_int
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    rename: Callable[..., int] = function
    return rename
