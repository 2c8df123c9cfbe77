from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpflow_scapy.capture.frames import FrameBatch
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode import Decoder, Reason
from tests.decode.batches import Decoded, batch, decode
from tests.decode.segments import V4, V6, packet, tcp
from tests.helpers.headers import ethernet, gre_packet, ip_packet, tcp_segment, udp_packet

from .pieces import cut, piece4, piece6

DATA = bytes(random.Random(4).randbytes(900))


def origin_of(result: Decoded, row: int, offset: int) -> tuple[int, int]:
    """Frame and store address of a payload byte."""
    packets = result.packets
    assert packets.origins is not None
    where = packets.header[row] + packets.data_offset[row] + offset
    frame, address = packets.origins.find(np.array([where]))
    return int(frame[0]), int(address[0])


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 0, 1, 1, 2, 2], [2, 0, 1, 0]])
def test_a_datagram_in_any_order_with_copies(six: bool, order: list[int]) -> None:
    hosts = V6 if six else V4
    pieces = cut(tcp(hosts, DATA), [400, 808], six=six)
    result = decode([pieces[i] for i in order])
    assert [row.payload for row in result.rows] == [DATA]
    assert result.rows[0].frame == order.index(0)
    assert result.reasons.count(Reason.TCP) == 1
    assert set(result.reasons) == {Reason.TCP, Reason.FRAGMENT_USED}
    assert result.packets.fragment_missing is None
    assert result.packets.fragment_conflicts is None


@pytest.mark.parametrize("six", [False, True])
def test_every_byte_knows_its_frame(six: bool) -> None:
    hosts = V6 if six else V4
    result = decode(cut(tcp(hosts, DATA), [400, 808], six=six))
    for offset in (0, 379, 380, 787, 788, 899):
        frame, address = origin_of(result, 0, offset)
        assert frame == (20 + offset >= 400) + (20 + offset >= 808)
        assert result.store.read(address, 1) == DATA[offset : offset + 1]
        start = result.frames.address[frame]
        assert start <= address < start + result.frames.caplen[frame]


def test_addresses_in_no_datagram_stay() -> None:
    result = decode([ethernet(packet()), *cut(tcp(V4, DATA), [400])])
    assert result.packets.origins is not None
    header = result.packets.header[:1]
    frame, address = result.packets.origins.find(header)
    assert (frame[0], address[0]) == (-1, header[0])


def test_rows_are_in_capture_order_with_whole_packets() -> None:
    one, two = cut(tcp(V4, DATA, seq=10), [400])
    frames = [ethernet(packet(seq=1)), one, ethernet(packet(seq=2)), two, ethernet(packet(seq=3))]
    assert [row.sequence for row in decode(frames).rows] == [1, 10, 2, 3]


def test_the_tcp_header_itself_may_be_cut() -> None:
    result = decode(cut(tcp(V4, b"x" * 20), [8, 16, 24]))
    assert [(row.payload, row.frame) for row in result.rows] == [(b"x" * 20, 0)]


def test_the_payload_of_a_cut_datagram_in_the_store_by_slices_and_joined() -> None:
    result = decode([f for i in range(3) for f in cut(tcp(V4, DATA), [400], ident=i)])
    packets = result.packets
    addresses = (packets.header + packets.data_offset).tolist()
    assert result.store.slices(addresses, [900] * 3) == [DATA] * 3
    joined = result.store.joined(np.array(addresses), np.array([900, 1, 2]))
    assert joined.tobytes() == DATA + DATA[:1] + DATA[:2]


@pytest.mark.parametrize("lost", [1, 2])
def test_what_follows_a_lost_fragment_is_missing(lost: int) -> None:
    pieces = cut(tcp(V4, DATA), [400, 808])
    result = decode([p for i, p in enumerate(pieces) if i != lost])
    row = result.rows[0]
    length = 380 if lost == 1 else 788
    assert row.payload == DATA[:length]
    assert row.wire_length == (900 if lost == 1 else length)
    assert result.packets.fragment_missing is not None
    assert result.packets.fragment_missing.tolist() == [0]
    assert result.reasons[0] is Reason.TCP


def test_without_its_beginning_a_datagram_is_only_counted() -> None:
    result = decode(cut(tcp(V4, DATA), [400, 808])[1:])
    assert not result.rows
    assert result.reasons == [Reason.FRAGMENT] * 2


def test_snaplen_cuts_a_fragment() -> None:
    one, two = cut(tcp(V4, DATA), [400])
    result = decode([one, two[:-100]], wire=[len(one), len(two)])
    assert (result.rows[0].length, result.rows[0].wire_length) == (800, 900)
    assert result.packets.fragment_missing is None
    result = decode([one[:-100], two], wire=[len(one), len(two)])
    assert (result.rows[0].payload, result.rows[0].wire_length) == (DATA[:280], 900)
    assert result.packets.fragment_missing is None


def test_identifications_come_again() -> None:
    frames, expected = [], []
    for turn in range(5):
        for ident in range(4):
            data = bytes([turn, ident]) * 450
            frames += cut(tcp(V4, data, seq=turn), [400], ident=ident)
            expected.append(data)
    result = decode(frames)
    assert [row.payload for row in result.rows] == expected
    assert result.packets.fragment_conflicts is None


def test_identifications_come_again_in_a_shuffled_capture() -> None:
    frames = [f for turn in range(6) for f in cut(tcp(V4, bytes([turn]) * 900, seq=turn), [400], ident=3)]
    times = list(range(len(frames)))
    for seed in range(5):
        order = random.Random(seed).sample(times, len(times))
        result = decode([frames[i] for i in order], times=order)
        assert {row.sequence: row.payload for row in result.rows} == {n: bytes([n]) * 900 for n in range(6)}


def test_time_tells_datagrams_apart() -> None:
    first, second = (cut(tcp(V4, bytes([n]) * 900), [400]) for n in (1, 2))
    minutes = 60 * 10**9
    result = decode([first[0], second[1]], times=[0, 5 * minutes])
    assert (result.rows[0].length, result.rows[0].wire_length) == (380, 380)
    assert result.reasons == [Reason.TCP, Reason.FRAGMENT]
    result = decode([second[1], *first, second[0]], times=[9 * minutes, 0, 1, 9 * minutes])
    assert sorted(row.payload[:1] for row in result.rows) == [b"\1", b"\2"]
    assert {row.length for row in result.rows} == {900}


def test_times_as_far_apart_as_can_be() -> None:
    limits = np.iinfo(np.int64)
    result = decode(cut(tcp(V4, DATA), [400, 808]), times=[limits.min + 1, limits.max, 0])
    assert len(result.rows) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"ident": 2},
        {"protocol": 17},
        {"hosts": ("10.0.0.9", "10.0.0.2")},
        {"hosts": ("10.0.0.1", "10.0.0.9")},
    ],
)
def test_what_differs_in_the_key_is_another_datagram(other: dict[str, int]) -> None:
    whole = tcp(V4, DATA)
    frames = [piece4(whole[:400], 0, more=True), piece4(whole[400:], 400, more=False, **other)]  # type: ignore[arg-type]
    assert decode(frames).rows[0].length == 380


def test_vlans_are_different_roads() -> None:
    one, two = cut(tcp(V4, DATA), [400])
    tagged = two[:12] + b"\x81\0\0\5" + two[12:]
    assert decode([one, tagged]).rows[0].length == 380


def test_a_tunnel_inside_fragments() -> None:
    inner = gre_packet("1.1.1.1", "2.2.2.2", packet(V4, DATA), key=7)
    result = decode(cut(inner[20:], [400, 808], protocol=47))
    assert [row.payload for row in result.rows] == [DATA]
    assert result.paths == ["eth/ip/gre:7/ip"]
    assert origin_of(result, 0, 899)[0] == 2


def test_fragments_inside_a_tunnel() -> None:
    frames = [
        ethernet(gre_packet("1.1.1.1", "2.2.2.2", frame[14:])) for frame in cut(tcp(V4, DATA), [400, 808])
    ]
    result = decode(frames)
    assert [row.payload for row in result.rows] == [DATA]
    assert result.paths == ["eth/ip/gre/ip"]


def test_fragments_inside_a_tunnel_inside_fragments() -> None:
    frames = []
    for ident, frame in enumerate(cut(tcp(V4, DATA), [400, 808])):
        outer = gre_packet("1.1.1.1", "2.2.2.2", frame[14:])[20:]
        frames += cut(outer, [200] if len(outer) > 200 else [64], ident=50 + ident, protocol=47)
    for seed in range(5):
        order = random.Random(seed).sample(range(len(frames)), len(frames))
        result = decode([frames[i] for i in order])
        assert [row.payload for row in result.rows] == [DATA]
        assert Reason.FRAGMENT not in result.reasons
        for offset in (0, 150, 379, 380, 600, 899):
            frame, address = origin_of(result, 0, offset)
            assert result.store.read(address, 1) == DATA[offset : offset + 1]
            assert address >> 44 == 0
            start = result.frames.address[frame]
            assert start <= address < start + result.frames.caplen[frame]


def test_headers_deeper_than_the_window() -> None:
    inner = packet(V4, DATA)
    for i in range(14):
        inner = ip_packet("1.1.1.1", f"2.2.2.{i}", 4, inner)
    result = decode([*cut(inner[20:], [400, 808], protocol=4), *cut(tcp(V4, DATA), [400], ident=9)])
    assert [row.payload for row in result.rows] == [DATA, DATA]
    assert result.paths[0] == "eth/" + "/".join(["ip"] * 15)


@pytest.mark.parametrize("six", [False, True])
def test_udp_datagrams(six: bool) -> None:
    hosts = V6 if six else V4
    whole = udp_packet((hosts[0], 1), (hosts[1], 2), DATA)[40 if six else 20 :]
    result = decode(cut(whole, [400, 808], six=six, protocol=17))
    table = result.packets.datagrams
    assert table is not None
    assert table.frame.tolist() == [0]
    assert result.store.read(int(table.address[0]), int(table.length[0])) == DATA
    assert result.reasons == [Reason.UDP, Reason.FRAGMENT_USED, Reason.FRAGMENT_USED]


def test_ipv6_extension_headers_behind_the_fragment_header() -> None:
    body = b"\6\0" + bytes(6) + tcp(V6, DATA)
    assert [row.payload for row in decode(cut(body, [400], six=True, protocol=60)).rows] == [DATA]


def test_the_protocol_of_ipv6_is_that_of_the_first_fragment() -> None:
    whole = tcp(V6, DATA)
    frames = [piece6(whole[:400], 0, more=True), piece6(whole[400:], 400, more=False, protocol=17)]
    assert [row.payload for row in decode(frames).rows] == [DATA]


def test_checksums_of_reassembled_segments() -> None:
    bad = tcp_segment((V4[0], 1), (V4[1], 2), 1, 2, 16, DATA, bad_checksum=True)
    frames = [*cut(tcp(V4, DATA), [400, 808]), *cut(bad, [400], ident=2)]
    result = decode(frames, verify_checksums=True)
    assert [row.payload for row in result.rows] == [DATA]
    assert result.reasons[3] is Reason.BAD_CHECKSUM
    assert len(decode(frames).rows) == 2


def test_empty_and_oversize_fragments_are_left_out() -> None:
    whole = tcp(V4, DATA)
    frames = [
        *cut(whole, [400]),
        piece4(b"", 800, more=True),
        piece4(bytes(800), 65_000, more=False),
        piece4(b"", 65_528, more=False),
    ]
    result = decode(frames)
    assert [row.payload for row in result.rows] == [DATA]
    assert result.reasons[2:] == [Reason.FRAGMENT] * 3


def test_only_the_last_fragment_may_have_any_length() -> None:
    whole = tcp(V4, DATA)
    frames = [piece4(whole[:405], 0, more=True), piece4(whole[400:], 400, more=False)]
    assert [row.payload for row in decode(frames).rows] == [DATA]


def test_fragments_that_promise_64_kib_and_never_come() -> None:
    frames = [
        piece4(tcp(V4, b"a" * 28), 0, more=True, ident=7),
        piece4(b"z" * 7, 65_528, more=False, ident=7),
    ]
    result = decode(frames)
    assert (result.rows[0].length, result.rows[0].wire_length) == (28, 65_535 - 20)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_cut_in_any_order_gives_the_datagram(data: st.DataObject) -> None:
    six = data.draw(st.booleans())
    count = data.draw(st.integers(1, 4))
    frames, payloads = [], []
    for ident in range(count):
        payload = data.draw(st.binary(min_size=8, max_size=120))
        whole = tcp(V6 if six else V4, payload, seq=ident)
        places = range(8, len(whole), 8)
        at = sorted(data.draw(st.sets(st.sampled_from(places), min_size=1)))
        frames += cut(whole, at, six=six, ident=ident)
        payloads.append(payload)
    order = data.draw(st.permutations(range(len(frames))))
    result = decode([frames[i] for i in order], per_batch=data.draw(st.integers(1, 9)))
    assert {row.sequence: row.payload for row in result.rows} == dict(enumerate(payloads))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 40), st.booleans(), st.integers(0, 1)), max_size=12)
)
def test_random_fragments_raise_nothing(pieces: list[tuple[int, int, bool, int]]) -> None:
    frames = [
        piece4((tcp() + bytes(60))[8 * at : 8 * at + size], 8 * at, more=more, ident=ident)
        for at, size, more, ident in pieces
    ]
    for policy in ("first", "last", "linux", "discard"):
        result = decode(frames, fragments=policy)
        used = {row.frame for row in result.rows}
        assert used == {i for i, reason in enumerate(result.reasons) if reason is Reason.TCP}


def test_incomplete_datagrams_can_wait() -> None:
    one, two = cut(tcp(V4, DATA), [400])
    frames = [one, *cut(tcp(V4, DATA[:100]), [40], ident=2), two]
    whole = batch(frames)
    store = Store()
    base = store.add(whole.memory.tobytes(), "test")
    decoder = Decoder(store)
    decoder.decode(FrameBatch(whole.memory, base, *(c[:3] for c in columns_of(whole)), 0))
    waiting = decoder.reassembler(store)
    waiting.restore(decoder.take()[2])
    assert len(decoder.late(waiting, whole_only=True)[0]) == 1
    assert len(waiting) == 1
    decoder.decode(FrameBatch(whole.memory, base, *(c[3:] for c in columns_of(whole)), 3))
    waiting.restore(decoder.take()[2])
    segments = decoder.late(waiting, whole_only=True)[0].build()
    assert segments["length"].tolist() == [900]
    assert len(waiting) == 0


def columns_of(frames: FrameBatch) -> list[np.ndarray]:
    return [frames.position, frames.caplen, frames.wirelen, frames.time, frames.linktype]
