"""Headers as bytes: TCP, IPv4, IPv6, link layers, a few tunnels. Lengths and checksums come out right.

What must not be here: anything of the package. The tests need a second opinion.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence
from functools import cache

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE = (1 << i for i in range(9))

Endpoint = tuple[str, int]

CLIENT_MAC = bytes.fromhex("020000000001")
SERVER_MAC = bytes.fromhex("020000000002")


def endpoint(value: str | Endpoint) -> Endpoint:
    """``"10.0.0.1:80"``, ``"[2001:db8::1]:80"`` or a pair, as a pair."""
    if not isinstance(value, str):
        return value
    host, _, port = value.rpartition(":")
    return str(ipaddress.ip_address(host.strip("[]"))), int(port)


@cache
def packed(address: str) -> bytes:
    """The 4 or 16 bytes of an address."""
    return ipaddress.ip_address(address).packed


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp_segment(
    source: Endpoint,
    destination: Endpoint,
    sequence: int,
    acknowledgment: int,
    flags: int,
    payload: bytes = b"",
    *,
    window: int = 65535,
    urgent: int = 0,
    options: bytes = b"",
    bad_checksum: bool = False,
) -> bytes:
    """A TCP header with its payload (RFC 9293, 3.1). Options are padded with end-of-list to 4 bytes."""
    options += b"\0" * (-len(options) % 4)
    words = 5 + len(options) // 4
    header = struct.pack(
        "!HHIIHHHH",
        source[1],
        destination[1],
        sequence & 0xFFFFFFFF,
        acknowledgment & 0xFFFFFFFF,
        words << 12 | flags & 0x1FF,
        window,
        0,
        urgent,
    )
    segment = header + options + payload
    a, b = packed(source[0]), packed(destination[0])
    length = len(segment) if len(segment) < 1 << 16 else 0
    pseudo = (
        struct.pack("!BBH", 0, 6, length) if len(a) == 4 else struct.pack("!IBBBB", len(segment), 0, 0, 0, 6)
    )
    value = checksum(a + b + pseudo + segment) ^ (0x5555 if bad_checksum else 0)
    return segment[:16] + struct.pack("!H", value) + segment[18:]


def ipv4_packet(
    source: str,
    destination: str,
    protocol: int,
    payload: bytes,
    *,
    identification: int = 0,
    ttl: int = 64,
    total_length: int | None = None,
    fragment_offset: int = 0,
    more_fragments: bool = False,
    options: bytes = b"",
) -> bytes:
    """An IPv4 packet (RFC 791). `fragment_offset` in bytes; `total_length` when it shall be a lie."""
    options += b"\0" * (-len(options) % 4)
    length = 20 + len(options) + len(payload) if total_length is None else total_length
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x45 + len(options) // 4,
        0,
        length & 0xFFFF,
        identification,
        more_fragments << 13 | fragment_offset // 8,
        ttl,
        protocol,
        0,
        packed(source),
        packed(destination),
    )
    header += options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6_packet(
    source: str,
    destination: str,
    protocol: int,
    payload: bytes,
    *,
    hop_limit: int = 64,
    payload_length: int | None = None,
    extensions: bytes = b"",
    next_header: int | None = None,
) -> bytes:
    """An IPv6 packet (RFC 8200). `extensions`: ready-made header bytes, the first of kind `next_header`."""
    length = len(extensions) + len(payload) if payload_length is None else payload_length
    first = protocol if next_header is None else next_header
    return (
        struct.pack("!IHBB", 6 << 28, length & 0xFFFF, first, hop_limit)
        + packed(source)
        + packed(destination)
        + extensions
        + payload
    )


def ip_packet(source: str, destination: str, protocol: int, payload: bytes) -> bytes:
    """IPv4 or IPv6, as the addresses say."""
    build = ipv4_packet if ":" not in source else ipv6_packet
    return build(source, destination, protocol, payload)


def ip_fragments(packet: bytes, size: int, *, identification: int = 1) -> list[bytes]:
    """An IPv4 packet without options cut into fragments of `size` payload bytes (a multiple of 8)."""
    header, payload = packet[:20], packet[20:]
    source, destination = (str(ipaddress.ip_address(header[i : i + 4])) for i in (12, 16))
    return [
        ipv4_packet(
            source,
            destination,
            header[9],
            payload[at : at + size],
            identification=identification,
            fragment_offset=at,
            more_fragments=at + size < len(payload),
        )
        for at in range(0, len(payload), size)
    ]


def udp_packet(source: Endpoint, destination: Endpoint, payload: bytes) -> bytes:
    """A UDP datagram in IP, without checksum (RFC 768)."""
    header = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0)
    return ip_packet(source[0], destination[0], 17, header + payload)


def gre_packet(source: str, destination: str, inner: bytes, key: int | None = None) -> bytes:
    """An IP packet in GRE in IP (RFC 2784, 2890)."""
    ethertype = 0x86DD if inner[0] >> 4 == 6 else 0x0800
    header = struct.pack("!HH", 0 if key is None else 0x2000, ethertype)
    if key is not None:
        header += struct.pack("!I", key)
    return ip_packet(source, destination, 47, header + inner)


def vxlan_packet(source: Endpoint, destination: Endpoint, inner_frame: bytes, vni: int) -> bytes:
    """An Ethernet frame in VXLAN in UDP (RFC 7348)."""
    return udp_packet(source, destination, struct.pack("!II", 8 << 24, vni << 8) + inner_frame)


def ethernet(packet: bytes, vlans: Sequence[int] = (), ethertype: int | None = None) -> bytes:
    """An Ethernet II frame; two and more tags begin with an 802.1ad one."""
    kind = ethertype if ethertype is not None else 0x86DD if packet[0] >> 4 == 6 else 0x0800
    frame = SERVER_MAC + CLIENT_MAC
    for depth, vlan in enumerate(vlans):
        frame += struct.pack("!HH", 0x88A8 if depth == 0 and len(vlans) > 1 else 0x8100, vlan)
    return frame + struct.pack("!H", kind) + packet


def link_frame(linktype: int, packet: bytes, vlans: Sequence[int] = ()) -> bytes:
    """An IP packet as a frame of that LINKTYPE: 0, 1, 12, 14, 101, 108, 113, 228, 229 or 276."""
    six = packet[0] >> 4 == 6
    kind = 0x86DD if six else 0x0800
    if linktype == 1:
        return ethernet(packet, vlans)
    if vlans:
        raise ValueError(f"no VLAN tags on link type {linktype}")
    if linktype == 0:
        return struct.pack("<I", 24 if six else 2) + packet
    if linktype == 108:
        return struct.pack("!I", 24 if six else 2) + packet
    if linktype == 113:
        return struct.pack("!HHH8sH", 0, 1, 6, CLIENT_MAC, kind) + packet
    if linktype == 276:
        return struct.pack("!HHIHBB8s", kind, 0, 1, 1, 0, 6, CLIENT_MAC) + packet
    if linktype in (12, 14, 101, 228, 229):
        return packet
    raise ValueError(f"link type {linktype} is not known here")


def option_mss(value: int) -> bytes:
    """Maximum segment size (RFC 9293, 3.2)."""
    return struct.pack("!BBH", 2, 4, value)


def option_window_scale(shift: int) -> bytes:
    """Window scale (RFC 7323, 2), with a NOP in front."""
    return struct.pack("!BBBB", 1, 3, 3, shift)


def option_sack_permitted() -> bytes:
    """SACK permitted (RFC 2018, 2), with two NOPs in front."""
    return b"\1\1\4\2"


def option_sack(*blocks: tuple[int, int]) -> bytes:
    """SACK blocks as absolute sequence numbers, half open (RFC 2018, 3)."""
    numbers = [n & 0xFFFFFFFF for block in blocks for n in block]
    return b"\1\1" + struct.pack(f"!BB{len(numbers)}I", 5, 2 + 4 * len(numbers), *numbers)


def option_timestamps(value: int, echo: int) -> bytes:
    """Timestamps (RFC 7323, 3), with two NOPs in front."""
    return b"\1\1" + struct.pack("!BBII", 8, 10, value, echo)
