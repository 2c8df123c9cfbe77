from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.decode import Reason
from tcpflow_scapy.flows.table import FlowTable
from tests.decode.batches import decode, pcap
from tests.decode.zoo import udp

from .compressor import Compressor
from .lines import PPP, PPP_WITH_DIRECTION, Talk, line_frames, mixed, talk


def compressors(rng: random.Random) -> list[Compressor]:
    return [Compressor(rng.choice([1, 2, 16]), compress_slot=rng.random() < 0.7) for _ in range(2)]


def pairs(flows: FlowTable) -> list[tuple[bytes, bytes]]:
    return sorted((flow.client.data, flow.server.data) for flow in flows)


def said(talks: list[Talk]) -> list[tuple[bytes, bytes]]:
    return sorted((each.data[0], each.data[1]) for each in talks)


@pytest.mark.parametrize("seed", range(12))
def test_a_line_whose_directions_are_known(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    windows = rng.choice([(8192, 65535), (8192, 8192)])
    talks = [talk(rng, 1024 + i, windows) for i in range(rng.choice([1, 2, 4]))]
    frames = line_frames(mixed(rng, talks), compressors(rng), PPP_WITH_DIRECTION)
    flows = reassemble(pcap(tmp_path / "line.pcap", frames, PPP_WITH_DIRECTION))
    assert pairs(flows) == said(talks)
    assert flows.capture.unused == {}
    assert set(flows.df["state"]) == {"SF"}


@pytest.mark.parametrize("seed", range(6))
def test_windows_tell_directions_apart(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    talks = [talk(rng, 1024 + i) for i in range(2)]
    frames = line_frames(mixed(rng, talks), compressors(rng), PPP)
    flows = reassemble(pcap(tmp_path / "line.pcap", frames, PPP))
    assert pairs(flows) == said(talks)


@pytest.mark.parametrize("seed", range(3))
def test_what_nothing_tells_apart_is_counted_and_missing(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    one = talk(rng, 1024, (8192, 8192))
    frames = line_frames(one.packets, [Compressor(), Compressor()], PPP)
    flows = reassemble(pcap(tmp_path / "line.pcap", frames, PPP))
    assert flows.capture.unused["not decompressed"] > 0
    for stream, data in zip(flows[0].streams, one.data, strict=True):
        for offset, _, octets in stream.chunks():
            assert data[offset : offset + len(octets)] == octets


@pytest.mark.parametrize("linktype", [PPP, PPP_WITH_DIRECTION])
@pytest.mark.parametrize("seed", range(12))
def test_lost_frames_forge_nothing(tmp_path: Path, seed: int, linktype: int) -> None:
    rng = random.Random(seed)
    windows = rng.choice([(8192, 65535), (8192, 8192)])
    talks = [talk(rng, 1024 + i, windows, turns=40) for i in range(rng.choice([1, 2]))]
    frames = line_frames(mixed(rng, talks), compressors(rng), linktype)
    # What is damaged on the line has a wrong FCS, and is not passed on.
    frames = [frame for frame in frames if rng.random() > 0.05]
    flows = reassemble(pcap(tmp_path / "line.pcap", frames, linktype))
    for flow in flows:
        client = flow.client.port != 80
        data = next(t for t in talks if t.port in (flow.client.port, flow.server.port)).data
        for stream, wanted in zip(flow.streams, data if client else data[::-1], strict=True):
            for _, _, octets in stream.chunks():
                assert octets in wanted


def test_a_snapped_packet_is_not_believed(tmp_path: Path) -> None:
    rng = random.Random(1)
    one = talk(rng, 1024)
    frames = line_frames(one.packets, compressors(rng), PPP_WITH_DIRECTION)
    flows = reassemble(pcap(tmp_path / "line.pcap", frames, PPP_WITH_DIRECTION, snap=60))
    assert flows.capture.unused["not decompressed"] > 0
    for stream, data in zip(flows[0].streams, one.data, strict=True):
        for offset, _, octets in stream.chunks():
            assert data[offset : offset + len(octets)] == octets


def test_payload_lies_in_the_capture_and_headers_are_those_that_were_sent() -> None:
    rng = random.Random(5)
    one = talk(rng, 1024)
    frames = line_frames(one.packets, [Compressor(), Compressor()], PPP_WITH_DIRECTION)
    for options in ({}, {"verify_checksums": True}, {"per_batch": 3}):
        result = decode(frames, PPP_WITH_DIRECTION, **options)  # type: ignore[arg-type]
        assert set(result.reasons) == {Reason.TCP}
        packets = result.packets
        assert [int(frame) for frame in packets.frame] == list(range(len(frames)))
        assert packets.origins is not None
        for row, (_, packet) in zip(range(len(packets)), one.packets, strict=True):
            header, size = int(packets.header[row]), int(packets.data_offset[row])
            assert result.store.read(header, size) == packet[20 : 20 + size]
            length = int(packets.length[row])
            if length:
                found = packets.origins.find(packets.header[row : row + 1] + size)[1]
                place = found[0] if found[0] < 1 << 44 else header + size
                assert result.store.read(int(place), length) == packet[20 + size :]
                assert int(place) >> 44 == 0


def test_the_clock_tells_the_order() -> None:
    rng = random.Random(9)
    talks = [talk(rng, 1024), talk(rng, 1025)]
    packets = mixed(rng, talks)
    frames = list(enumerate(line_frames(packets, compressors(rng), PPP_WITH_DIRECTION)))
    rng.shuffle(frames)
    times = [number * 10**6 for number, _ in frames]
    result = decode([frame for _, frame in frames], PPP_WITH_DIRECTION, times=times)
    assert set(result.reasons) == {Reason.TCP}
    assert [row.payload for row in result.rows] == [packets[number][1][40:] for number, _ in frames]


def test_through_a_tunnel(tmp_path: Path) -> None:
    rng = random.Random(6)
    one = talk(rng, 1024, (8192, 8192))
    compress = [Compressor(), Compressor()]
    frames = []
    for side, packet in one.packets:
        protocol, body = compress[side].send(packet)
        l2tp = struct.pack("!HHH", 2, 3, 4 + side) + b"\xff\3" + struct.pack("!H", protocol) + body
        frame = udp(l2tp, 1701)
        outer = frame[26:30], frame[30:34]
        frames.append(frame[:26] + outer[side] + outer[1 - side] + frame[34:])
    flows = reassemble(pcap(tmp_path / "line.pcap", frames, 1))
    assert pairs(flows) == said([one])


def test_any_bytes_raise_nothing() -> None:
    rng = random.Random(8)
    frames = []
    for _ in range(3000):
        body = rng.randbytes(rng.randrange(60))
        if rng.random() < 0.3:
            body = b"\x45" + body
        frames.append(struct.pack("!H", rng.choice([0x2D, 0x2D, 0x2F, 0x3D])) + body)
    assert not decode(frames, PPP).rows


@pytest.mark.peer
@pytest.mark.parametrize("seed", range(3))
def test_headers_are_those_of_tshark(need_tool: Callable[[str], str], tmp_path: Path, seed: int) -> None:
    # Of several connections, and of the two special changes, tshark 4.0 makes other numbers than were sent.
    rng = random.Random(seed)
    one = talk(rng, 1024)
    senders = [Compressor(special=False), Compressor(special=False)]
    frames = line_frames(one.packets, senders, PPP_WITH_DIRECTION)
    path = pcap(tmp_path / "line.pcap", frames, PPP_WITH_DIRECTION)
    fields = ["srcport", "seq_raw", "ack_raw", "len", "flags", "window_size_value"]
    command = [need_tool("tshark"), "-n", "-r", str(path), "-T", "fields"]
    command += [part for field in fields for part in ("-e", f"tcp.{field}")]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    ours = [
        f"{r.source.split()[1]} {r.sequence} {r.acknowledgment} {r.length} 0x{r.flags:04x} {r.window}".split()
        for r in decode(frames, PPP_WITH_DIRECTION).rows
    ]
    assert ours == [line.split("\t") for line in out]
