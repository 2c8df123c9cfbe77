"""Which libpcap is taken, and what is said when there is none."""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from tcpflow_scapy.capture import libpcap
from tcpflow_scapy.errors import LibpcapMissing


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A process that has not looked for libpcap yet."""
    monkeypatch.setattr(libpcap, "_LOADED", None)
    return monkeypatch


def without_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libpcap, "SONAMES", {"linux": ("libpcap.so.no-such",)})
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)


def test_loads_once_also_from_many_threads(fresh: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    first = libpcap._first

    def counted() -> libpcap.Libpcap:
        calls.append(1)
        return first()

    fresh.setattr(libpcap, "_first", counted)
    found: list[libpcap.Libpcap] = []
    threads = [threading.Thread(target=lambda: found.append(libpcap.load())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(x is found[0] for x in found)
    assert len(calls) == 1


def test_declared_functions_work() -> None:
    library = libpcap.load()
    assert "libpcap version" in library.version
    assert library.version in repr(library)
    handle = library.open_empty(1, 65535, "little")
    assert library.datalink(handle) == 1
    assert library.datalink_val_to_name(1) == b"EN10MB"
    program = libpcap.BpfProgram()
    assert library.compile(handle, ctypes.byref(program), b"tcp prot 80", 1, 0) == -1
    assert "syntax error" in library.error(handle)
    library.close(handle)


@pytest.mark.parametrize("byteorder", ["little", "big"])
@pytest.mark.parametrize("in_memory", [True, False])
def test_empty_capture_of_any_link_type(
    in_memory: bool, byteorder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library = libpcap.load()
    if not in_memory:
        monkeypatch.setattr(library, "missing", ("pcap_fopen_offline",))
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for linktype, dlt in [(0, 0), (1, 1), (113, 113), (276, 276), (65535, 65535), (100, 11)]:
        handle = library.open_empty(linktype, 262144, byteorder)
        assert library.datalink(handle) == dlt
        library.close(handle)
    assert not list(tmp_path.iterdir())


def test_system_comes_before_the_wheels(fresh: pytest.MonkeyPatch) -> None:
    origins = [origin for _, origin in libpcap.candidates()]
    assert origins == sorted(origins, key=["system", "libpcap wheel", "pcapy-ng wheel"].index)
    assert "system" in origins


def test_finds_the_system_library_without_find_library(fresh: pytest.MonkeyPatch) -> None:
    # Bare machines have no ldconfig, gcc or ld, on which ctypes.util.find_library depends.
    fresh.setattr(ctypes.util, "find_library", lambda name: None)
    try:
        library = libpcap.load()
    except LibpcapMissing:
        pytest.skip("neither a system libpcap nor the wheel here")
    assert library.origin in {"system", "libpcap wheel"}


def test_wheel_is_second_and_is_not_imported(fresh: pytest.MonkeyPatch) -> None:
    without_system(fresh)
    if not list(libpcap._wheel_files()):
        pytest.skip("the libpcap wheel has no library for this machine")
    library = libpcap.load()
    assert library.origin == "libpcap wheel"
    assert Path(library.path).is_file()
    assert "libpcap" not in sys.modules
    assert "libpcap version 1." in library.version


def test_bundled_pcapy_library_is_third(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = next(libpcap._wheel_files(), None)
    if source is None:
        pytest.skip("no file to play the bundled library")
    bundled = tmp_path / "pcapy_ng.libs" / "libpcap-abc123.so.1"
    bundled.parent.mkdir()
    bundled.write_bytes(source.read_bytes())
    without_system(fresh)
    fresh.setattr(libpcap, "_package_folder", lambda name: tmp_path if name == "pcapy" else None)
    assert libpcap.load().path == str(bundled)


def test_a_file_that_is_no_library_is_passed_over(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "libpcap.so"
    broken.write_bytes(b"\x7fELF nonsense")
    other = ctypes.util.find_library("c")
    good = list(libpcap.candidates())
    fresh.setattr(libpcap, "candidates", lambda: iter([(str(broken), "x"), (str(other), "x"), *good]))
    assert libpcap.load().origin in {"system", "libpcap wheel"}


@pytest.mark.parametrize(
    ("system", "libc", "words"),
    [
        ("linux", "glibc", "pip install libpcap"),
        ("linux", "", "apk add libpcap"),
        ("darwin", "", "brew install libpcap"),
        ("win32", "", "Npcap"),
    ],
)
def test_missing_says_in_one_line_what_to_install(
    fresh: pytest.MonkeyPatch, system: str, libc: str, words: str
) -> None:
    fresh.setattr(libpcap, "candidates", lambda: iter(()))
    fresh.setattr(sys, "platform", system)
    fresh.setattr(platform, "libc_ver", lambda: (libc, ""))
    with pytest.raises(LibpcapMissing) as caught:
        libpcap.load()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ImportError)


def test_a_failure_is_not_remembered(fresh: pytest.MonkeyPatch) -> None:
    with fresh.context() as nothing:
        nothing.setattr(libpcap, "candidates", lambda: iter(()))
        with pytest.raises(LibpcapMissing):
            libpcap.load()
    assert libpcap.load() is libpcap.load()


@pytest.mark.parametrize(
    ("system", "machine", "folder"),
    [
        ("linux", "x86_64", "linux/x86_64"),
        ("linux", "aarch64", "linux/aarch64"),
        ("darwin", "arm64", "macos/arm64"),
        ("win32", "AMD64", "windows/x86_64"),
    ],
)
def test_wheel_layout_of_each_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str, machine: str, folder: str
) -> None:
    name = {"linux": "libpcap.so", "darwin": "libpcap.dylib", "win32": "wpcap.dll"}[system]
    file = tmp_path / "_platform" / folder / "tcpdump" / name
    file.parent.mkdir(parents=True)
    file.touch()
    monkeypatch.setattr(libpcap, "_package_folder", lambda name: tmp_path)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert list(libpcap._wheel_files()) == [file]


def test_importing_loads_nothing() -> None:
    code = "import sys; import tcpflow_scapy.capture.libpcap as l; print(l._LOADED, 'libpcap' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "False"]
