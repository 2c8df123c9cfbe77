"""Interfaces, and handles of libpcap on them."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np

from tcpflow_scapy.capture import libpcap
from tcpflow_scapy.capture.frames import Array
from tcpflow_scapy.capture.limits import USUAL_FRAME
from tcpflow_scapy.capture.live.sections import Counters
from tcpflow_scapy.errors import CaptureOSError, FilterError, LibpcapMissing

BUFFER_SIZE = 64 << 20
"""Bytes of the kernel's buffer for an interface: what may arrive while nobody looks."""

TIMEOUT_MS = 100
"""How long the kernel may hold frames back so that they come many at a time."""

AT_ONCE = 512
"""Frames handed out by one call, so that what one batch holds stays bounded even if each has 64 KiB."""

BATCH_BYTES = 1 << 20
"""Bytes after which a batch is full."""

NANOSECONDS = 1
"""PCAP_TSTAMP_PRECISION_NANO"""

ANY = "any"

ERROR_NO_SUCH_DEVICE, ERROR_PERMISSION, ERROR_NOT_UP, ERROR_PROMISC_PERMISSION = -5, -8, -9, -11

LOOPBACK, UP, RUNNING = 1, 2, 4

PERMISSION_ADVICE = (
    'capturing needs the right CAP_NET_RAW: run with sudo (and --user NAME or user="NAME" to give up all '
    "other rights), or grant it to this interpreter: sudo setcap cap_net_raw+eip {python}"
)


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How an interface is captured from."""

    filter: str = ""
    promisc: bool = True
    snaplen: int = USUAL_FRAME
    buffer_size: int = BUFFER_SIZE

    def __post_init__(self) -> None:
        for name, low, high in (("snaplen", 1, 1 << 20), ("buffer_size", 1 << 16, 1 << 31)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value < high:
                limits = f"from {low:,} to {high - 1:,}"
                raise ValueError(f"{name} must be a number of bytes {limits}, not {value!r}")


class Batch(NamedTuple):
    """Frames that were waiting."""

    records: Array
    """uint8: classic pcap records in this machine's byte order; valid until the next call"""
    frames: int


NOTHING = Batch(np.empty(0, np.uint8), 0)


class InterfaceLost(Exception):
    """The interface does not deliver any more; the text says why."""


class Tap(Protocol):
    """What frames of one interface come from."""

    name: str
    linktype: int
    snaplen: int
    nanoseconds: bool

    def fileno(self) -> int:
        """A descriptor that is readable when frames wait."""
        ...

    def take(self) -> Batch:
        """What is waiting, up to a batch.

        Raises
        ------
        InterfaceLost
            There will be no more.
        """
        ...

    def counters(self) -> Counters:
        """What the system counted since it was opened."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class InterfaceInfo(NamedTuple):
    """An interface that can be captured from."""

    name: str
    description: str
    up: bool
    loopback: bool


def list_interfaces() -> list[InterfaceInfo]:
    """The interfaces of this machine, in libpcap's order; the first one is the default."""
    try:
        library = libpcap.load()
    except LibpcapMissing:
        return [InterfaceInfo(name, "", True, name == "lo") for _, name in socket.if_nameindex()]
    first = ctypes.c_void_p()
    error = ctypes.create_string_buffer(libpcap.ERRBUF_SIZE)
    if "pcap_findalldevs" in library.missing or library.findalldevs(ctypes.byref(first), error):
        return [InterfaceInfo(name, "", True, name == "lo") for _, name in socket.if_nameindex()]
    found = []
    at = ctypes.cast(first, ctypes.POINTER(libpcap.Interface))
    while at:
        entry = at.contents
        name, words = _text(entry.name), _text(entry.description)
        found.append(InterfaceInfo(name, words, bool(entry.flags & UP), bool(entry.flags & LOOPBACK)))
        at = entry.next
    if first:
        library.freealldevs(first)
    return found


def default_interface() -> str:
    """The interface for a capture that names none: the first that is up and no loopback.

    Raises
    ------
    CaptureOSError
        There is no interface at all.
    """
    names = {name for _, name in socket.if_nameindex()}
    found = [x for x in list_interfaces() if x.name in names]
    for entry in sorted(found, key=lambda x: (not x.up, x.loopback)):
        return entry.name
    raise CaptureOSError("there is no interface to capture from")


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def refused(name: str, code: int, words: str) -> CaptureOSError:
    """Why an interface could not be opened, and what to do about it."""
    number = errno.EIO
    if code in (ERROR_PERMISSION, ERROR_PROMISC_PERMISSION):
        python = os.path.realpath(sys.executable or "python3")
        text, number = "no permission: " + PERMISSION_ADVICE.format(python=python), errno.EPERM
    elif code == ERROR_NO_SUCH_DEVICE or (name != ANY and name not in _names()):
        names = ", ".join(sorted(_names())) or "none"
        text, number = f"there is no such interface; there are: {names}, {ANY}", errno.ENODEV
    elif code == ERROR_NOT_UP:
        text, number = f"the interface is down: sudo ip link set {name} up", errno.ENETDOWN
    else:
        text = words or "libpcap cannot capture from it"
    out = CaptureOSError(text, path=name)
    out.errno, out.strerror = number, text
    return out


def _names() -> set[str]:
    with suppress(OSError):
        return {name for _, name in socket.if_nameindex()}
    return set()


class PcapTap:
    """An open handle of libpcap. What it captures is dumped into memory by libpcap's own function: no
    Python runs for a frame.

    Parameters
    ----------
    name : str
        An interface, or ``any``.
    options : LiveOptions

    Raises
    ------
    CaptureOSError
        It cannot be opened.
    FilterError
        libpcap refuses the filter.
    LibpcapMissing
        There is no libpcap, or one that cannot dump to a stream.
    """

    def __init__(self, name: str, options: LiveOptions) -> None:
        self.name = name
        self.snaplen = options.snaplen
        self._library = library = libpcap.load()
        if not {"pcap_create", "pcap_dump_fopen", "pcap_dispatch"}.isdisjoint(library.missing):
            raise LibpcapMissing(f"{library.version} cannot capture as this package needs it")
        self._error = ctypes.create_string_buffer(libpcap.ERRBUF_SIZE)
        try:
            handle = library.create(os.fsencode(name), self._error)
        except UnicodeEncodeError:
            raise refused(name, ERROR_NO_SUCH_DEVICE, "") from None
        if not handle:
            raise refused(name, 0, self._error.value.decode("utf-8", "replace"))
        self._handle: int | None = handle
        self._dump: _MemoryDump | None = None
        try:
            self._activate(handle, options)
            self._dump = _MemoryDump(library, handle)
        except BaseException:
            self.close()
            raise
        self.linktype = self._dump.linktype
        self._callback = ctypes.cast(library.library.pcap_dump, ctypes.c_void_p)
        self._seen = Counters(0, 0, 0)

    def _activate(self, handle: int, options: LiveOptions) -> None:
        library = self._library
        library.set_snaplen(handle, options.snaplen)
        library.set_promisc(handle, int(options.promisc))
        library.set_timeout(handle, TIMEOUT_MS)
        library.set_buffer_size(handle, options.buffer_size)
        if "pcap_set_tstamp_precision" not in library.missing:
            library.set_tstamp_precision(handle, NANOSECONDS)
        code = library.activate(handle)
        if code < 0:
            raise refused(self.name, code, library.error(handle))
        self.nanoseconds = (
            "pcap_get_tstamp_precision" not in library.missing
            and library.get_tstamp_precision(handle) == NANOSECONDS
        )
        # Waiting is done on the descriptor, so that a wish to stop is heard at once.
        if library.setnonblock(handle, 1, self._error) < 0:
            raise refused(self.name, 0, self._error.value.decode("utf-8", "replace"))
        if options.filter:
            self._set_filter(handle, options.filter)

    def _set_filter(self, handle: int, expression: str) -> None:
        library, program = self._library, libpcap.BpfProgram()
        if "\0" in expression:
            raise FilterError("the expression has a NUL character")
        text = expression.encode(errors="replace")
        with library.lock:
            code = library.compile(handle, ctypes.byref(program), text, 1, 0xFFFFFFFF)
        if code:
            raise FilterError(library.error(handle))
        try:
            if library.setfilter(handle, ctypes.byref(program)):
                raise FilterError(library.error(handle))
        finally:
            library.freecode(ctypes.byref(program))

    def fileno(self) -> int:
        """A descriptor that is readable when frames wait; -1 where there is none."""
        return self._library.get_selectable_fd(self._open_handle())

    def _open_handle(self) -> int:
        if self._handle is None:
            raise InterfaceLost("closed")
        return self._handle

    def take(self) -> Batch:
        """What is waiting, up to about `BATCH_BYTES`."""
        handle, dump = self._open_handle(), self._dump
        assert dump is not None
        dump.rewind()
        frames, trouble = 0, ""
        while True:
            count = self._library.dispatch(handle, AT_ONCE, self._callback, dump.dumper)
            if count < 0:
                trouble = self._library.error(handle) or "capture failed"
                break
            frames += count
            if not count or dump.flush() >= BATCH_BYTES:
                break
        if trouble and not frames:
            raise InterfaceLost(trouble)
        if not frames:
            return NOTHING
        dump.flush()
        return Batch(dump.content(), frames)

    def counters(self) -> Counters:
        """Sums since it was opened; libpcap's are of 32 bits and may wrap."""
        found = libpcap.Statistics()
        if self._handle is None or self._library.stats(self._handle, ctypes.byref(found)):
            return self._seen
        new = (found.received, found.dropped, found.interface_dropped)
        old = (self._seen.received, self._seen.kernel_dropped, self._seen.interface_dropped)
        grown = (last + ((now - last) & 0xFFFFFFFF) for now, last in zip(new, old, strict=True))
        self._seen = Counters(*grown)
        return self._seen

    def close(self) -> None:
        """Give back handle and memory."""
        if self._dump is not None:
            self._dump.close()
            self._dump = None
        if self._handle is not None:
            self._library.close(self._handle)
            self._handle = None


@cache
def _octets(bits: int) -> Any:
    """A ctypes array of so many octets that all sizes of so many bits fit.

    Each size is a class of its own, of some kilobytes that only a full collection takes back: a capture that
    makes one for every batch it reads has its memory in splinters after some hours.
    """
    return ctypes.c_ubyte * (1 << bits)


class _MemoryDump:
    """libpcap's dump of a capture, in memory that the C library keeps (open_memstream)."""

    def __init__(self, library: libpcap.Libpcap, handle: int) -> None:
        libc: Any = ctypes.CDLL(None)
        if not hasattr(libc, "open_memstream"):
            raise LibpcapMissing("the C library has no memory streams: libpcap cannot dump into memory")
        libc.open_memstream.restype = ctypes.c_void_p
        libc.open_memstream.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        libc.fseek.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_int]
        libc.fclose.argtypes = [ctypes.c_void_p]
        libc.free.argtypes = [ctypes.c_void_p]
        self._libc, self._library = libc, library
        self._address, self._size = ctypes.c_void_p(), ctypes.c_size_t()
        self._stream = libc.open_memstream(ctypes.byref(self._address), ctypes.byref(self._size))
        if not self._stream:
            raise MemoryError("no memory for captured frames")
        dumper = library.dump_fopen(handle, self._stream)
        if not dumper:
            libc.fclose(self._stream)
            libc.free(self._address)
            raise CaptureOSError(library.error(handle))
        self.dumper: int = dumper
        self.flush()
        # The file header tells the link type as files number it, whatever this system's DLT_ number is.
        self.linktype = int(self.content()[20:24].view(np.uint32)[0]) & 0x03FFFFFF

    def rewind(self) -> None:
        """The next frames take the place of the last ones."""
        self._libc.fseek(self._stream, 0, 0)

    def flush(self) -> int:
        """Make what was dumped visible; bytes there are."""
        self._library.dump_flush(self.dumper)
        return self._size.value

    def content(self) -> Array:
        """What was dumped since `rewind`, without a copy."""
        size = self._size.value
        if not size:
            return NOTHING.records
        memory = _octets((size - 1).bit_length()).from_address(self._address.value or 0)
        return np.frombuffer(memory, np.uint8, size)

    def close(self) -> None:
        """Free the memory: no array of `content` may be used any more."""
        # The dumper is the stream: this closes it, and the memory is ours then.
        self._library.dump_close(self.dumper)
        self._libc.free(self._address)


__all__ = [
    "ANY",
    "Batch",
    "InterfaceInfo",
    "InterfaceLost",
    "LiveOptions",
    "PcapTap",
    "Tap",
    "default_interface",
    "list_interfaces",
]
