"""A capture in which everything that a sender, or the one who named the file, can choose is hostile text."""

from __future__ import annotations

from pathlib import Path

from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.l2 import Ether

from tests.capture.made import Frame, epb, idb, shb
from tests.helpers.traffic import Capture, Conversation

NAME = "\x1b]0;t\x07[red]<img src=x onerror=y>$n^2$\u202e\r\x9bname\udc9b.pcapng"
"""of the file: a terminal's title, rich's markup, HTML, mathematics, direction, a lone CR, no UTF-8"""

TEXT = "\x1b[2J[bold]<script>x</script>&lt;$t^2$\u202e\u200b\x9b\x85\x07\x00end"
"""on the wire, where a line feed would end it"""
WIRE = TEXT.encode()
LOOSE = WIRE + b"\rover\tmore\n\xff\xfe\r\n"


def _http() -> Conversation:
    talk = Conversation("10.0.0.1:1024", "10.0.0.2:80")
    talk.handshake()
    body = b'--b\r\nContent-Disposition: form-data; name="' + WIRE + b'"; filename="' + WIRE + b'"\r\n'
    body += b"Content-Type: " + WIRE + b"\r\n\r\n" + LOOSE + b"\r\n--b--\r\n"
    head = [
        b"POST /" + WIRE.replace(b" ", b"") + b" HTTP/1.1",
        b"Host: " + WIRE,
        b"User-Agent: " + WIRE,
        b"Referer: " + WIRE,
        b"X-" + WIRE.replace(b":", b"") + b": " + WIRE,
        b"Content-Type: multipart/form-data; boundary=b; charset=" + WIRE,
        b"Content-Length: %d" % len(body),
    ]
    talk.client(b"\r\n".join(head) + b"\r\n\r\n" + body)
    head = [
        b"HTTP/1.1 200 " + WIRE,
        b"Server: " + WIRE,
        b"Location: " + WIRE,
        b"Content-Type: text/" + WIRE,
        b"Content-Encoding: " + WIRE,
        b'Content-Disposition: attachment; filename="' + WIRE + b'"',
        b"Upgrade: " + WIRE,
        b"Content-Length: %d" % len(LOOSE),
    ]
    talk.server(b"\r\n".join(head) + b"\r\n\r\n" + LOOSE)
    talk.client(b"GET /next HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: " + WIRE + b"\r\n\r\n")
    talk.server(b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: " + WIRE + b"\r\n\r\n" + LOOSE)
    talk.close()
    return talk


def _loose() -> Conversation:
    """Text of no protocol, with a gap, a retransmission, and another version of the same bytes."""
    talk = Conversation("10.0.0.3:1024", "10.0.0.2:7")
    talk.handshake()
    talk.client(LOOSE)
    talk.client(LOOSE, at=0)
    talk.client(LOOSE[::-1], at=0)
    for side in ("client", "server"):
        talk.send(side, LOOSE)
        talk.send(side, b"lost")
        talk.lose()
        talk.send(side, LOOSE)
    return talk


def _more() -> list[bytes]:
    """Datagrams, and fragments that contradict each other."""
    ends = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02"), IP(src="10.0.0.4", dst="10.0.0.2", id=7)
    whole = ends[1] / TCP(sport=9, dport=9, flags="PA", seq=1) / (LOOSE * 3)
    parts = [bytes(ends[0] / part) for part in fragment(whole, 48)]
    other = bytearray(parts[1])
    other[-8:] = WIRE[:8]
    said = ends[0] / IP(src="10.0.0.5", dst="10.0.0.2") / UDP(sport=4000, dport=4001) / LOOSE
    return [bytes(said), parts[0], parts[1], bytes(other), *parts[2:]]


def hostile_capture(folder: Path) -> Path:
    """The file, in a folder; its last block is cut short."""
    frames = [frame.to_bytes(1) for frame in Capture(_http(), _loose())]
    options = [(2, WIRE), (3, WIRE)]
    blocks = [shb("<", (4, WIRE)), idb(1, 0, *options)]
    blocks += [
        epb(Frame(data, 1_700_000_000_000_000_000 + 1000 * n), 0, (1, WIRE))
        for n, data in enumerate(frames + _more())
    ]
    path = folder / NAME
    path.write_bytes(b"".join(blocks)[:-7])
    return path
