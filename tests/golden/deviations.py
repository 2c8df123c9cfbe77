"""Where our command line writes something else than tcpflow 1.6.1, on purpose: what, and why.

Every case of `cases/` that is not named here must give the files that tcpflow gave. A case that is named must
give exactly what stands here, and something else than tcpflow.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CLIENT = "010.000.000.001.01000-010.000.000.002.00080"
CLIENT6 = "2001:db8::1.01000-2001:db8::2.00080"

COUNTED = b"".join(b"%04d" % number for number in range(100))
"""400 bytes of payload in which every place can be told."""


@dataclass(frozen=True)
class Deviation:
    """What we write instead."""

    reason: str
    files: dict[str, bytes | None] = field(default_factory=dict)
    """by name; None: tcpflow's file is not written. Files that are not named are as tcpflow's."""


def _client(reason: str, data: bytes, **others: bytes | None) -> Deviation:
    return Deviation(reason, {CLIENT: data, **{CLIENT + count: each for count, each in others.items()}})


_FAR = "a stray acknowledgment or reset far from the data ends nothing"
_FRAGMENTS = "IP fragments are put together"
_WIFI = "802.11 frames are read without radiotap, and whatever is said about their check sequence"
_TUNNEL = "the encapsulation is looked into"
_NO_STOP = "a link type that carries no TCP, or that nobody knows, is counted and stops nothing"
_LINK = "the link layer is known"

DEVIATIONS: dict[str, Deviation] = {
    # connections
    "ack_far.pcap": _client(_FAR, b"AAAABBBB", c1=None),
    "farack2.pcap": _client(_FAR, b"AAAABBBB", c1=None),
    "rst_seq0.pcap": _client(_FAR, b"AAAABBBB", c1=None),
    "rst_then_data.pcap": _client(
        "data that goes on after a reset with the same numbers is the same stream", b"AAAABBBBCCCC", c1=None
    ),
    "rst_data_only.pcap": Deviation(
        "the payload of a reset explains it and is no stream data (RFC 1122, 4.2.2.12)", {CLIENT: None}
    ),
    "fin_gap.pcap": _client("a SYN with another ISN begins a new connection", b"AAAA", c1=b"NNNN"),
    "prefin.pcap": _client("a SYN with another ISN begins a new connection", b"AAAABBBB", c1=b"NEW!"),
    "names.pcap": _client(
        "what is numbered after a FIN, by less than the largest gap, is kept in the stream",
        b"REQ" + bytes(898_997) + b"SECOND",
        c1=None,
    ),
    "gap16m2.pcap": _client(
        "what comes later can close the jump: the order of packets has no meaning",
        b"AAAABBBB" + bytes(16_777_213) + b"CCCC",
        c1=None,
        c2=None,
    ),
    "ring101.pcap": _client("a retransmission is known whatever lies between", b"AAAA", c1=None),
    "ring102.pcap": _client("a retransmission is known whatever lies between", b"AAAA", c1=None),
    "fin_retrans_diff.pcap": _client(
        "a contradicting retransmission after the FIN is a conflict, not a connection", b"AAAA", c1=None
    ),
    # streams
    "kalate.pcap": _client("a keep-alive byte overwrites nothing", b"AAAABBBBCCCC"),
    "late_syn2.pcap": _client("a SYN that arrives late takes no data away", b"AAAABBBB"),
    "overlap.pcap": _client("the byte seen first counts", b"AAAAAAAAbbbb"),
    "syn_data.pcap": _client("the byte seen first counts", b"XXXX"),
    "stale.pcap": _client("a gap is zeros, no stale copy", b"AAAA" + bytes(16) + b"abcdefghijklmnopqrst"),
    "stale2.pcap": _client(
        "a gap is zeros, no stale copy", b"ZZ" + bytes(8) + b"AAAA" + bytes(6) + b"abcdefghijklmnopqrst"
    ),
    # lengths
    "badoff.pcap": Deviation("a TCP header of less than 20 bytes is none", {CLIENT: None}),
    "fcs.pcap": _client("what follows the IP packet is no payload", b"A" * 20 + b"B" * 20),
    "iplen0.pcap": _client("IP length 0 (segmentation offload) is the frame's", b"AAAA"),
    "iplenshort.pcap": _client("payload ends where the IP header says", b"AA"),
    "snap6.pcap": Deviation(
        "what was not captured is a gap, no memory of the process",
        {CLIENT6: COUNTED[:80] + bytes(720) + COUNTED[:80]},
    ),
    # fragments
    "be.pcap": _client(_FRAGMENTS, b"x" * 400 + b"BBBB"),
    "ng.pcap": _client(_FRAGMENTS, b"x" * 400 + b"BBBB"),
    "unk.pcap": _client(_FRAGMENTS, b"x" * 400 + b"BBBB"),
    "frag.pcap": _client(_FRAGMENTS, COUNTED + b"BBBB"),
    "fragtiny.pcap": _client(_FRAGMENTS, COUNTED),
    # encapsulations
    "6in4.pcap": Deviation(_TUNNEL, {CLIENT6: b"AAAABBBB"}),
    "gre.pcap": _client(_TUNNEL, b"AAAABBBB"),
    "ipip.pcap": _client(_TUNNEL, b"AAAABBBB"),
    "mpls.pcap": _client(_TUNNEL, b"AAAABBBB"),
    "pppoe.pcap": _client(_TUNNEL, b"AAAABBBB"),
    "vxlan.pcap": _client(_TUNNEL, b"AAAABBBB"),
    "v6ext.pcap": Deviation("IPv6 extension headers are walked", {CLIENT6: b"HBH!DST!RTG!FRG!"}),
    "qinq9100.pcap": Deviation(
        "the outermost tag is shown, whatever its type", {CLIENT: None, CLIENT + "--42": b"AAAABBBB"}
    ),
    "sll_vlan.pcap": Deviation("tags are read on every link layer", {CLIENT + "--5": b"AAAABBBB"}),
    # link layers
    "null6_28.pcap": Deviation(_LINK, {"2001:db8::1.00001-2001:db8::2.00002": b"six"}),
    "null6_30.pcap": Deviation(_LINK, {"2001:db8::1.00001-2001:db8::2.00002": b"six"}),
    "loop108.pcap": _client(_LINK, b"AAAABBBB"),
    "ppp50.pcap": _client(_LINK, b"AAAABBBB"),
    "ppp9short.pcap": _client("PPP headers may be compressed", b"AAAABBBB"),
    "raw228.pcap": _client(_LINK, b"AAAABBBB"),
    "wifi105.pcap": _client(_WIFI, b"AAAABBBB"),
    "wifi105n.pcap": _client(_WIFI, b"AAAABBBB"),
    "wifi105_long.pcap": _client(_WIFI, b"A" * 10 + b"B" * 10),
    "wifi127e.pcap": _client(_WIFI, b"AAAABBBB"),
    "wifi_badfcs.pcap": _client(_WIFI, b"A" * 10 + b"B" * 10),
    "wifi_nofcs_long.pcap": _client(_WIFI, b"A" * 10 + b"B" * 10),
    "wifi_noflag_long.pcap": _client(_WIFI, b"A" * 10 + b"B" * 10),
    **{f"dlt{number}.pcap": Deviation(_NO_STOP) for number in (107, 109, 165, 192, 195, 220, 239)},
}

EXIT_CODES: dict[str, int] = {
    name: 0 for name, deviation in DEVIATIONS.items() if deviation.reason in (_NO_STOP, _LINK)
}
"""Ours, where tcpflow gave up and returned 1."""
