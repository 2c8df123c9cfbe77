from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import packet
from tests.helpers.headers import ethernet

from .link_pieces import batman_14_pieces, batman_pieces, capwap_pieces, wlan_pieces

WLAN, ETHERNET = 105, 1
DATA = random.Random(5).randbytes(1200)
WHOLE = packet(payload=DATA)
MESH = b"\1\x1f" + bytes(10)

KINDS: dict[str, tuple[int, list[bytes]]] = {
    "802.11": (WLAN, wlan_pieces(WHOLE, [400, 800])),
    "802.11 qos": (WLAN, wlan_pieces(WHOLE, [500, 1000], priority=5)),
    "802.11 mesh": (WLAN, wlan_pieces(WHOLE, [600], priority=0, mesh=MESH)),
    "802.11, lengths that differ": (WLAN, wlan_pieces(WHOLE, [402, 500, 900])),
    "capwap": (ETHERNET, capwap_pieces(ethernet(WHOLE), [400, 1000])),
    "capwap, 802.11": (ETHERNET, capwap_pieces(wlan_pieces(WHOLE, [])[0], [640], native=True)),
    "batman": (ETHERNET, batman_pieces(ethernet(WHOLE), 500)),
    "batman, two": (ETHERNET, batman_pieces(ethernet(WHOLE), 1250)),
    "batman 14": (ETHERNET, batman_14_pieces(ethernet(WHOLE), 700, number=0xFFFF)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_in_order_and_with_repeated_fragments(kind: str) -> None:
    linktype, pieces = KINDS[kind]
    for frames in (pieces, [piece for piece in pieces for _ in range(2)]):
        result = decode(frames, linktype)
        assert [row.payload for row in result.rows] == [DATA]
        assert sorted(set(result.reasons)) == [Reason.TCP, Reason.FRAGMENT_USED]
        assert result.packets.fragment_conflicts is None
        assert result.packets.fragment_missing is None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "differ" not in kind])
@pytest.mark.parametrize("timed", [False, True])
def test_a_frame_in_any_order(kind: str, timed: bool) -> None:
    linktype, pieces = KINDS[kind]
    for seed in range(6):
        order = random.Random(seed).sample(range(len(pieces)), len(pieces))
        times = [10**6 * i if timed else NO_TIME for i in order]
        result = decode([pieces[i] for i in order], linktype, times=times)
        assert [row.payload for row in result.rows] == [DATA]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fragment_that_is_missing(kind: str) -> None:
    linktype, pieces = KINDS[kind]
    head = len(pieces) - 1 if kind in ("batman", "batman, two") else 0
    for lost in range(len(pieces)):
        result = decode(pieces[:lost] + pieces[lost + 1 :], linktype)
        if lost == head:
            assert not result.rows
            assert set(result.reasons) <= {Reason.FRAGMENT}
        for row in result.rows:
            assert DATA.startswith(row.payload)
            assert len(row.payload) < len(DATA)
            assert result.packets.fragment_missing is not None


@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_knows_its_frame(kind: str) -> None:
    linktype, pieces = KINDS[kind]
    result = decode(pieces, linktype)
    (header,), origins = result.packets.header, result.packets.origins
    assert origins is not None
    for offset in range(0, len(DATA), 50):
        frame, address = origins.find(header[None] + 20 + offset)
        assert DATA[offset : offset + 16][:1] == result.store.read(int(address[0]), 1)
        start = result.frames.address[frame[0]]
        assert start <= address[0] < start + result.frames.caplen[frame[0]]


def several(cases: Sequence[tuple[int, str, int]]) -> tuple[list[list[bytes]], list[bytes]]:
    """Frames in fragments, each with a payload of its own."""
    groups, payloads = [], []
    for i, (size, kind, cut) in enumerate(cases):
        payload = random.Random(i).randbytes(size)
        whole = packet(payload=payload, seq=i + 1)
        step = min(max(cut, 64) & ~7, len(whole) - 1) & ~7
        sender = bytes([2, 0, 0, 0, 1, i % 3])
        if kind == "wlan":
            groups.append(wlan_pieces(whole, range(step, len(whole), step)[:15], number=i, sender=sender))
        elif kind == "capwap":
            at = range(step, len(whole), step)
            groups.append(capwap_pieces(ethernet(whole), at, number=i, port=40_000 + i % 3))
        else:
            most = max(step, (len(whole) + 24) // 16 + 1)
            groups.append(batman_pieces(ethernet(whole), most, number=i, sender=sender))
        payloads.append(payload)
    return groups, payloads


def joined(groups: Sequence[Sequence[bytes]], seed: int) -> tuple[list[bytes], list[int]]:
    """All fragments, those of different frames in between each other, and their link types."""
    rng = random.Random(seed)
    queues = [list(group) for group in groups]
    frames: list[bytes] = []
    while queues:
        queue = rng.choice(queues)
        frames.append(queue.pop(0))
        queues = [queue for queue in queues if queue]
    return frames, [ETHERNET if frame[12:14] in (b"\x08\0", b"\x43\x05") else WLAN for frame in frames]


frames_of = st.lists(
    st.tuples(st.integers(100, 1400), st.sampled_from(["wlan", "capwap", "batman"]), st.integers(100, 900)),
    min_size=1,
    max_size=12,
)


@given(frames_of, st.integers(0, 1000))
def test_many_frames_between_each_other(cases: list[tuple[int, str, int]], seed: int) -> None:
    groups, payloads = several(cases)
    frames, types = joined(groups, seed)
    result = decode(frames, types, per_batch=3)
    assert sorted(row.payload for row in result.rows) == sorted(payloads)
    assert set(result.reasons) <= {Reason.TCP, Reason.FRAGMENT_USED}


def test_a_number_used_again_is_another_frame() -> None:
    frames, times = [], []
    for i in range(6):
        pieces = wlan_pieces(packet(payload=bytes([i]) * 600), [300])
        # The second fragment of every other one was not captured.
        frames += pieces[: 1 + i % 2]
        times += [i * 2 * 10**9, i * 2 * 10**9 + 1000][: 1 + i % 2]
    result = decode(frames, WLAN, times=times)
    assert [set(row.payload) for row in result.rows] == [{i} for i in range(6)]
    assert [row.length for row in result.rows] == [252, 600] * 3
    assert result.packets.fragment_conflicts is None


def test_frames_of_others_do_not_mix() -> None:
    a, b = packet(payload=b"a" * 500), packet(payload=b"b" * 500)
    pairs = [
        (wlan_pieces(a, [300]), wlan_pieces(b, [300], sender=bytes(6)), WLAN),
        (wlan_pieces(a, [300], priority=1), wlan_pieces(b, [300], priority=2), WLAN),
        (wlan_pieces(a, [300], number=1), wlan_pieces(b, [300], number=2), WLAN),
        (capwap_pieces(ethernet(a), [304]), capwap_pieces(ethernet(b), [304], port=1), ETHERNET),
        (batman_pieces(ethernet(a), 300), batman_pieces(ethernet(b), 300, sender=bytes(6)), ETHERNET),
    ]
    for one, other, linktype in pairs:
        frames = [piece for both in zip(one, other, strict=True) for piece in both]
        assert sorted(row.payload for row in decode(frames, linktype).rows) == [b"a" * 500, b"b" * 500]


def test_the_check_sequence_is_no_part_of_a_fragment() -> None:
    radiotap = struct.pack("<BBHIB", 0, 0, 9, 2, 0x10)
    frames = [radiotap + piece for piece in wlan_pieces(WHOLE, [400, 800], check=b"\xff" * 4)]
    assert [row.payload for row in decode(frames, 127).rows] == [DATA]


def test_damage_raises_nothing() -> None:
    rng = random.Random(3)
    frames, types = [], []
    for linktype, pieces in KINDS.values():
        for _ in range(40):
            for piece in pieces:
                octets = bytearray(piece)
                for _ in range(rng.randint(0, 3)):
                    octets[rng.randrange(70)] = rng.choice([0, 255, rng.randrange(256)])
                frames.append(bytes(octets[: rng.choice([len(octets)] * 5 + [rng.randrange(len(octets))])]))
                types.append(linktype)
    order = rng.sample(range(len(frames)), len(frames))
    result = decode([frames[i] for i in order], [types[i] for i in order])
    used = {row.frame for row in result.rows}
    assert used == {i for i, reason in enumerate(result.reasons) if reason is Reason.TCP}


@pytest.mark.peer
def test_as_tshark_puts_them_together(need_tool: Callable[[str], str], tmp_path: Path) -> None:
    tshark = need_tool("tshark")
    rng = random.Random(11)
    for kind, linktype in (("wlan", WLAN), ("capwap", ETHERNET), ("batman", ETHERNET)):
        cases = [(rng.randint(200, 1400), kind, rng.randint(150, 700)) for _ in range(12)]
        groups, _ = several(cases)
        # Of batman-adv, tshark 4.0 puts only two together.
        frames = [frame for group in groups for frame in group if kind != "batman" or len(group) == 2]
        path = tmp_path / f"{kind}.pcap"
        records = [struct.pack("<IIII", 1, i, len(f), len(f)) + f for i, f in enumerate(frames)]
        head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, linktype)
        path.write_bytes(head + b"".join(records))
        command = [tshark, "-n", "-r", str(path), "-Y", "tcp", "-T", "fields"]
        command += ["-e", "tcp.seq_raw", "-e", "tcp.len", "-E", "occurrence=l"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        theirs = sorted(zip(map(int, lines[::2]), map(int, lines[1::2]), strict=True))
        ours = sorted((row.sequence, row.length) for row in decode(frames, linktype).rows)
        assert (kind, ours) == (kind, theirs)
