"""Media: bytes at offsets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tcpflow_scapy.capture.file_bytes import FileMedium
from tcpflow_scapy.capture.medium import Medium, MemoryMedium, os_error, raise_descriptor_limit
from tcpflow_scapy.errors import CaptureOSError

DATA = bytes(range(256)) * 40


@pytest.fixture(params=["file", "memory"])
def medium(request: pytest.FixtureRequest, tmp_path: Path) -> Medium:
    if request.param == "memory":
        return MemoryMedium(DATA, "m")
    path = tmp_path / "x"
    path.write_bytes(DATA)
    return FileMedium(os.open(path, os.O_RDONLY), "m")


def test_reading_at_offsets(medium: Medium) -> None:
    assert medium.size == len(DATA)
    for offset, length in ((0, 10), (1000, 300), (len(DATA) - 5, 5), (len(DATA) - 5, 50), (len(DATA) + 9, 4)):
        view = bytearray(length)
        got = medium.read_into(memoryview(view), offset)
        assert got == len(DATA[offset : offset + length])
        assert view[:got] == DATA[offset : offset + length] == medium.read(offset, length)
    assert medium.buffer[100:110] == DATA[100:110]
    medium.close()
    medium.close()
    assert medium.buffer[100:110] == DATA[100:110]


def test_a_closed_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(DATA)
    medium = FileMedium(os.open(path, os.O_RDONLY), "m")
    medium.close()
    with pytest.raises(ValueError, match="after close"):
        medium.read_into(memoryview(bytearray(4)), 0)


def test_a_descriptor_is_closed_with_its_medium(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(DATA)
    descriptor = os.open(path, os.O_RDONLY)
    medium = FileMedium(descriptor, "m")
    del medium
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    with pytest.raises(CaptureOSError, match="m: "):
        FileMedium(os.open(path, os.O_RDONLY), "m")


def test_errors_keep_their_number_and_say_where() -> None:
    error = os_error(OSError(5, "Input/output error"), "disk.pcap", 4096)
    assert error.errno == 5
    assert str(error) == "disk.pcap: Input/output error (byte offset 4096)"
    assert str(os_error(ValueError("embedded null byte"), "x")) == "x: embedded null byte"


def test_the_soft_limit_of_descriptors_can_be_raised() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
        assert raise_descriptor_limit() == (hard > 256 or hard == resource.RLIM_INFINITY)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
        assert not raise_descriptor_limit()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
