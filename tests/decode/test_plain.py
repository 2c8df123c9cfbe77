from __future__ import annotations

from tcpflow_scapy.decode import Reason
from tests.helpers.headers import ethernet, ipv4_packet, udp_packet

from .batches import decode
from .segments import V4, V6, packet, tcp


def test_what_does_not_fit_goes_the_long_way() -> None:
    odd = [
        ethernet(packet(V6)),
        ethernet(packet(), (5,)),
        ethernet(ipv4_packet(*V4, 6, tcp(), options=b"\1" * 8)),
        ethernet(udp_packet((V4[0], 1), (V4[1], 2), b"x")),
        ethernet(packet())[:40],
        ethernet(ipv4_packet(*V4, 6, tcp(), total_length=0)),
        ethernet(ipv4_packet(*V4, 6, tcp(), more_fragments=True)),
        b"",
    ]
    frames = [frame for one in odd for frame in (ethernet(packet()), one)]
    result = decode(frames, wire=[len(f) or 60 for f in frames])
    assert result.reasons[::2] == [Reason.TCP] * len(odd)
    assert result.reasons[1::2] == [
        Reason.TCP,
        Reason.TCP,
        Reason.TCP,
        Reason.UDP,
        Reason.TRUNCATED_TCP,
        Reason.TCP,
        Reason.TCP,  # a first fragment whose rest never came
        Reason.EMPTY,
    ]
    assert [row.frame for row in result.rows] == sorted(row.frame for row in result.rows)


def test_a_batch_that_is_not_plain_at_its_sampled_places_is_decoded_all_the_same() -> None:
    frames = [ethernet(packet(seq=i), (5,) if i % 3 == 0 else ()) for i in range(300)]
    assert [row.sequence for row in decode(frames).rows] == list(range(300))


def test_filtered_frames_are_not_looked_at() -> None:
    frames = [ethernet(packet(seq=i)) for i in range(6)]
    result = decode(frames, selected=[False, True, True, False, False, True])
    assert [row.sequence for row in result.rows] == [1, 2, 5]
