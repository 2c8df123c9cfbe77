"""What protocol a flow speaks, by its first bytes and not by its ports.

A table of signatures for each side; every one that fits votes with its confidence, and sides that agree
strengthen each other. A vote says what the bytes look like, no more: nothing is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

LOOK = 512
"""Bytes of each side that decide."""

Who = Literal["client", "server", "either"]


class Vote(NamedTuple):
    """How strongly a side's first bytes speak for a protocol."""

    name: str
    who: Who
    pattern: re.Pattern[bytes]
    confidence: float


class Guess(NamedTuple):
    """The protocol with the most votes; an empty name if nothing fits."""

    name: str
    confidence: float
    """0 to 1"""


def _vote(name: str, who: Who, pattern: bytes, confidence: float) -> Vote:
    return Vote(name, who, re.compile(pattern, re.S), confidence)


_MYSQL_GREETING = rb".{3}\x00[\x09\x0a][0-9][ -~]{2,60}\x00.{8}"
_FTP = rb"(?:USER|AUTH|FEAT|SYST|OPTS|PASV|EPSV)\b"

VOTES: tuple[Vote, ...] = (
    _vote("http", "client", rb"\r?\n?[A-Z][A-Z_-]{1,24} \S[^\r\n]* HTTP/1\.[01]\r?\n", 0.99),
    _vote(
        "http",
        "client",
        rb"(?:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH|CONNECT|PROPFIND) [/*h\w][^\r\n]*(?:\r?\n){0,2}\Z",
        0.7,
    ),
    _vote("http", "server", rb"\r?\n?HTTP/1\.[01] \d{3}[ \r\n]", 0.99),
    _vote("http", "server", rb"ICY \d{3} ", 0.8),
    _vote("http2", "client", rb"PRI \* HTTP/2\.0\r\n", 1.0),
    _vote("http2", "server", rb"\x00[\x00-\x40].\x04\x00\x00\x00\x00\x00", 0.6),
    _vote("tls", "either", rb"\x16\x03[\x00-\x04].{2}[\x01\x02]\x00", 0.97),
    _vote("tls", "client", rb"[\x80-\x81].\x01\x03[\x00-\x03]", 0.8),  # SSLv2 hello
    _vote("tls", "either", rb"[\x14\x15\x17]\x03[\x00-\x03][\x00-\x40].", 0.8),  # begun in the middle
    _vote("ssh", "either", rb"SSH-(?:1\.\d+|2\.0)-", 1.0),
    _vote("smtp", "server", rb"220[ -][^\r\n]*(?:E?SMTP|[Mm]ail|Postfix|Exim)", 0.95),
    _vote("smtp", "client", rb"(?:EHLO|HELO|LHLO) ", 0.95),
    _vote("ftp", "server", rb"220[ -][^\r\n]*(?:FTP|ftp|FileZilla|Pure-FTPd)", 0.95),
    _vote("ftp", "client", _FTP, 0.6),
    _vote("ftp", "server", rb"220[ -]", 0.3),
    _vote("smtp", "server", rb"220[ -]", 0.3),
    _vote("pop3", "server", rb"\+OK(?: |\r\n)", 0.6),
    _vote("pop3", "client", rb"(?:CAPA|USER [^\r\n]+|STLS|APOP )\r?\n?", 0.4),
    _vote("imap", "server", rb"\* (?:OK|PREAUTH|BYE)[ \r]", 0.85),
    _vote("imap", "client", rb"[A-Za-z0-9.]{1,12} (?:CAPABILITY|LOGIN|STARTTLS|ID|AUTHENTICATE)\b", 0.85),
    _vote("nntp", "server", rb"20[01] [^\r\n]*(?:NNTP|News|news)", 0.9),
    _vote("irc", "client", rb"(?:(?:PASS|CAP) [^\r\n]*\r?\n)?(?:NICK [^\r\n]+|USER \S+ \S+ \S+ :)", 0.8),
    _vote("irc", "server", rb":[^\s]+ (?:NOTICE|001|020|433) ", 0.85),
    _vote("sip", "either", rb"(?:[A-Z]{3,12} sips?:\S+ SIP/2\.0|SIP/2\.0 \d{3} )", 0.99),
    _vote("rtsp", "either", rb"(?:[A-Z_]{4,16} \S+ RTSP/1\.0|RTSP/1\.0 \d{3} )", 0.99),
    _vote("telnet", "either", rb"(?:\xff[\xfb-\xfe].){2}", 0.9),
    _vote("redis", "client", rb"\*\d{1,4}\r\n\$\d{1,9}\r\n", 0.95),
    _vote("redis", "client", rb"(?:PING|INFO|AUTH [^\r\n]+|SELECT \d+|KEYS [^\r\n]+)\r\n", 0.5),
    _vote("redis", "server", rb"(?:\+PONG|\+OK|-ERR [^\r\n]*|-NOAUTH[^\r\n]*|\$\d{1,9}|:\d+|\*\d+)\r\n", 0.5),
    _vote("memcached", "client", rb"(?:get|gets|set|add|stats|version|incr|delete)\b[ -~]*\r\n", 0.6),
    _vote("memcached", "server", rb"(?:VALUE \S+ \d+ \d+|STAT \S+ |STORED|NOT_FOUND|END|VERSION )", 0.6),
    _vote("mysql", "server", _MYSQL_GREETING, 0.95),
    _vote("postgresql", "client", rb"\x00\x00[\x00-\x0f].\x00\x03\x00\x00[a-z_]+\x00", 0.97),
    _vote("postgresql", "client", rb"\x00\x00\x00\x08\x04\xd2\x16[\x2e-\x30]", 0.97),
    _vote("postgresql", "server", rb"R\x00\x00\x00[\x08-\xff]\x00\x00\x00", 0.7),
    _vote("mongodb", "client", rb".{2}[\x00-\x02]\x00.{8}(?:\xd4\x07|\xdd\x07|\xdc\x07)\x00\x00", 0.9),
    _vote("mssql", "client", rb"\x12\x01\x00.\x00\x00[\x00\x01]\x00", 0.9),
    _vote("oracle", "client", rb"\x00.\x00\x00\x01\x00\x00\x00\x01[\x2c-\x3f]", 0.9),
    _vote("cassandra", "client", rb"[\x03-\x05][\x00-\x1f]..[\x01\x05\x0f]\x00\x00", 0.4),
    _vote("smb", "either", rb"\x00[\x00\x01]..(?:\xff|\xfe|\xfd|\xfc)SMB", 0.99),
    _vote("netbios", "client", rb"\x81\x00\x00\x44\x20", 0.95),
    _vote("dcerpc", "either", rb"\x05[\x00\x01][\x00-\x14][\x00-\x7f](?:\x10|\x00)\x00\x00\x00", 0.9),
    _vote(
        "ldap",
        "client",
        rb"\x30(?:[\x05-\x7f]|\x81.|\x82..|\x84.{4})\x02[\x01-\x04].{1,4}[\x60\x63\x77]",
        0.9,
    ),
    _vote("kerberos", "either", rb"\x00\x00[\x00-\x3f].[\x6a-\x6f\x7e]\x82", 0.9),
    _vote(
        "rdp",
        "client",
        rb"\x03\x00\x00.[\x0e-\xff]\xe0\x00\x00..\x00(?:Cookie: |\x01[\x00-\x0f]\x08\x00)",
        0.97,
    ),
    _vote("s7comm", "either", rb"\x03\x00\x00.\x02\xf0\x80\x32[\x01-\x07]", 0.97),
    _vote("tpkt", "either", rb"\x03\x00[\x00-\x40].[\x02-\x7f][\xc0-\xf0]", 0.6),
    _vote("modbus", "either", rb"..\x00\x00\x00[\x02-\xfe][\x00-\xff][\x01-\x18\x2b]", 0.4),
    _vote("dnp3", "either", rb"\x05\x64[\x05-\xff]", 0.85),
    _vote("mqtt", "client", rb"\x10[\x0c-\xff]{1,4}\x00(?:\x04MQTT[\x03-\x05]|\x06MQIsdp\x03)", 0.99),
    _vote("amqp", "client", rb"AMQP[\x00-\x03]", 0.99),
    _vote("kafka", "client", rb"\x00\x00..\x00[\x00-\x43]\x00[\x00-\x11].{4}\x00[\x01-\x40][ -~]", 0.5),
    _vote("vnc", "either", rb"RFB 00\d\.00\d\n", 1.0),
    _vote("x11", "client", rb"(?:l\x00\x0b\x00\x00\x00|B\x00\x00\x0b\x00\x00)", 0.95),
    _vote("bittorrent", "either", rb"\x13BitTorrent protocol", 1.0),
    _vote("socks5", "client", rb"\x05[\x01-\x05][\x00-\x03\x80-\x85]{1,5}\Z", 0.6),
    _vote("socks4", "client", rb"\x04[\x01\x02].{6}[ -~]*\x00", 0.6),
    _vote("rtmp", "client", rb"[\x03\x06].{4}(?:\x00{4}|[\x01-\x80].{3})", 0.3),
    _vote("xmpp", "either", rb"(?:<\?xml [^>]*>\s*)?<stream:stream ", 0.97),
    _vote("rsync", "either", rb"@RSYNCD: \d+", 1.0),
    _vote("git", "client", rb"[0-9a-f]{4}git-(?:upload|receive)-pack ", 0.99),
    _vote("svn", "server", rb"\( success \( \d \d \(", 0.97),
    _vote("bgp", "either", rb"\xff{16}\x00.[\x01-\x05]", 0.99),
    _vote("finger", "client", rb"(?:/W ?)?[\w.-]{1,32}\r\n\Z", 0.1),
    _vote("whois", "server", rb"%[^\n]*(?:WHOIS|RIPE|whois)", 0.8),
    _vote("adb", "either", rb"CNXN\x00\x00\x00\x01", 0.99),
    _vote("diameter", "either", rb"\x01\x00[\x00-\x40].[\x00-\xf0]\x00\x01[\x00-\x1f]", 0.5),
    _vote("stun", "client", rb"\x00[\x01\x03]..\x21\x12\xa4\x42", 0.97),
    _vote("zookeeper", "client", rb"(?:ruok|stat|srvr|mntr|conf|envi)\Z", 0.7),
)
"""Regular expressions that the first bytes of a side must begin with."""


def _dns(data: bytes) -> float:
    """DNS over TCP (RFC 1035, 4.2.2): a length, then a header that makes sense."""
    if len(data) < 14:
        return 0.0
    length = int.from_bytes(data[:2], "big")
    flags = int.from_bytes(data[4:6], "big")
    questions, answers, authorities, additional = (
        int.from_bytes(data[i : i + 2], "big") for i in (6, 8, 10, 12)
    )
    opcode, zero = flags >> 11 & 15, flags >> 6 & 1
    if (
        length < 12
        or opcode > 6
        or zero
        or questions > 8
        or max(authorities, additional) > 500
        or answers > 5000
    ):
        return 0.0
    if questions + answers == 0:
        return 0.0
    # The name that comes next: labels of at most 63 bytes.
    if len(data) == 14:
        return 0.5
    return 0.9 if data[14] <= 63 else 0.0


FUNCTIONS: tuple[tuple[str, Callable[[bytes], float]], ...] = (("dns", _dns),)
"""What takes more than an expression."""


def identify(client: bytes, server: bytes) -> Guess:
    """The protocol that the first bytes of both sides speak for.

    Parameters
    ----------
    client, server : bytes
        What each side said first, up to `LOOK` bytes; either may be empty.
    """
    heads = {"client": client[:LOOK], "server": server[:LOOK]}
    scores: dict[str, dict[str, float]] = {}
    for name, who, pattern, confidence in VOTES:
        for side in ("client", "server") if who == "either" else (who,):
            if heads[side] and pattern.match(heads[side]):
                votes = scores.setdefault(name, {})
                votes[side] = max(votes.get(side, 0.0), confidence)
    for name, function in FUNCTIONS:
        for side, head in heads.items():
            if confidence := function(head):
                scores.setdefault(name, {})[side] = confidence
    best = Guess("", 0.0)
    for name, votes in scores.items():
        doubt = 1.0
        for confidence in votes.values():
            doubt *= 1.0 - confidence
        if 1.0 - doubt > best.confidence:
            best = Guess(name, 1.0 - doubt)
    return best
