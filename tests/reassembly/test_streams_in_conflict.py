"""What is right (DESIGN, section 6), continued: overlaps, counts, and that order is not meaning."""

from __future__ import annotations

import pytest

from tcpflow_scapy.flows.flow import Flow
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.oracle import expect
from tests.helpers.traffic import Capture, Conversation, play

from .test_streams import OPEN, client, conflicts, gaps

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
