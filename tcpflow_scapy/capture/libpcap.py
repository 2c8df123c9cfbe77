"""Finds libpcap and declares what this package calls of it. Knows nothing of filters or packets.

Nothing is loaded at import. `load` looks, in this order, for the system's library, for the one that
the ``libpcap`` wheel carries, and for the one bundled with ``pcapy-ng``; the wheels are only data
carriers, located without importing them.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import os
import platform
import struct
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tcpflow_scapy.errors import LibpcapMissing

ERRBUF_SIZE = 256
"""PCAP_ERRBUF_SIZE"""

SONAMES = {
    # dlopen() finds these without the tools (ldconfig, gcc, ld) that ctypes.util.find_library runs,
    # which bare machines lack. Debian counts its own way: 0.8.
    "linux": ("libpcap.so.1", "libpcap.so.0.8", "libpcap.so"),
    "darwin": ("/usr/lib/libpcap.A.dylib", "libpcap.dylib"),
    "win32": (r"C:\Windows\System32\Npcap\wpcap.dll", "wpcap.dll"),
}


class BpfInstruction(ctypes.Structure):
    """struct bpf_insn."""

    _fields_ = [
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    ]


class BpfProgram(ctypes.Structure):
    """struct bpf_program."""

    _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.POINTER(BpfInstruction))]


class PacketHeader(ctypes.Structure):
    """struct pcap_pkthdr of a live capture. `seconds` and `fraction` are C longs."""

    _fields_ = [
        ("seconds", ctypes.c_long),
        ("fraction", ctypes.c_long),
        ("caplen", ctypes.c_uint32),
        ("wirelen", ctypes.c_uint32),
    ]


class Interface(ctypes.Structure):
    """struct pcap_if: an interface that can be captured from."""


Interface._fields_ = [
    ("next", ctypes.POINTER(Interface)),
    ("name", ctypes.c_char_p),
    ("description", ctypes.c_char_p),
    ("addresses", ctypes.c_void_p),
    ("flags", ctypes.c_uint32),
]


class Statistics(ctypes.Structure):
    """struct pcap_stat: packets received, dropped by the kernel, dropped by the interface."""

    _fields_ = [
        ("received", ctypes.c_uint),
        ("dropped", ctypes.c_uint),
        ("interface_dropped", ctypes.c_uint),
        # Windows appends further counters; room for them costs nothing elsewhere.
        ("reserved", ctypes.c_uint * 8),
    ]


_text, _int, _uint, _handle = ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p
_program, _ptr = ctypes.POINTER(BpfProgram), ctypes.c_void_p

_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    # name without its pcap_ prefix: (result, arguments)
    "lib_version": (_text, ()),
    "open_offline": (_handle, (_text, _text)),
    "compile": (_int, (_handle, _program, _text, _int, ctypes.c_uint32)),
    "freecode": (None, (_program,)),
    "close": (None, (_handle,)),
    "geterr": (_text, (_handle,)),
    "datalink": (_int, (_handle,)),
    "datalink_val_to_name": (_text, (_int,)),
}

_OPTIONAL_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    # not in Windows' libraries, whose C runtime may be another than Python's
    "fopen_offline": (_handle, (ctypes.c_void_p, _text)),
    # what a live capture calls; a library too old to have one of these still compiles filters
    "create": (_handle, (_text, _text)),
    "set_snaplen": (_int, (_handle, _int)),
    "set_promisc": (_int, (_handle, _int)),
    "set_timeout": (_int, (_handle, _int)),
    "set_buffer_size": (_int, (_handle, _int)),
    "set_immediate_mode": (_int, (_handle, _int)),
    "set_tstamp_precision": (_int, (_handle, _int)),
    "get_tstamp_precision": (_int, (_handle,)),
    "activate": (_int, (_handle,)),
    "statustostr": (_text, (_int,)),
    "snapshot": (_int, (_handle,)),
    "setfilter": (_int, (_handle, _program)),
    "setnonblock": (_int, (_handle, _int, _text)),
    "get_selectable_fd": (_int, (_handle,)),
    "next_ex": (
        _int,
        (_handle, ctypes.POINTER(ctypes.POINTER(PacketHeader)), ctypes.POINTER(_ptr)),
    ),
    "breakloop": (None, (_handle,)),
    "dispatch": (_int, (_handle, _int, _ptr, _ptr)),
    "dump_fopen": (_handle, (_handle, _ptr)),
    "dump_flush": (_int, (_handle,)),
    "dump_close": (None, (_handle,)),
    "findalldevs": (_int, (ctypes.POINTER(_ptr), _text)),
    "freealldevs": (None, (_ptr,)),
    "stats": (_int, (_handle, ctypes.POINTER(Statistics))),
}


class Libpcap:
    """A loaded libpcap: its functions as attributes, without the ``pcap_`` prefix.

    Handles are plain integers (``None`` for NULL). The caller closes what it opens.

    Parameters
    ----------
    path : str
        A file, or a name for the dynamic loader.
    origin : str
        Where it came from, in words.

    Raises
    ------
    OSError
        If it cannot be loaded, or is no libpcap.
    """

    open_offline: Callable[[bytes, Any], int | None]
    compile: Callable[[int, Any, bytes, int, int], int]
    freecode: Callable[[Any], None]
    close: Callable[[int], None]
    geterr: Callable[[int], bytes | None]
    datalink: Callable[[int], int]
    datalink_val_to_name: Callable[[int], bytes | None]
    lib_version: Callable[[], bytes | None]

    fopen_offline: Callable[[int, Any], int | None]
    create: Callable[[bytes, Any], int | None]
    set_snaplen: Callable[[int, int], int]
    set_promisc: Callable[[int, int], int]
    set_timeout: Callable[[int, int], int]
    set_buffer_size: Callable[[int, int], int]
    set_immediate_mode: Callable[[int, int], int]
    set_tstamp_precision: Callable[[int, int], int]
    get_tstamp_precision: Callable[[int], int]
    activate: Callable[[int], int]
    statustostr: Callable[[int], bytes | None]
    snapshot: Callable[[int], int]
    setfilter: Callable[[int, Any], int]
    setnonblock: Callable[[int, int, Any], int]
    get_selectable_fd: Callable[[int], int]
    next_ex: Callable[[int, Any, Any], int]
    breakloop: Callable[[int], None]
    dispatch: Callable[[int, int, Any, Any], int]
    dump_fopen: Callable[[int, Any], int | None]
    dump_flush: Callable[[int], int]
    dump_close: Callable[[int], None]
    findalldevs: Callable[[Any, Any], int]
    freealldevs: Callable[[Any], None]
    stats: Callable[[int, Any], int]

    def __init__(self, path: str, origin: str) -> None:
        library = ctypes.CDLL(path)
        self.path = path
        self.origin = origin
        self.lock = threading.Lock()
        """held while compiling: before 1.8 pcap_compile kept its state in global variables"""
        self.library = library
        for name, signature in _FUNCTIONS.items():
            if not self._declare(name, *signature):
                raise OSError(f"{path} has no pcap_{name}: it is no libpcap")
        self.missing = tuple(
            f"pcap_{name}"
            for name, signature in _OPTIONAL_FUNCTIONS.items()
            if not self._declare(name, *signature)
        )
        """optional functions that this library lacks"""

    def _declare(self, name: str, result: Any, arguments: tuple[Any, ...]) -> bool:
        try:
            function = getattr(self.library, "pcap_" + name)
        except AttributeError:
            return False
        function.restype = result
        function.argtypes = arguments
        setattr(self, name, function)
        return True

    @property
    def version(self) -> str:
        """The library's own words, such as ``libpcap version 1.10.3``."""
        return (self.lib_version() or b"").decode("ascii", "replace")

    def error(self, handle: int) -> str:
        """What went wrong last on `handle`, in libpcap's words."""
        return (self.geterr(handle) or b"").decode("utf-8", "replace")

    def open_empty(self, linktype: int, snaplen: int, byteorder: str) -> int:
        """A handle on a capture file without frames, for compiling filters; the caller closes it.

        `pcap_open_dead` would be the obvious handle, but libpcap then compiles for live capture on
        this machine: `inbound` and `ifindex` read metadata of Linux sockets, which no file has, and
        an address family in the link header is only taken in this machine's byte order and numbers.

        Parameters
        ----------
        linktype : int
            LINKTYPE_ number, as in files; libpcap maps it to this system's DLT_ number.
        snaplen : int
        byteorder : {"little", "big"}
            Of the machine that captured.

        Raises
        ------
        OSError
            libpcap does not take such a file, or there is no place for one.
        """
        order = "<" if byteorder == "little" else ">"
        header = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, linktype)
        error = ctypes.create_string_buffer(ERRBUF_SIZE)
        handle = self._open_in_memory(header, error) or self._open_on_disk(header, error)
        if not handle:
            raise OSError(error.value.decode("utf-8", "replace"))
        return handle

    def _open_in_memory(self, content: bytes, error: Any) -> int | None:
        """A capture file that is a C stream on bytes; None where streams or libpcap do not allow it."""
        libc = ctypes.CDLL(None) if sys.platform != "win32" else None
        if "pcap_fopen_offline" in self.missing or libc is None or not hasattr(libc, "fmemopen"):
            return None
        libc.fmemopen.restype = ctypes.c_void_p
        libc.fmemopen.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p]
        libc.fclose.argtypes = [ctypes.c_void_p]
        stream = libc.fmemopen(content, len(content), b"rb")
        if not stream:
            return None
        # It reads the header now and nothing later: `content` need not outlive the call. Closing the
        # handle closes the stream.
        handle = self.fopen_offline(stream, error)
        if not handle:
            libc.fclose(stream)
        return handle

    def _open_on_disk(self, content: bytes, error: Any) -> int | None:
        number, path = tempfile.mkstemp(prefix="tcpflow-scapy-", suffix=".pcap")
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
            return self.open_offline(os.fsencode(path), error)
        finally:
            os.unlink(path)

    def __repr__(self) -> str:
        return f"<Libpcap {self.version!r} from {self.origin}: {self.path}>"


def candidates() -> Iterator[tuple[str, str]]:
    """Where a libpcap may be: (path or loader name, origin), best first. Lazy: later ones cost more."""
    for name in SONAMES.get(sys.platform, SONAMES["linux"]):
        yield name, "system"
    found = ctypes.util.find_library("wpcap" if sys.platform == "win32" else "pcap")
    if found:
        yield found, "system"
    for path in _wheel_files():
        yield str(path), "libpcap wheel"
    for path in _pcapy_files():
        yield str(path), "pcapy-ng wheel"


def _package_folder(name: str) -> Path | None:
    """Folder of an installed package, without importing it."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin:
        return None
    return Path(spec.origin).parent


def _wheel_files() -> Iterator[Path]:
    """Libraries in the ``libpcap`` wheel: ``_platform/<system>/<machine>/<variant>/<file>``."""
    folder = _package_folder("libpcap")
    system = {"linux": "linux", "darwin": "macos", "win32": "windows"}.get(sys.platform)
    if folder is None or system is None:
        return
    base = folder / "_platform" / system / _machine()
    names = {"linux": ("libpcap.so",), "macos": ("libpcap.dylib",), "windows": ("wpcap.dll", "pcap.dll")}
    for name in names[system]:
        yield from sorted(base.glob(f"*/{name}"))


def _machine() -> str:
    """This interpreter's architecture in the spelling of the wheel's folders."""
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "i386": "x86", "i686": "x86"}.get(machine, machine)
    # A 32-bit interpreter on a 64-bit kernel.
    return "x86" if machine == "x86_64" and sys.maxsize < 2**32 else machine


def _pcapy_files() -> Iterator[Path]:
    """The library that auditwheel put next to pcapy-ng's extension module."""
    folder = _package_folder("pcapy")
    if folder is None:
        return
    # pcapy is a single extension module in site-packages in some releases, a package in others.
    for parent in (folder, folder.parent):
        yield from sorted(parent.glob("pcapy_ng.libs/libpcap-*.so*"))


_LOADED: Libpcap | None = None
_LOADING = threading.Lock()


def load() -> Libpcap:
    """The libpcap of this process; looked for once.

    Raises
    ------
    LibpcapMissing
        If there is none; the message says, in one line, what to install.
    """
    global _LOADED
    if _LOADED is not None:
        return _LOADED
    with _LOADING:
        if _LOADED is None:
            _LOADED = _first()
        return _LOADED


def _first() -> Libpcap:
    for path, origin in candidates():
        try:
            return Libpcap(path, origin)
        except OSError:
            # Not there, for another libc (the wheel's needs glibc), or no libpcap: the next one may do.
            continue
    raise LibpcapMissing(_advice())


def _advice() -> str:
    """One line: what to install here."""
    if sys.platform == "win32":
        return "BPF filters need libpcap: install Npcap (https://npcap.com) or `pip install libpcap`"
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        return "BPF filters need libpcap: `apk add libpcap` (the libpcap wheel does not run on musl)"
    return (
        "BPF filters need libpcap: `pip install libpcap`, or the system's package "
        "(apt install libpcap0.8, dnf install libpcap, apk add libpcap, brew install libpcap)"
    )
