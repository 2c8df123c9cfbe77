"""One small TCP segment in IP, to be wrapped into whatever a test is about."""

from __future__ import annotations

from tests.helpers.headers import ip_packet, tcp_segment

V4 = ("10.0.0.1", "10.0.0.2")
V6 = ("2001:db8::1", "2001:db8::2")

PAYLOAD = b"hello"


def tcp(hosts: tuple[str, str] = V4, payload: bytes = PAYLOAD, *, seq: int = 1) -> bytes:
    """TCP header and payload, from port 1024 to port 80."""
    return tcp_segment((hosts[0], 1024), (hosts[1], 80), seq, 2, 0x18, payload)


def packet(hosts: tuple[str, str] = V4, payload: bytes = PAYLOAD, *, seq: int = 1) -> bytes:
    """An IP packet of either version."""
    return ip_packet(*hosts, 6, tcp(hosts, payload, seq=seq))
