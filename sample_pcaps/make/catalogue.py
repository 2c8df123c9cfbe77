"""All samples: the one list. A new sample is a function and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import loopback, memory, roads, samples
from .lab import Lab
from .truth import Story


class NotShownError(RuntimeError):
    """A capture came out without what it is for: chance has a part in losses."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A capture and what it is for."""

    file: str
    make: Callable[[Lab], None]
    shows: str
    """what there is to see"""
    how: str
    """programs, and what happened on the way"""
    flows: int
    """TCP connections in it"""
    wants: tuple[str, ...] = ()
    """what the truth must contain: causes of gaps, ``conflict``"""

    def check(self, stories: list[Story]) -> None:
        """Refuse a capture that came out without what it is for.

        Raises
        ------
        NotShownError
            With what it shows and what it should.
        """
        streams = [story[side] for story in stories for side in ("client_stream", "server_stream")]
        found = {gap[2] for stream in streams for gap in stream["gaps"]}
        found |= {"conflict" for stream in streams if stream["conflicts"]}
        found |= {"midstream" for stream in streams if stream["starts_at"]}
        if len(stories) != self.flows:
            raise NotShownError(f"{self.file}: {len(stories)} flows instead of {self.flows}")
        if found != set(self.wants):
            raise NotShownError(f"{self.file}: shows {sorted(found)} instead of {sorted(self.wants)}")


SAMPLES: tuple[Sample, ...] = (
    Sample(
        "mem.pcap",
        memory.memory,
        "packets carved from memory: no order, no times, many missing, some twice, some cut short; "
        "a page, two pictures, a form, a chat, Redis, TLS",
        "nginx, redis-server, openssl s_server, nc; curl, redis-cli, openssl s_client, nc; captured, then "
        "some frames of the downloads and a third of those of TLS thrown away, others doubled, "
        "a few cut, all shuffled and dated 0",
        7,
        ("not_captured", "truncated"),
    ),
    Sample(
        "http_ipv4.pcap",
        samples.http_ipv4,
        "HTTP/1.1 with keep-alive, gzip in chunks, a picture, a form, a 404",
        "nginx, curl",
        3,
    ),
    Sample(
        "http_ipv6.pcap",
        samples.http_ipv6,
        "HTTP over IPv6; times in nanoseconds",
        "Python's http.server, curl",
        3,
    ),
    Sample(
        "tls.pcap",
        samples.tls,
        "TLS 1.3 and TLS 1.2; secrets in `tls.keys`",
        "openssl s_server, openssl s_client",
        2,
    ),
    Sample(
        "redis.pcap",
        samples.redis,
        "a Redis conversation; frames padded to 60 bytes; big-endian file",
        "redis-server, redis-cli",
        1,
    ),
    Sample(
        "loss_reordering.pcap",
        samples.loss_reordering,
        "retransmissions, segments out of order, duplicate ACKs with SACK",
        "Python's http.server, curl; 3 % lost before the capture, 3 % behind it, 6 % of the data overtaken",
        2,
    ),
    Sample(
        "duplicates.pcap",
        samples.duplicates,
        "every frame twice, a third of the copies with one hop less and other MAC addresses",
        "nginx, curl; captured as by a mirror port of a router",
        1,
    ),
    Sample(
        "missed_frames.pcap",
        samples.missed_frames,
        "gaps: bytes that travelled but are not in the capture",
        "Python's http.server, curl; 8 % of the frames not written",
        2,
        ("not_captured",),
    ),
    Sample(
        "snaplen_200.pcap",
        samples.snaplen,
        "every frame cut at 200 bytes: gaps with cause `truncated`",
        "nginx, curl; snaplen 200",
        1,
        ("truncated",),
    ),
    Sample(
        "injected_redirect.pcap",
        samples.injection,
        "two answers to one request: a forged redirect came first (another TTL, no TCP timestamp), "
        "the true page later",
        "nginx, curl; a forged segment sent by the bridge",
        2,
        ("conflict",),
    ),
    Sample(
        "port_reuse.pcap",
        samples.port_reuse,
        "four connections with the same addresses and ports",
        "Python's http.server, nc -p",
        4,
    ),
    Sample(
        "midstream.pcap",
        samples.midstream,
        "a download whose beginning was not captured: no SYN",
        "nginx, curl; capture started after 24,000 bytes",
        2,
        ("midstream",),
    ),
    Sample(
        "sequence_wrap.pcap",
        samples.sequence_wrap,
        "sequence numbers that pass 2^32 within an answer, with retransmissions around",
        "nginx, curl; sequence numbers rewritten on the way, 5 % lost, 10 % overtaken",
        1,
    ),
    Sample(
        "any_sll2.pcapng",
        loopback.any_device,
        "Linux cooked capture v2 (`-i any`) of loopback: segments of many kilobytes, unfinished "
        "checksums, pcapng",
        "nginx, curl on one machine",
        1,
    ),
    Sample(
        "chat.pcap.gz",
        samples.gzipped,
        "a gzip-compressed capture of a chat, with ARP and ICMPv6",
        "nc, nc",
        1,
    ),
    Sample("vlan42_chat.pcap", roads.vlan_chat, "a chat on VLAN 42", "nc, nc; 802.1Q added on the way", 1),
    Sample(
        "qinq_ssh.pcap",
        roads.qinq_ssh,
        "ssh in two VLAN tags (100, 7)",
        "sshd, ssh; 802.1ad added on the way",
        1,
    ),
    Sample(
        "gre.pcap",
        roads.gre,
        "HTTP in GRE with key and sequence numbers",
        "nginx, curl; tunnelled on the way",
        1,
    ),
    Sample(
        "vxlan.pcap",
        roads.vxlan,
        "Redis and HTTP in VXLAN 5001",
        "redis-server, redis-cli, nginx, curl; tunnelled on the way",
        2,
    ),
    Sample(
        "pppoe.pcap",
        roads.pppoe,
        "HTTP over IPv4 and IPv6 in a PPPoE session",
        "Python's http.server, curl; wrapped on the way",
        2,
    ),
    Sample("mpls.pcap", roads.mpls, "HTTP under two MPLS labels", "nginx, curl; labelled on the way", 1),
    Sample("6in4.pcap", roads.sixinfour, "IPv6 in IPv4", "nginx, curl; tunnelled on the way", 1),
    Sample(
        "ip_fragments.pcap",
        roads.ip_fragments,
        "datagrams in up to three IPv4 and IPv6 fragments, in any order; where one is lost the datagram is "
        "incomplete and its bytes come again",
        "Python's http.server, curl; a road with an MTU of 576, 4 % of the fragments lost",
        2,
    ),
)
"""In the order of the README."""
