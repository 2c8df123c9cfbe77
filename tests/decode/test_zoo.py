"""Every road to a TCP segment: as expected, whole and cut, damaged, and as tshark sees it."""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tcpflow_scapy.decode import Reason
from tcpflow_scapy.decode.tables import ETHERTYPES, IP_PROTOCOLS, LINK_TYPES, UDP_PORTS

from .batches import decode
from .segments import PAYLOAD
from .zoo import Specimen, specimens

ZOO = specimens()


@pytest.mark.parametrize("specimen", ZOO, ids=lambda s: s.name)
def test_a_road(specimen: Specimen) -> None:
    result = decode([specimen.frame, specimen.frame + b"trailer"], specimen.linktype)
    assert result.paths == [specimen.path] * 2
    assert [row.payload for row in result.rows] == [PAYLOAD] * 2
    row = result.rows[0]
    assert (row.source, row.destination) == (f"{specimen.hosts[0]} 1024", f"{specimen.hosts[1]} 80")
    assert result.keys == [specimen.key] * 2
    assert result.reasons == [Reason.TCP] * 2


def test_all_roads_in_one_batch() -> None:
    result = decode([s.frame for s in ZOO], [s.linktype for s in ZOO])
    assert result.paths == [s.path for s in ZOO]
    assert [row.frame for row in result.rows] == list(range(len(ZOO)))
    assert {row.payload for row in result.rows} == {PAYLOAD}


@pytest.mark.parametrize("specimen", ZOO, ids=lambda s: s.name)
def test_cut_anywhere(specimen: Specimen) -> None:
    frame = specimen.frame
    cuts = range(len(frame))
    result = decode([frame[:n] for n in cuts], specimen.linktype, wire=[len(frame)] * len(frame))
    for row in result.rows:
        # Whatever was found, it is this segment: cut payload, never other bytes.
        assert row.payload == PAYLOAD[: row.length]
        assert row.wire_length == len(PAYLOAD)
    assert result.rows[-1].length >= len(PAYLOAD) - 1 or frame[-1:] != PAYLOAD[-1:]


def test_damaged_anywhere_raises_nothing() -> None:
    rng = random.Random(7)
    frames, types = [], []
    for specimen in ZOO:
        for _ in range(60):
            octets = bytearray(specimen.frame)
            for _ in range(rng.randint(1, 4)):
                octets[rng.randrange(len(octets))] = rng.choice([0, 255, rng.randrange(256)])
            frames.append(bytes(octets[: rng.choice([len(octets), rng.randrange(len(octets) + 1)])]))
            types.append(specimen.linktype)
    for verify in (False, True):
        result = decode(frames, types, verify_checksums=verify, dissect_limit=50)
        used = {row.frame for row in result.rows}
        assert used == {i for i, reason in enumerate(result.reasons) if reason is Reason.TCP}
        for row in result.rows:
            assert row.length <= len(frames[row.frame])
            assert row.payload in frames[row.frame]


def test_the_tables_are_in_order() -> None:
    for table in (LINK_TYPES, ETHERTYPES, IP_PROTOCOLS, UDP_PORTS):
        assert list(table) == sorted(table)


def test_every_link_layer_has_a_specimen() -> None:
    seen = {s.linktype for s in ZOO}
    layers = {LINK_TYPES[n] for n in seen}
    # Tested beside their files, or the same as a neighbour that is here.
    others = {LINK_TYPES[n] for n in (0, 12, 108, 130, 241, 259, 282, 285)}
    rest = {n for n, layer in LINK_TYPES.items() if layer not in layers | others}
    assert {n for n in rest if not isinstance(LINK_TYPES[n], Reason)} == set()


@pytest.mark.peer
def test_as_tshark_sees_them(need_tool: Callable[[str], str], tmp_path: Path) -> None:
    tshark = need_tool("tshark")
    for linktype in sorted({s.linktype for s in ZOO if s.tshark}):
        group = [s for s in ZOO if s.tshark and s.linktype == linktype]
        path = tmp_path / f"{linktype}.pcap"
        records = [struct.pack("<IIII", 1, 0, len(s.frame), len(s.frame)) + s.frame for s in group]
        path.write_bytes(
            struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, linktype) + b"".join(records)
        )
        fields = ["ip.src", "ipv6.src", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.len"]
        command = [tshark, "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=l"]
        command += [part for field in fields for part in ("-e", field)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for specimen, line in zip(group, out.splitlines(), strict=True):
            four, six, *rest = line.split("\t")
            assert (specimen.name, rest) == (specimen.name, ["1024", "80", "1", str(len(PAYLOAD))])
            assert specimen.hosts[0] == (six if ":" in specimen.hosts[0] else four)
