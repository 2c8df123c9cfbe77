from __future__ import annotations

import struct

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import PAYLOAD, packet
from tests.decode.zoo import MACS, SNAP, udp, wlan

LLC = SNAP + b"\x08\0" + packet()


def test_what_is_no_data_is_said_so() -> None:
    frames = [
        wlan(0x80, 0, bytes(40)),  # beacon
        b"\xd4\0" + bytes(8),  # acknowledgment, shorter than a data header
        wlan(0x48, 1, b""),  # no data
        wlan(0xC8, 1, b"", qos=b"\0\0"),
    ]
    assert decode(frames, 105).reasons == [Reason.NOT_DATA] * 4


def test_encrypted_fragmented_and_cut_frames() -> None:
    frames = [
        wlan(8, 0x41, bytes(60)),
        wlan(0x88, 5, LLC, qos=b"\x80\0"),  # an aggregate is never cut
        wlan(8, 1, LLC)[:22] + b"\1\0" + LLC,
        wlan(8, 0x45, bytes(60)),
        wlan(8, 1, LLC)[:20],
    ]
    assert decode(frames, 105).reasons == [
        Reason.ENCRYPTED,
        Reason.FRAGMENT,
        Reason.FRAGMENT,
        Reason.ENCRYPTED,
        Reason.TRUNCATED_LINK,
    ]


def test_an_aggregate_holds_several_segments() -> None:
    parts = [SNAP + b"\x08\0" + packet(seq=i, payload=b"x" * i) for i in range(4)]
    body = b"".join(MACS + struct.pack("!H", len(p)) + p + bytes(-(14 + len(p)) % 4) for p in parts)
    result = decode([wlan(0x88, 2, body, qos=b"\x80\0"), wlan(8, 2, LLC)], 105)
    assert [(row.frame, row.sequence, row.length) for row in result.rows] == [
        *((0, i, i) for i in range(4)),
        (1, 1, len(PAYLOAD)),
    ]


def test_aggregates_of_nothing_end() -> None:
    frame = wlan(0x88, 2, bytes(14 * 200), qos=b"\x80\0")
    assert not decode([frame], 105).rows


def test_mesh_control_only_where_it_can_be_one() -> None:
    frames = [
        wlan(0x88, 2, LLC, qos=b"\0\1"),
        wlan(0x88, 1, b"\0\x1f" + bytes(4) + LLC, qos=b"\0\1"),  # to an access point: no mesh
        wlan(0x88, 2, b"\3\x1f" + bytes(22) + LLC, qos=b"\0\1"),  # a reserved number of addresses
        wlan(0x88, 2, b"\0\x1f" + bytes(4) + LLC, qos=b"\0\0"),
    ]
    assert decode(frames, 105).reasons == [Reason.TCP, *[Reason.OTHER_ETHERTYPE] * 3]


def test_sequence_control_of_a_swapped_header() -> None:
    head = struct.pack("!BBHI", 0, 2 << 3, 1 << 9 | 0x100, 0)
    for control, rows in ((b"\x76\x30", 1), (b"\x30\x76", 1), (b"\x76\x31", 0)):
        frame = wlan(1, 8, LLC)
        frame = frame[:22] + control + frame[24:]
        assert len(decode([udp(head + frame, 5247)]).rows) == rows
