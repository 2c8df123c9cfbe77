"""What is right (DESIGN, section 6), sentence by sentence: payload, ends, gaps, overlaps, order."""

from __future__ import annotations

import pytest

from tcpflow_scapy.flows.flow import Flow
from tcpflow_scapy.flows.stream import Stream
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.frames import IpFrame
from tests.helpers.headers import ip_fragments
from tests.helpers.oracle import expect
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
    """Its byte is not delivered, but it was seen."""
    c = play(OPEN + "> 'hello'\n< ACK")
    c.keep_alive("client", b"\0")
    c.keep_alive("client", b"o")
    c.client(b" world")
    c.client(b"lo wor", at=3)
    stream = client(c, overlap=policy)
    assert stream.data == b"hello world"
    assert [row[:3] + row[4:] for row in conflicts(stream)] == [(4, 5, 6, b"o", b"\0")]
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
    # Its FIN was acknowledged, too: nothing tells its number from that of a byte.
    assert (half.server.size, half.server.missing, half.server.complete) == (12, 12, False)
    assert gaps(half.server) == [(0, 12, "not_captured")]
    assert (half.server.address, half.server.port, half.server.isn) == ("10.0.0.2", 80, None)
    other = flow_of(Capture([f for f in c if f.source[1] == 80]))
    assert (other.client.data, other.client.size, other.server.data) == (b"", 4, b"long answer")
    assert other.client.port == 1024


# -- overlaps ---------------------------------------------------------------------------------------


def test_the_byte_seen_first_is_delivered() -> None:
    c = play(OPEN + "> 'aaaa'\n> 2:'bbbb'\n> 0:'cc'")
    stream = client(c)
    assert stream.data == b"aaaabb"
    assert conflicts(stream) == [(0, 2, 6, 4, b"aa", b"cc"), (2, 4, 5, 4, b"aa", b"bb")]


def test_the_byte_seen_last_is_delivered() -> None:
    stream = client(OPEN + "> 'aaaa'\n> 2:'bbbb'\n> 0:'cc'", overlap="last")
    assert stream.data == b"ccbbbb"
    assert conflicts(stream) == [(0, 4, 4, 6, b"ccbb", b"aaaa")]


@pytest.mark.parametrize("policy", ["first", "last", "bsd", "linux", "windows", "solaris", "old-linux"])
def test_whatever_is_chosen_every_version_is_recorded(policy: str) -> None:
    c = play(OPEN + "> 'aaaaaa'\n> 1:'bbbb'\n> 0:'cccccccc'\n> 3:'dd'\n> 1:'bbbb'")
    stream = client(c, overlap=policy)
    oracle = expect(Capture(c))[0].client
    assert stream.data == oracle.data(policy.replace("-", "_"))
    for offset, versions in oracle.bytes_at.items():
        told = {stream.data[offset : offset + 1]}
        for start, end, _, _, delivered, other in conflicts(stream):
            if start <= offset < end:
                told.add(other[offset - start : offset - start + 1])
                assert delivered == stream.data[start:end]
        assert told == {bytes([v.value]) for v in versions}


def test_equal_bytes_are_no_conflict() -> None:
    stream = client(OPEN + "> 'abcdef'\n> 2:'cdefgh'\n> 0:'abcdef'")
    assert (stream.data, len(stream.conflicts)) == (b"abcdefgh", 0)


def test_conflicts_below_offset_0_are_trimmed_with_the_bytes() -> None:
    stream = client(OPEN + "> 'abcd'\n> -2:'xxaB'")
    assert conflicts(stream) == [(1, 2, 5, 4, b"b", b"B")]


def test_an_injected_answer() -> None:
    """A man on the side answers first; the genuine answer follows and goes on."""
    c = play(OPEN + "> 'GET /'\n< 'HTTP/1.1 302 Found'\n< 0:'HTTP/1.1 200 OK, here you are'")
    server = flow_of(c).server
    assert server.data == b"HTTP/1.1 302 Foundere you are"
    assert conflicts(server) == [
        (9, 10, 6, 5, b"3", b"2"),
        (11, 12, 6, 5, b"2", b"0"),
        (13, 18, 6, 5, b"Found", b"OK, h"),
    ]


# -- counts -----------------------------------------------------------------------------------------


def test_counts_by_hand() -> None:
    c = play(
        OPEN
        + "> 'abcdef'\n"  # 6 new
        + "> 3:'def'\n"  # 3 again
        + "> 4:'efgh'\n"  # 2 new, 2 again
        + "> 12:'mn'\n"  # 2 new behind a hole of 4
        + "> 10:'kl'\n"  # 2 new, late
        + "< ACK\n"
    )
    flows = flows_of(c)
    row = flows.df.iloc[0]
    assert row["client_bytes"] == 12
    assert row["client_packets"] == 7
    assert row["client_retransmitted_bytes"] == 5
    assert row["client_out_of_order"] == 1
    assert row["client_missing_bytes"] == 2
    assert row["client_gaps"] == 1
    assert row["client_conflicts"] == 0
    assert (row["server_bytes"], row["server_packets"]) == (0, 2)


def test_retransmitted_bytes_that_snaplen_cut_count_too() -> None:
    c = play(OPEN + "> 'abcdef'\n> 0:'abcdef'")
    c.frames[3].cut(4)
    c.frames[4].cut(4)
    assert flows_of(c).client_retransmitted_bytes.tolist() == [6]


# -- order is not meaning ---------------------------------------------------------------------------

STORY = OPEN + (
    "> 'GET / HTTP/1.1'\n< ACK\n< 'HTTP/1.1 200 OK'\n< 'the body'\n> ACK\nx< 'a lost piece'\n"
    "< 'the rest'\n> ACK\n< 15:'the body'\n> ' and more'\n< FIN\n> ACK\n> FIN\n< ACK"
)


def facts(flow: Flow) -> list[object]:
    return [
        (s.port, s.data, s.size, s.missing, s.isn, s.complete, gaps(s), len(s.conflicts))
        for s in flow.streams
    ] + [flow.state, flow.client_evidence]


@pytest.mark.parametrize("isn", [1000, 2**32 - 7])
@pytest.mark.parametrize("seed", range(8))
def test_shuffled(seed: int, isn: int) -> None:
    capture = Capture(play(STORY, Conversation(isn=isn, server_isn=isn)))
    assert facts(flow_of(capture.shuffle(seed))) == facts(flow_of(capture))


def test_shuffled_without_any_clock() -> None:
    capture = Capture(play(STORY))
    assert facts(flow_of(capture.without_times().shuffle(1))) == facts(flow_of(capture))


def test_duplicated() -> None:
    capture = Capture(play(STORY))
    assert facts(flow_of(capture.duplicate(seed=1, count=30))) == facts(flow_of(capture))


def test_a_constant_added_to_all_numbers() -> None:
    capture = Capture(play(STORY))
    wanted = facts(flow_of(capture))
    for constant in (1, 2**31 - 1010, 2**32 - 1020, 2**32 - 5020):
        found = facts(flow_of(capture.shifted(constant)))
        for side in (0, 1):
            assert found[side][:4] + found[side][5:] == wanted[side][:4] + wanted[side][5:]  # type: ignore[index]
        assert found[2:] == wanted[2:]


def test_directions_swapped() -> None:
    capture = Capture(play(STORY))
    flow, mirrored = flow_of(capture), flow_of(capture.mirrored())
    assert (mirrored.client.address, mirrored.client.port) == ("10.0.0.2", 80)
    assert [s.data for s in mirrored.streams] == [s.data for s in flow.streams]
    assert [gaps(s) for s in mirrored.streams] == [gaps(s) for s in flow.streams]


@pytest.mark.parametrize("seed", range(4))
def test_cut_into_other_segments(seed: int) -> None:
    capture = Capture(play(STORY))
    assert facts(flow_of(capture.resegmented(seed))) == facts(flow_of(capture))


def test_more_packets_never_mean_fewer_bytes() -> None:
    capture = Capture(play(STORY))
    seen = 0
    for count in range(len(capture) + 1):
        flows = flows_of(Capture(capture.frames[:count]))
        captured = int(flows.bytes.sum())
        assert captured >= seen
        seen = captured


def test_arrival_decides_between_versions_only_for_those_that_ask() -> None:
    c = play(OPEN + "> 'aaaa'\n> 0:'bbbb'")
    assert client(c).data == b"aaaa"
    assert client(Capture(c).swap(3, 4)).data == b"bbbb"


def test_nothing() -> None:
    flows = flows_of(Capture())
    assert len(flows) == 0
    for table in (flows.df, flows.packets, flows.gaps, flows.conflicts):
        assert len(table) == 0
    assert list(flows) == []


def test_a_syn_and_nothing_else() -> None:
    flow = flow_of("> SYN")
    for stream in flow.streams:
        assert (stream.data, stream.size, stream.missing, stream.complete) == (b"", 0, 0, False)
    assert flow.client.isn == 1000
    assert flow.server.isn is None
    assert flow.server.address == "10.0.0.2"
