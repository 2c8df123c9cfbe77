"""What is right (DESIGN, section 6), sentence by sentence: payload, ends, gaps, overlaps, order."""

from __future__ import annotations

import pytest

from tcpflow_scapy.flows.stream import Stream
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.frames import IpFrame
from tests.helpers.headers import ip_fragments
from tests.helpers.traffic import ACK, FIN, RST, URG, Capture, Conversation, play

OPEN = "> SYN\n< SYN ACK\n> ACK\n"


def client(script: str | Conversation | Capture, **options: object) -> Stream:
    return flow_of(script, **options).client


def gaps(stream: Stream) -> list[tuple[int, int, str]]:
    table = stream.gaps
    return list(zip(table["start"].tolist(), table["end"].tolist(), table["cause"].tolist(), strict=True))


def conflicts(stream: Stream) -> list[tuple[int, int, int, int, bytes, bytes]]:
    columns = ["start", "end", "frame", "delivered_frame", "delivered", "other"]
    return list(stream.conflicts[columns].itertuples(index=False, name=None))


# -- payload ----------------------------------------------------------------------------------------


def test_padding_trailers_and_checksums_of_the_frame_are_never_data() -> None:
    c = play(OPEN + "> 'a'\n< ACK\n> 'b'")
    for frame in c:
        frame.padding = b"\0" * 6 + b"trailer" + b"\xde\xad\xbe\xef"
    flow = flow_of(c)
    assert (flow.client.data, flow.client.size, flow.server.size) == (b"ab", 2, 0)


def test_an_ip_length_beyond_the_frame_is_clamped_and_the_rest_is_missing() -> None:
    c = play(OPEN + "> 'abc'\n> 10:'xyz'")
    c.frames[3].ip_length = 20 + 20 + 10
    stream = client(c)
    assert stream.data == b"abc" + bytes(7) + b"xyz"
    assert gaps(stream) == [(3, 10, "truncated")]


def test_ip_length_0_means_the_frames_length() -> None:
    c = play(OPEN + "> 'abc'\n> 'xyz'")
    c.frames[3].ip_length = 0
    assert client(c).data == b"abcxyz"


@pytest.mark.parametrize("kept", [0, 1, 5])
def test_what_snaplen_cut_off_is_a_gap(kept: int) -> None:
    c = play(OPEN + "> 'abcdef'\n> 'ghi'\n< ACK")
    c.frames[3].cut(kept)
    stream = client(c)
    assert stream.data == b"abcdef"[:kept] + bytes(6 - kept) + b"ghi"
    assert gaps(stream) == [(kept, 6, "truncated")]


def test_a_header_cut_by_the_snaplen_is_no_packet() -> None:
    c = play(OPEN + "> 'abcdef'")
    c.frames[3].snap = 40
    flows = flows_of(c)
    assert flows[0].client.size == 0
    assert flows.capture.unused == {"truncated tcp": 1}


def test_a_header_cut_behind_its_window_tells_all_but_the_payload() -> None:
    c = play(OPEN + "> 'abcdef'\n< ACK\n< 'xyz'\n> ACK\n> FIN\n< FIN\n> ACK")
    for frame in c.frames:
        frame.snap = 14 + 20 + 16
    flow = flows_of(c)[0]
    assert (flow.state, flow.summary.client_bytes, flow.summary.missing_bytes) == ("SF", 0, 9)
    assert gaps(flow.client) == [(0, 6, "truncated")]
    assert gaps(flow.server) == [(0, 3, "truncated")]
    assert flow.client.data == flow.server.data == b""


# -- ends -------------------------------------------------------------------------------------------


def test_data_captured_after_the_fin_but_numbered_before_it() -> None:
    stream = client(OPEN + "> 'abc'\nx> 'def'\n> FIN\n< ACK\n> 3:'def'")
    assert stream.data == b"abcdef"
    assert stream.complete


def test_bytes_numbered_after_the_fin_are_kept() -> None:
    stream = client(OPEN + "> 'abc' FIN\n> 3:'XYZ'")
    assert stream.data == b"abcXYZ"
    assert stream.segments["class"].tolist()[-1] == "after_fin"


def test_a_fin_before_data_in_any_order_changes_nothing() -> None:
    c = play(OPEN + "> 'abc'\n< 'xyz'\n> 'def' FIN\n< FIN\n> ACK")
    for seed in range(10):
        flow = flow_of(Capture(c).shuffle(seed))
        assert (flow.client.data, flow.server.data) == (b"abcdef", b"xyz")
        assert flow.client.complete
        assert flow.server.complete
        assert flow.state == "SF"


def test_the_fin_tells_how_long_the_stream_was() -> None:
    stream = client(OPEN + "> 'abc'\nx> 'lost'\n> FIN")
    assert (stream.size, stream.end, stream.missing, stream.data) == (7, 3, 4, b"abc")
    assert gaps(stream) == [(3, 7, "not_acknowledged")]


def test_the_number_after_a_fin_is_no_byte() -> None:
    flow = flow_of(OPEN + "> 'abc' FIN\n< ACK\n< FIN\n> ACK")
    assert [(s.size, s.missing, s.complete) for s in flow.streams] == [(3, 0, True), (0, 0, True)]


def test_a_fin_that_was_lost_is_no_missing_byte() -> None:
    """Its number is acknowledged, and the other side closed as well."""
    flow = flow_of(OPEN + "> 'abc'\nx> FIN\n< ACK\n< FIN\n> ACK")
    assert (flow.client.size, flow.client.missing, flow.client.complete) == (3, 0, False)


def test_a_byte_that_was_lost_is_a_missing_byte() -> None:
    flow = flow_of(OPEN + "> 'abc'\nx> 'd'\n< ACK")
    assert gaps(flow.client) == [(3, 4, "not_captured")]


def test_a_fin_from_nowhere_ends_nothing() -> None:
    c = play(OPEN + "> 'abc'")
    c.send("client", flags=FIN | ACK, seq=1001 + (100 << 20))
    stream = client(c)
    assert (stream.size, stream.complete) == (3, False)


def test_a_reset_ends_a_flow_but_no_stream() -> None:
    c = play(OPEN + "> 'abc'\n< RST\n> 'def'\n< 'late'")
    flow = flow_of(c)
    assert (flow.client.data, flow.server.data, flow.state) == (b"abcdef", b"late", "RSTR")


@pytest.mark.parametrize("seq", [1001 + (20 << 20), 1001 + (1 << 31), 1001 - 500])
def test_a_reset_counts_only_when_its_number_is_plausible(seq: int) -> None:
    c = play(OPEN + "> 'abc'\n< 'xyz'")
    c.reset("client", seq=seq)
    assert flow_of(c).state == "S1"


@pytest.mark.parametrize("seq", [1000, 1001, 1004, 1004 + 60_000])
def test_a_reset_in_or_near_the_window_counts(seq: int) -> None:
    c = play(OPEN + "> 'abc'\n< 'xyz'")
    c.reset("client", seq=seq)
    assert flow_of(c).state == "RSTO"


def test_a_reset_below_a_stream_without_a_syn_counts() -> None:
    """Where the stream began is not known."""
    c = play("< 'xyz'\n> 100:'abc'")
    c.reset("client", seq=1001 + 50)
    assert flow_of(c).client.data == b"abc"
    assert flow_of(c).state == "OTH"
    c.reset("server", seq=5001 - 50)
    assert flow_of(c).state == "RSTR"


def test_a_refused_connection() -> None:
    c = play("> SYN")
    c.send("server", flags=RST | ACK, seq=0)
    assert flow_of(c).state == "REJ"


def test_payload_of_a_reset_is_an_explanation() -> None:
    """RFC 1122, 4.2.2.12."""
    c = play(OPEN + "> 'abc'")
    frame_number = len(c.frames) + 1
    c.reset("client", b"I am leaving")
    c.client(b"def")
    for policy in ("first", "last"):
        stream = client(c, overlap=policy)
        assert stream.data == b"abcdef"
        row = stream.segments.set_index("frame").loc[frame_number]
        assert (row["class"], row["length"]) == ("rst_payload", 12)
        assert stream.segment_payload(frame_number) == b"I am leaving"
        assert len(stream.conflicts) == 0
    assert flows_of(c).df["client_bytes"].tolist() == [6]


# -- what never overwrites --------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["first", "last", "bsd", "linux", "solaris"])
def test_a_keep_alive_that_contradicts(policy: str) -> None:
    """Its byte means nothing: it is not delivered, and is not a conflict (RFC 1122, 4.2.3.6)."""
    c = play(OPEN + "> 'hello'\n< ACK")
    c.keep_alive("client", b"\0")
    c.keep_alive("client", b"o")
    c.client(b" world")
    c.client(b"lo wor", at=3)
    stream = client(c, overlap=policy)
    assert stream.data == b"hello world"
    assert conflicts(stream) == []
    assert stream.segments["class"].tolist()[3:5] == ["keep_alive", "keep_alive"]


def test_keep_alives_are_not_counted_as_retransmissions() -> None:
    c = play(OPEN + "> 'hello'\n< ACK")
    for _ in range(3):
        c.keep_alive("client", b"\0")
    assert flows_of(c).client_retransmitted_bytes.tolist() == [0]


@pytest.mark.parametrize("policy", ["first", "last"])
def test_a_zero_window_probe_is_the_next_byte(policy: str) -> None:
    c = play(OPEN + "> 'abc'\n< ACK window=0\n> 'd'\n< ACK window=0\n> 3:'d'\n< ACK window=9\n> 3:'def'")
    stream = client(c, overlap=policy)
    assert stream.data == b"abcdef"
    assert len(stream.conflicts) == 0


def test_urgent_data_stays_in_line() -> None:
    c = play(OPEN + "> 'abc'")
    c.client(b"!", flags=ACK | URG, urgent=1)
    c.client(b"def")
    assert client(c).data == b"abc!def"


# -- gaps -------------------------------------------------------------------------------------------


def test_bytes_that_the_peer_acknowledged_did_travel() -> None:
    stream = client(OPEN + "> 'abc'\nx> 'def'\n> 'ghi'\n< ACK")
    assert gaps(stream) == [(3, 6, "not_captured")]


def test_bytes_of_which_there_is_no_sign() -> None:
    stream = client(OPEN + "> 'abc'\nx> 'def'\n> 'ghi'\n< ACK ack=1004")
    assert gaps(stream) == [(3, 6, "not_acknowledged")]


def test_a_gap_that_was_acknowledged_in_part() -> None:
    stream = client(OPEN + "> 'abc'\nx> 'def'\n> 'ghi'\n< ACK ack=1006")
    assert gaps(stream) == [(3, 5, "not_captured"), (5, 6, "not_acknowledged")]


def test_acknowledgments_count_in_any_order() -> None:
    c = play(OPEN + "> 'abc'\nx> 'def'\n> 'ghi'\n< ACK")
    for seed in range(6):
        assert gaps(client(Capture(c).shuffle(seed))) == [(3, 6, "not_captured")]


def test_a_gap_after_the_last_captured_byte() -> None:
    stream = client(OPEN + "> 'abc'\nx> 'def'\n< ACK")
    assert (stream.data, stream.size, stream.missing) == (b"abc", 6, 3)
    assert gaps(stream) == [(3, 6, "not_captured")]


def test_a_gap_at_the_beginning() -> None:
    stream = client("> SYN\nx> 'abc'\n> 'def'")
    assert (stream.data, gaps(stream)) == (b"\0\0\0def", [(0, 3, "not_acknowledged")])


def test_a_late_retransmission_fills_the_gap() -> None:
    stream = client(OPEN + "> 'abc'\nx> 'def'\n> 'ghi'\n< ACK\n> 3:'def'")
    assert (stream.data, gaps(stream)) == (b"abcdefghi", [])


def test_a_truncated_segment_sent_again_in_full() -> None:
    c = play(OPEN + "> 'abcdef'\n> 0:'abcdef'")
    c.frames[3].cut(2)
    stream = client(c)
    assert (stream.data, gaps(stream)) == (b"abcdef", [])


def test_a_fragment_that_is_missing() -> None:
    """The middle of a datagram was not captured: its first and last part are data, the gap says why."""
    c = play(OPEN + "> 'x'\n> 'next'")
    payload = bytes(range(200))
    whole = play("> 'x'").frames[0]
    whole.payload, whole.seq = payload, 1002
    first, _, last = (IpFrame(packet=p) for p in ip_fragments(whole.ip_packet(), 80))
    c.frames[4].seq += 200
    flow = flow_of(Capture(c.frames[:4], first, last, c.frames[4]))
    table = flow.client.gaps
    assert flow.client.data[0:1] == b"x"
    assert set(table["cause"]) == {"fragment_missing"}
    for start, end in zip(table["start"], table["end"], strict=True):
        assert 1 <= start < end <= 201
    for offset, _, data in flow.client.chunks():
        if 1 <= offset < 201:
            assert data == payload[offset - 1 : offset - 1 + len(data)]
    assert flow.client.data[201:] == b"next"


def test_a_capture_of_one_side_only() -> None:
    """All that was captured is delivered; what the other side said is known from acknowledgments."""
    c = play(OPEN + "> 'GET'\n< 'long answer'\n> ACK\n> FIN\n< FIN\n> ACK")
    half = flow_of(Capture([f for f in c if f.source[1] == 1024]))
    assert (half.client.data, half.server.data) == (b"GET", b"")
    # Its FIN was acknowledged, too: one number alone, at the end.
    assert (half.server.size, half.server.missing, half.server.complete) == (11, 11, False)
    assert gaps(half.server) == [(0, 11, "not_captured")]
    assert (half.server.address, half.server.port, half.server.isn) == ("10.0.0.2", 80, None)
    other = flow_of(Capture([f for f in c if f.source[1] == 80]))
    assert (other.client.data, other.client.size, other.server.data) == (b"", 3, b"long answer")
    assert other.client.port == 1024
