"""`Stream`: bytes in order, where they came from, and how far they can be trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy import StreamTooSparse, reassemble
from tcpflow_scapy.flows import stream as stream_module
from tcpflow_scapy.flows.stream import Stream
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.examples import FEW
from tests.helpers.traffic import Capture, Conversation, play
from tests.render.hostile import HOSTILE, assert_safe

START = 1_700_000_000 * 10**9
OPEN = "> SYN\n< SYN ACK\n> ACK\n"

GAPPY = OPEN + "> 'hello '\nx> 'cruel '\n> 'world'\nx> '!!'\n< ACK"


def client(script: str | Conversation | Capture, **options: object) -> Stream:
    return flow_of(script, **options).client


# -- who and how much -------------------------------------------------------------------------------


def test_who() -> None:
    flow = flow_of(play(OPEN, Conversation("[2001:db8::1]:1024", "[2001:db8::2]:80")))
    assert (flow.client.address, flow.client.port) == ("2001:db8::1", 1024)
    assert (flow.server.address, flow.server.port) == ("2001:db8::2", 80)
    assert flow.client.peer == flow.server
    assert flow.client.peer.peer == flow.client
    assert flow.client.flow == flow
    assert (flow.client.isn, flow.server.isn) == (1000, 5000)


def test_an_isn_of_0_is_one() -> None:
    flow = flow_of(play("> SYN", Conversation(isn=0)))
    assert flow.client.isn == 0
    assert flow.server.isn is None


def test_how_much() -> None:
    stream = client(GAPPY)
    assert stream.size == 19
    assert stream.end == len(stream) == len(stream.data) == 17
    assert stream.captured == 11
    assert stream.missing == 8
    assert not stream.complete
    assert isinstance(stream.size, int)


def test_complete() -> None:
    script = OPEN + "> 'a'\n> FIN\n< FIN\n> ACK"
    assert client(script).complete
    assert not client(OPEN + "> 'a'").complete
    assert not client(script.replace("> SYN", "x> SYN")).complete


def test_its_name_is_tcpflows() -> None:
    assert client(GAPPY).name == "010.000.000.001.01024-010.000.000.002.00080"
    assert client(play("> SYN", Conversation(vlans=(42,)))).name.endswith("--42")


def test_its_first_time() -> None:
    flow = flow_of(Capture(play("> SYN"), start=START))
    assert flow.client.start_ns == START
    assert flow.server.start_ns is None


# -- bytes ------------------------------------------------------------------------------------------


def test_data_ends_with_the_last_captured_byte() -> None:
    stream = client(GAPPY)
    assert stream.data == b"hello " + bytes(6) + b"world"
    assert bytes(stream) == stream.data
    assert isinstance(stream.data, bytes)
    assert stream.gaps["end"].max() == 19


def test_no_data() -> None:
    stream = client("> SYN")
    assert (stream.data, bytes(stream), list(stream.chunks()), stream.read(), stream.text()) == (
        b"",
        b"",
        [],
        b"",
        "",
    )


@FEW
@given(st.integers(0, 25), st.one_of(st.none(), st.integers(0, 25)))
def test_read(offset: int, n: int | None) -> None:
    data = GAPPY_STREAM.data
    assert GAPPY_STREAM.read(offset, n) == (data[offset:] if n is None else data[offset : offset + n])


GAPPY_STREAM = client(GAPPY)


def test_read_refuses_negative_numbers() -> None:
    for arguments in ((-1, 3), (0, -1), (-1, None)):
        with pytest.raises(ValueError, match="negative"):
            GAPPY_STREAM.read(*arguments)


@pytest.mark.parametrize("offset", [1.5, "3", None])
def test_offsets_are_whole_numbers(offset: object) -> None:
    for ask in (GAPPY_STREAM.read, GAPPY_STREAM.at):
        with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
            ask(offset)  # type: ignore[arg-type]


def test_numpy_numbers_are_offsets_too() -> None:
    assert GAPPY_STREAM.read(np.int64(12), np.uint8(3)) == GAPPY_STREAM.read(12, 3)  # type: ignore[arg-type]
    origin = GAPPY_STREAM.at(np.int64(12))  # type: ignore[arg-type]
    assert origin == GAPPY_STREAM.at(12)
    assert origin is not None
    assert type(origin.offset) is int


def test_nothing_is_read_behind_the_end_however_far() -> None:
    assert GAPPY_STREAM.read(1 << 70) == GAPPY_STREAM.read(1 << 70, 1) == b""


def test_chunks_leave_gaps_out() -> None:
    stream = client(Capture(play(GAPPY), start=START, step=10**9))
    times = [pd.Timestamp(START + n * 10**9, tz="UTC") for n in (3, 4)]
    assert list(stream.chunks()) == [(0, times[0], b"hello "), (12, times[1], b"world")]


def test_chunks_are_in_stream_order_each_byte_once() -> None:
    stream = client(OPEN + "> 4:'efgh'\n> 0:'abcdef'\n> 6:'GHij'")
    assert b"".join(data for _, _, data in stream.chunks()) == stream.data == b"abcdefghij"
    ends = [offset + len(data) for offset, _, data in stream.chunks()]
    assert [offset for offset, _, _ in stream.chunks()] == [0, *ends[:-1]]


def test_extents_point_into_the_store() -> None:
    flows = flows_of(play(GAPPY))
    offset, length, address = flows[0].client.extents()
    assert [a.dtype for a in (offset, length, address)] == [np.int64] * 3
    assert flows.store.slices(address.tolist(), length.tolist()) == [b"hello ", b"world"]


@pytest.mark.parametrize("room", [6, 5])
def test_zero_filling_is_bounded(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "SPARSE_LIMIT", room)
    stream = client(GAPPY)
    if room == 6:
        assert len(stream.data) == 17
        return
    for operation in (lambda: stream.data, lambda: bytes(stream), stream.read, stream.text):
        with pytest.raises(StreamTooSparse, match=r"chunks\(\).*open\(\).*read\(") as caught:
            operation()
    assert isinstance(caught.value, ValueError)
    # Where it is said how much is wanted, it is given; and a part without so many gaps is no problem.
    assert stream.read(0, 17) == b"hello " + bytes(6) + b"world"
    assert stream.read(8) == bytes(4) + b"world"
    assert stream.open().read() == b"hello " + bytes(6) + b"world"


def test_two_gigabytes_of_nothing_cost_nothing() -> None:
    c = play(OPEN)
    for i in range(150):
        c.client(b"x", at=i * 15_000_000)
    stream = client(c)
    assert stream.size == 149 * 15_000_000 + 1
    with pytest.raises(StreamTooSparse):
        stream.data  # noqa: B018
    assert len(list(stream.chunks())) == 150
    assert stream.read(15_000_000 - 1, 3) == b"\0x\0"
    assert stream.missing == stream.size - 150


def test_text_is_safe() -> None:
    for item in HOSTILE:
        data = item if isinstance(item, bytes) else item.encode("utf-8", "surrogatepass")
        c = play(OPEN)
        c.client(data)
        assert_safe(client(c).text(), lines=True, tabs=True)
        assert_safe(client(c).hexdump(), lines=True)


def test_text_in_other_encodings() -> None:
    c = play(OPEN)
    c.client("Grüße\n".encode("latin-1"))
    assert client(c).text("latin-1") == "Grüße\n"
    assert client(c).text() == "Gr\\xfc\\xdfe\n"
    assert client(c).text(errors="replace") == "Gr\ufffd\ufffde\n"


def test_hexdump() -> None:
    lines = GAPPY_STREAM.hexdump().splitlines()
    assert lines[0].startswith("00000000  68 65 6c 6c 6f 20 -- --  -- -- -- -- 77 6f 72 6c")
    assert lines[1].startswith("00000010  64 ")
    assert GAPPY_STREAM.hexdump(12, 2).split() == ["0000000c", "77", "6f", "|wo|"]
    assert GAPPY_STREAM.hexdump(5, None).startswith("00000005")


# -- trust ------------------------------------------------------------------------------------------


def test_gaps() -> None:
    table = GAPPY_STREAM.gaps
    assert list(table.columns) == ["start", "end", "length", "cause", "before_frame", "after_frame"]
    assert table[["start", "end", "length", "cause"]].to_numpy().tolist() == [
        [6, 12, 6, "not_captured"],
        [17, 19, 2, "not_captured"],
    ]
    assert table["before_frame"].tolist() == [4, 5]
    assert table["after_frame"].tolist() == [5, pd.NA]
    assert table["length"].sum() == GAPPY_STREAM.missing


def test_conflicts() -> None:
    stream = client(OPEN + "> 'abcdef'\n> 1:'BcD'\n> 3:'xx'")
    table = stream.conflicts
    assert list(table.columns) == ["start", "end", "length", "frame", "delivered_frame", "delivered", "other"]
    assert table.to_numpy().tolist() == [
        [1, 2, 1, 5, 4, b"b", b"B"],
        [3, 4, 1, 5, 4, b"d", b"D"],
        [3, 5, 2, 6, 4, b"de", b"xx"],
    ]


def test_segments() -> None:
    stream = client(Capture(play(OPEN + "> 'abc'\n> 1:'bc'\n< 'x'\n> FIN"), start=START, step=10**9))
    table = stream.segments
    assert list(table.columns) == [
        *("frame", "time", "offset", "length", "wire_length", "class"),
        *("flags", "seq", "ack", "window"),
    ]
    assert table["frame"].tolist() == [1, 3, 4, 5, 7]
    assert table["class"].tolist() == ["syn", "ack", "new", "retransmission", "fin"]
    assert table["offset"].tolist() == [0, 0, 0, 1, 3]
    assert table["length"].tolist() == [0, 0, 3, 2, 0]
    assert table["time"].tolist()[-1] == pd.Timestamp(START + 6 * 10**9, tz="UTC")


def test_payload_of_a_segment_as_it_was_captured() -> None:
    c = play(OPEN + "> 'abcdef'\n> -2:'xxabc'\n> 2:'CD'")
    c.reset("client", b"sorry")
    stream = client(c)
    assert [stream.segment_payload(n) for n in (1, 4, 5, 6, 7)] == [b"", b"abcdef", b"xxabc", b"CD", b"sorry"]
    for frame in (2, 0, 99):
        with pytest.raises(KeyError):
            stream.segment_payload(frame)


# -- origin -----------------------------------------------------------------------------------------


def test_every_byte_knows_its_place_in_the_file(tmp_path: Path) -> None:
    c = play(OPEN + "> 'abcdef'\n> 4:'efgh'\nx> 'lost'\n> 'tail'\n< 'answer'")
    path = Capture(c, start=START, step=10**9).write(tmp_path / "a.pcap", ns=True)
    blob = path.read_bytes()
    for stream in reassemble(path)[0].streams:
        for offset in range(stream.size):
            origin = stream.at(offset)
            if origin is None:
                continue
            assert origin.path == str(path)
            assert blob[origin.offset] == stream.data[offset]
            frame = c.frames[origin.frame - 1]
            assert frame.payload[offset - frame.offset] == stream.data[offset]
            assert origin.time == pd.Timestamp(frame.time, tz="UTC")
    assert [reassemble(path)[0].client.at(i).frame for i in (0, 5, 6, 7)] == [4, 4, 5, 5]  # type: ignore[union-attr]


def test_a_byte_in_a_gap_has_no_origin() -> None:
    for offset in (6, 11, 17, 18):
        assert GAPPY_STREAM.at(offset) is None
    for offset in (5, 12, 16):
        assert GAPPY_STREAM.at(offset) is not None


@pytest.mark.parametrize("offset", [-1, 19, 10**12])
def test_a_byte_outside_is_an_error(offset: int) -> None:
    with pytest.raises(IndexError, match="0 to 19"):
        GAPPY_STREAM.at(offset)


def test_a_gap_at_the_beginning_has_no_origin() -> None:
    assert client("> SYN\nx> 'ab'\n> 'cd'").at(0) is None


# -- looks ------------------------------------------------------------------------------------------


def test_it_tells_what_it_is() -> None:
    assert repr(GAPPY_STREAM) == "<Stream 10.0.0.1:1024 -> 10.0.0.2:80 11 bytes, 8 missing>"


def test_streams_are_compared_by_place_not_by_content() -> None:
    assert client(GAPPY) != client(GAPPY)
    assert GAPPY_STREAM.flow.client == GAPPY_STREAM
    assert GAPPY_STREAM != b"hello"


def test_the_index_says_when_each_run_came() -> None:
    stream = client(Capture(play(GAPPY), start=START, step=10**9))
    table = stream.index
    assert table[["offset", "length", "frame"]].to_numpy().tolist() == [[0, 6, 4], [12, 5, 5]]
    assert table["time"].tolist() == [time for _, time, _ in stream.chunks()]
