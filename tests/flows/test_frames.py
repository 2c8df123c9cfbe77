"""DataFrames of packets, gaps and conflicts: columns, dtypes, numbers computed by hand."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest

from tcpflow_scapy.flows import frames
from tcpflow_scapy.flows.frames import flag_names, rows_of
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.traffic import ACK, Capture, Conversation, play

OPEN = "> SYN\n< SYN ACK\n> ACK\n"

PACKETS = {
    "flow": "int64",
    "direction": "category",
    "frame": "int64",
    "time": "datetime64[ns, UTC]",
    "seq": "uint32",
    "ack": "uint32",
    "flags": "category",
    "window": "uint16",
    "offset": "int64",
    "length": "int64",
    "wire_length": "int64",
    "class": "category",
}
GAPS = {
    "flow": "int64",
    "direction": "category",
    "start": "int64",
    "end": "int64",
    "length": "int64",
    "cause": "category",
    "before_frame": "Int64",
    "after_frame": "Int64",
}
CONFLICTS = {
    "flow": "int64",
    "direction": "category",
    "start": "int64",
    "end": "int64",
    "length": "int64",
    "frame": "int64",
    "delivered_frame": "int64",
    "delivered": "object",
    "other": "object",
}


def dtypes(table: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in table.dtypes.items()}


@pytest.mark.parametrize("script", ["> SYN", OPEN + "> 'abc'\nx> 'd'\n> 'ef'\n> 0:'aXc'\n< 'g'"])
@pytest.mark.parametrize("part", ["all", "none"])
def test_columns_and_dtypes(script: str, part: str) -> None:
    flows = flows_of(play(script))
    if part == "none":
        flows = flows[:0]
    assert dtypes(flows.packets) == PACKETS
    assert dtypes(flows.gaps) == GAPS
    assert dtypes(flows.conflicts) == CONFLICTS


def test_packets_are_in_order_of_capture_with_raw_numbers() -> None:
    one = play(OPEN + "> 'abc' window=512")
    two = play("> SYN\n< RST", Conversation("10.0.0.9:9", isn=2**32 - 1))
    capture = Capture(one.frames[:2], two.frames, one.frames[2:])
    table = flows_of(capture).packets
    assert table["frame"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["flow"].tolist() == [0, 0, 1, 1, 0, 0]
    assert table["direction"].tolist() == ["client", "server", "client", "server", "client", "client"]
    assert table["flags"].tolist() == ["S", "SA", "S", "RA", "A", "PA"]
    assert table["seq"].tolist() == [1000, 5000, 2**32 - 1, 5001, 1001, 1001]
    assert table["ack"].tolist() == [0, 1001, 0, 0, 5001, 5001]
    assert table["window"].tolist() == [65535] * 5 + [512]
    assert table["length"].tolist() == [0, 0, 0, 0, 0, 3]
    assert table["time"].tolist() == [pd.Timestamp(f.time, tz="UTC") for f in capture]
    assert table["class"].tolist() == ["syn", "syn", "syn", "rst", "ack", "new"]


def test_length_is_what_was_captured_wire_length_what_was_sent() -> None:
    c = play(OPEN + "> 'abcdef'")
    c.frames[3].cut(2)
    last = flows_of(c).packets.iloc[-1]
    assert (last["length"], last["wire_length"]) == (2, 6)


def test_flags_as_letters() -> None:
    values = np.array([0, 0x1FF, 0x12, 0x11], np.uint16)
    assert list(flag_names(values)) == ["", "FSRPAUECN", "SA", "FA"]


def test_gaps_with_their_neighbours() -> None:
    c = play(OPEN + "x> 'aa'\n> 'bb'\nx> 'cc'\n> 'dd'\nx> 'ee'\n< ACK\n< 'x'")
    table = flow_of(c).gaps
    assert table["start"].tolist() == [0, 4, 8]
    assert table["end"].tolist() == [2, 6, 10]
    assert table["length"].tolist() == [2, 2, 2]
    assert table["cause"].tolist() == ["not_captured"] * 3
    assert table["before_frame"].tolist() == [pd.NA, 4, 5]
    assert table["after_frame"].tolist() == [4, 5, pd.NA]
    assert table["direction"].tolist() == ["client"] * 3


def test_neighbours_of_a_gap_cut_by_its_cause() -> None:
    """Both halves name the bytes captured around them."""
    table = flow_of(OPEN + "> 'aa'\nx> 'bbbb'\n> 'cc'\n< ACK ack=1005").gaps
    assert table[["start", "end", "cause"]].to_numpy().tolist() == [
        [2, 4, "not_captured"],
        [4, 6, "not_acknowledged"],
    ]
    assert table["before_frame"].tolist() == [4, 4]
    assert table["after_frame"].tolist() == [5, 5]


def test_neighbours_are_those_of_the_same_stream() -> None:
    c = play("> SYN\n< SYN ACK\n> 'client'\nx< 'lost'\n> ACK")
    d = play("> SYN\n< 'other'", Conversation("10.0.0.9:9"))
    table = flows_of(c, d).gaps
    assert table["direction"].tolist() == ["server"]
    assert table["before_frame"].isna().tolist() == [True]
    assert table["after_frame"].isna().tolist() == [True]


def test_conflicts_with_every_version() -> None:
    c = play(OPEN + "> 'abcdef'\n> 1:'BCD'\n> 2:'xx'\n> 0:'abcdef'")
    table = flow_of(c).conflicts
    rows = table[["start", "end", "length", "frame", "delivered_frame", "delivered", "other"]]
    assert rows.to_numpy().tolist() == [
        [1, 4, 3, 5, 4, b"bcd", b"BCD"],
        [2, 4, 2, 6, 4, b"cd", b"xx"],
    ]


def test_conflicts_in_a_segment_trimmed_at_offset_0() -> None:
    table = flow_of(OPEN + "> 'abc'\n> -3:'xxxaBc'").conflicts
    assert table[["start", "delivered", "other"]].to_numpy().tolist() == [[1, b"b", b"B"]]


@pytest.mark.parametrize("overlap", ["first", "last", "linux"])
@pytest.mark.parametrize("pieces", [1, 5, frames.PIECES])
def test_what_is_delivered_and_what_contradicts(
    overlap: str, pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against `Stream.read`, and what each frame carried."""
    monkeypatch.setattr(frames, "PIECES", pieces)
    draw = random.Random(pieces)
    talks = []
    for number in range(1, 4):
        talk = play(OPEN, Conversation(f"10.0.0.{number}:9"))
        for _ in range(30):
            text = "".join(draw.choices("ab", k=draw.randrange(1, 12)))
            play(f"{draw.choice('<>')} {draw.randrange(40)}:'{text}'", talk)
        talks.append(talk)
    capture = Capture(*talks)
    flows = flows_of(capture, overlap=overlap)
    sent = flows.packets.set_index("frame")
    assert flows.conflicts["flow"].nunique() == 3
    for row in flows.conflicts.itertuples():
        stream = getattr(flows[row.flow], row.direction)
        assert row.delivered == stream.read(row.start, row.length) != row.other
        skip = row.start - sent.offset[row.frame]
        assert row.other == capture.frames[row.frame - 1].payload[skip : skip + row.length]


def test_a_reset_between_other_packets_keeps_its_number() -> None:
    c = play(OPEN + "> 'abc'")
    c.reset("client")
    c.send("client", flags=ACK, seq=1001)
    assert flow_of(c).packets["offset"].tolist() == [0, 0, 0, 0, 3, 0]


def test_rows_of_streams() -> None:
    starts = np.array([0, 2, 2, 5, 6])
    rows, streams = rows_of(starts, np.array([2, 0, 1]))
    assert rows.tolist() == [2, 3, 4, 0, 1]
    assert streams.tolist() == [2, 2, 2, 0, 0]


@pytest.mark.parametrize("few", [0, 1 << 40])
def test_the_frames_around_each_gap(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FEW", few)
    talks = []
    for number in range(1, 6):
        lines = ["> SYN", "< SYN ACK", "> ACK"]
        for step in range(number * 3):
            lines += [f"{'x' if step % number == 1 else ''}> 'abcd'", f"{'x' if step % 4 == 2 else ''}< 'ef'"]
        lines += ["> FIN" if number % 2 else "x> 'end'", "< FIN"]
        talks.append(play("\n".join(lines), Conversation(f"10.0.0.{number}:{1000 + number}")))
    flows = flows_of(*talks)
    gaps = flows.gaps
    assert len(gaps) > 5
    assert gaps["after_frame"].isna().any()
    for row in gaps.itertuples():
        extents = getattr(flows[row.flow], row.direction).segments.query("length > 0")
        before = extents[extents["offset"] + extents["length"] <= row.start]["frame"].tolist()
        after = extents[extents["offset"] >= row.end]["frame"].tolist()
        assert (row.before_frame if before else None) == (before[-1] if before else None)
        assert (row.after_frame if after else None) == (after[0] if after else None)
        assert pd.isna(row.before_frame) == (not before)
        assert pd.isna(row.after_frame) == (not after)
