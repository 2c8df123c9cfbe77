from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy.protocols.identify import FUNCTIONS, VOTES, Guess, identify

HELLO = bytes.fromhex("160301020001 0001fc0303".replace(" ", "")) + bytes(60)
SERVER_HELLO = bytes.fromhex("160303007a020000760303") + bytes(60)
QUERY = bytes.fromhex(
    "001d 1234 0100 0001 0000 0000 0000 07 6578616d706c65 03 6f7267 00 0001 0001".replace(" ", "")
)


@pytest.mark.parametrize(
    ("client", "server", "name"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", "http"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"", "http"),
        (b"", b"HTTP/1.0 404 Not Found\r\n\r\n", "http"),
        (b"GET /a/very/long/target", b"", "http"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0\0\x12\x04\0\0\0\0\0", "http2"),
        (HELLO, SERVER_HELLO, "tls"),
        (b"\x17\x03\x03\x00\x20" + bytes(32), b"\x17\x03\x03\x00\x20" + bytes(32), "tls"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
        (b"EHLO me\r\n", b"220 mx.example.org ESMTP Postfix\r\n", "smtp"),
        (b"EHLO me\r\n", b"220 hello\r\n", "smtp"),
        (b"USER anonymous\r\n", b"220 hello\r\n", "ftp"),
        (b"", b"220 (vsFTPd 3.0.3)\r\n", "ftp"),
        (b"CAPA\r\n", b"+OK ready\r\n", "pop3"),
        (b"a1 CAPABILITY\r\n", b"* OK IMAP4rev1\r\n", "imap"),
        (b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n", "redis"),
        (b"PING\r\n", b"+PONG\r\n", "redis"),
        (QUERY, QUERY, "dns"),
        (b"", b"\x4a\0\0\0\x0a8.0.36\0" + bytes(20), "mysql"),
        (b"\0\0\0\x08\x04\xd2\x16\x2f", b"S", "postgresql"),
        (b"\0\0\0\x54\xfeSMB@\0" + bytes(60), b"", "smb"),
        (b"\x03\0\0\x2b\x26\xe0\0\0\0\0\0Cookie: mstshash=x\r\n", b"", "rdp"),
        (b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02id", b"\x20\x02\0\0", "mqtt"),
        (b"RFB 003.008\n", b"RFB 003.008\n", "vnc"),
        (b"\x13BitTorrent protocol" + bytes(8), b"", "bittorrent"),
        (b"\xff" * 16 + b"\0\x1d\x01\x04", b"", "bgp"),
        (b"OPTIONS rtsp://x/ RTSP/1.0\r\n", b"RTSP/1.0 200 OK\r\n", "rtsp"),
        (b"REGISTER sip:x SIP/2.0\r\n", b"", "sip"),
        (b"NICK me\r\nUSER me 0 * :me\r\n", b":irc.x NOTICE * :hi\r\n", "irc"),
        (b"\xff\xfd\x18\xff\xfd\x20", b"\xff\xfb\x18\xff\xfb\x20", "telnet"),
        (b"0032git-upload-pack /x\0host=y\0", b"", "git"),
    ],
)
def test_protocols(client: bytes, server: bytes, name: str) -> None:
    assert identify(client, server).name == name


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 40, b"hello there, how are you?", b"\x89PNG\r\n\x1a\n", bytes(range(60))]
)
def test_what_is_nothing_known_has_little_confidence(data: bytes) -> None:
    assert identify(data, data).confidence < 0.8


def test_nothing_said() -> None:
    assert identify(b"", b"") == Guess("", 0.0)


def test_sides_that_agree_strengthen_each_other() -> None:
    both = identify(b"PING\r\n", b"+PONG\r\n").confidence
    assert both > identify(b"PING\r\n", b"").confidence


def test_table_is_in_order() -> None:
    assert len({vote.name for vote in VOTES} | {name for name, _ in FUNCTIONS}) > 40
    for vote in VOTES:
        assert re.fullmatch(r"[a-z0-9]+", vote.name)
        assert 0 < vote.confidence <= 1
        assert not vote.pattern.match(b"")


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_give_an_answer(client: bytes, server: bytes) -> None:
    assert 0 <= identify(client, server).confidence <= 1
