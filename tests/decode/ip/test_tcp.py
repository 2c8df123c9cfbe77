from __future__ import annotations

import pytest

from tcpflow_scapy.decode import Reason
from tests.decode.batches import decode
from tests.decode.segments import V4, V6, tcp
from tests.helpers.headers import ethernet, ip_packet


@pytest.mark.parametrize("hosts", [V4, V6])
@pytest.mark.parametrize("words", [0, 1, 4, 7, 15])
def test_a_data_offset_that_cannot_be(hosts: tuple[str, str], words: int) -> None:
    octets = bytearray(tcp(hosts))
    octets[12] = words << 4
    assert decode([ethernet(ip_packet(*hosts, 6, bytes(octets)))]).reasons == [Reason.MALFORMED_TCP]


@pytest.mark.parametrize("hosts", [V4, V6])
def test_a_data_offset_that_takes_all_is_an_empty_segment(hosts: tuple[str, str]) -> None:
    octets = bytearray(tcp(hosts, b"1234"))
    octets[12] = 6 << 4
    result = decode([ethernet(ip_packet(*hosts, 6, bytes(octets)))])
    assert (result.rows[0].length, result.packets.data_offset[0]) == (0, 24)


@pytest.mark.parametrize("hosts", [V4, V6])
def test_all_nine_flags(hosts: tuple[str, str]) -> None:
    octets = bytearray(tcp(hosts))
    octets[12] |= 0x0F  # the reserved bits are not flags, except the last
    octets[13] = 0xFF
    result = decode([ethernet(ip_packet(*hosts, 6, bytes(octets)))])
    assert result.rows[0].flags == 0x1FF


def test_a_header_cut_in_its_options_keeps_its_length() -> None:
    octets = bytearray(tcp(V4, bytes(40) + b"payload"))
    octets[12] = 15 << 4
    frame = ethernet(ip_packet(*V4, 6, bytes(octets)))
    result = decode([frame[:60]], wire=[len(frame)])
    assert (result.rows[0].length, result.rows[0].wire_length) == (0, 7)
    assert result.packets.data_offset[0] == 26
