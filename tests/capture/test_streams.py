"""Byte streams with a look ahead."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tcpflow_scapy.capture.streams import ByteStream, descriptor_stream, object_stream
from tcpflow_scapy.errors import CaptureOSError


def stream(*chunks: bytes) -> ByteStream:
    rest = iter(chunks)
    return ByteStream(lambda: next(rest, b""))


def drain(source: ByteStream) -> bytes:
    out = b""
    while chunk := source.read():
        out += chunk
    return out


def test_looking_ahead_takes_nothing() -> None:
    source = stream(b"ab", b"cd", b"ef")
    assert source.peek(1) == b"a"
    assert source.peek(5) == b"abcde"
    assert source.peek(100) == b"abcdef"
    assert source.consumed == 0
    assert drain(source) == b"abcdef"
    assert source.consumed == 6
    assert source.read() == b""
    assert source.peek(3) == b""


def test_what_was_pushed_back_comes_first() -> None:
    source = stream(b"abcdef", b"gh")
    source.read()
    source.push_back(b"def")
    assert source.consumed == 3
    assert source.peek(4) == b"defg"
    assert drain(source) == b"defgh"
    source.push_back(b"h")
    assert drain(source) == b"h"


def test_a_descriptor_that_cannot_be_read() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    assert descriptor_stream(reader, "pipe").read() == b""
    os.close(reader)
    with pytest.raises(CaptureOSError, match="pipe: Bad file descriptor"):
        descriptor_stream(reader, "pipe").read()


class File:
    def __init__(self, read: Callable[[int], object]) -> None:
        self.read = read


def test_objects_that_stop_in_the_middle_are_reported() -> None:
    parts = iter([b"good", EOFError("compressed file ended early")])

    def pull(_size: int) -> object:
        part = next(parts)
        if isinstance(part, Exception):
            raise part
        return part

    told: list[tuple[str, str, int | None]] = []
    source = object_stream(File(pull), "x", lambda *args: told.append(args))
    assert drain(source) == b"good"
    assert told == [("decompression", "the file object stopped: compressed file ended early", 4)]


def test_objects_that_give_no_bytes() -> None:
    for value, error in (("text", TypeError), (None, CaptureOSError)):
        with pytest.raises(error):
            object_stream(File(lambda _size, value=value: value), "x", lambda *args: None).read()
    assert (
        object_stream(File(lambda _size: bytearray(b"") or memoryview(b"")), "x", lambda *a: None).read()
        == b""
    )
