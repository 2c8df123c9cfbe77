"""A stream as a file, held against `io.BytesIO` over the same bytes."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.flows.stream import Stream
from tcpflow_scapy.flows.streamfile import StreamFile
from tests.helpers.answers import flow_of
from tests.helpers.examples import FEW
from tests.helpers.traffic import Conversation, play

CONTENT = b"first line\nsecond" + bytes(13) + b"\r\nthe end\n" + bytes(7) + b"x"


def made() -> Stream:
    """The content in small segments, two of them lost."""
    c = play("> SYN\n< SYN ACK")
    for start, end in ((0, 5), (5, 17), (30, 40), (47, 48)):
        c.client(CONTENT[start:end], at=start)
    stream = flow_of(c).client
    assert stream.data == CONTENT
    return stream


STREAM = made()

commands = st.lists(
    st.one_of(
        st.tuples(st.just("seek"), st.integers(-60, 60), st.sampled_from([0, 1, 2])),
        st.tuples(st.just("read"), st.one_of(st.none(), st.integers(-1, 60))),
        st.tuples(st.just("read1"), st.integers(0, 60)),
        st.tuples(st.just("readline"), st.integers(-1, 20)),
        st.tuples(st.just("readinto"), st.integers(0, 60)),
        st.tuples(st.just("tell")),
    ),
    max_size=12,
)


def answer(file: io.BufferedIOBase, command: tuple[object, ...]) -> object:
    name, *arguments = command
    if name == "readinto":
        buffer = bytearray(arguments[0])  # type: ignore[call-overload]
        return file.readinto(buffer), bytes(buffer)
    try:
        return getattr(file, str(name))(*arguments)
    except ValueError:
        return ValueError


@FEW
@given(commands)
def test_it_answers_as_a_file_in_memory_does(told: list[tuple[object, ...]]) -> None:
    ours, theirs = STREAM.open(), io.BytesIO(CONTENT)
    for command in told:
        if command[0] == "seek" and command[2] == 1:
            # BytesIO clamps a position before the start, a real file refuses it.
            command = ("seek", max(0, theirs.tell() + int(str(command[1]))), 0)
        elif command[0] == "seek":
            command = ("seek", max(0, int(str(command[1])) + (len(CONTENT) if command[2] == 2 else 0)), 0)
        if command[0] == "read1":
            # May return less, but something wherever there is something.
            part = answer(ours, command)
            assert isinstance(part, bytes)
            assert theirs.read(len(part)) == part
            assert part or not command[1] or theirs.tell() >= len(CONTENT)
            continue
        assert answer(ours, command) == answer(theirs, command)
        assert ours.tell() == theirs.tell()


def test_whence() -> None:
    file = STREAM.open()
    assert file.seek(0, os.SEEK_END) == len(CONTENT)
    assert file.seek(-8, os.SEEK_CUR) == len(CONTENT) - 8
    assert file.read() == bytes(7) + b"x"
    assert file.seek(10_000) == 10_000
    assert file.read() == b""
    for arguments in ((-1, 0), (-49, 2), (0, 3)):
        with pytest.raises(ValueError):
            StreamFile(STREAM._evidence, STREAM._number, "x").seek(*arguments)


def test_lines_and_iteration() -> None:
    assert list(STREAM.open()) == list(io.BytesIO(CONTENT))
    assert STREAM.open().readlines() == io.BytesIO(CONTENT).readlines()


def test_peek_does_not_move() -> None:
    file = STREAM.open()
    assert file.peek(5)[:5] == b"first"
    assert file.tell() == 0


def test_it_is_a_readable_binary_file() -> None:
    file = STREAM.open()
    assert file.readable()
    assert file.seekable()
    assert not file.writable()
    assert isinstance(file, io.BufferedReader)
    assert file.name == STREAM.name
    with pytest.raises(io.UnsupportedOperation):
        file.write(b"x")
    with pytest.raises(io.UnsupportedOperation):
        file.truncate()
    with pytest.raises(io.UnsupportedOperation):
        file.fileno()


def test_closed() -> None:
    with STREAM.open() as file:
        raw = file.raw
    for operation in (file.read, file.tell, raw.read, raw.tell, raw.readall):
        with pytest.raises(ValueError):
            operation()
    with pytest.raises(ValueError):
        raw.seek(0)


def test_raw_reads() -> None:
    file = STREAM.open()
    raw = file.raw
    assert raw.read(3) == b"fir"
    assert raw.readall() == CONTENT[3:]
    assert raw.read(1) == b""
    words = memoryview(bytearray(16)).cast("I")
    raw.seek(0)
    assert raw.readinto(words) == 16
    assert words.tobytes() == CONTENT[:16]


def test_two_files_have_two_positions() -> None:
    one, two = STREAM.open(), STREAM.open()
    one.read(5)
    assert two.read(5) == b"first"


def test_programs_that_want_files_take_it() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made_zip:
        made_zip.writestr("hello.txt", "in a zip")
    packed = gzip.compress(b"in a gzip")
    c = play("> SYN")
    c.segments("client", archive.getvalue(), 11)
    c.segments("server", packed, 3)
    flow = flow_of(c)
    with zipfile.ZipFile(flow.client.open()) as read_zip:
        assert read_zip.read("hello.txt") == b"in a zip"
    assert gzip.GzipFile(fileobj=flow.server.open()).read() == b"in a gzip"
    copy = io.BytesIO()
    shutil.copyfileobj(flow.client.open(), copy)
    assert copy.getvalue() == archive.getvalue()
    assert io.TextIOWrapper(STREAM.open(), encoding="latin-1").readline() == "first line\n"


def test_a_stream_without_data() -> None:
    file = flow_of("> SYN").client.open()
    assert file.read() == b""
    assert file.seek(0, 2) == 0


def test_far_into_a_sparse_stream() -> None:
    """Nothing is read, or held, but what is asked for."""
    c = Conversation()
    c.handshake()
    step = 16_000_000
    for i in range(200):
        c.client(b"%08d" % i, at=i * step)
    file = flow_of(c).client.open()
    assert file.seek(0, 2) == 199 * step + 8
    file.seek(150 * step - 4)
    assert file.read(12) == bytes(4) + b"00000150"
