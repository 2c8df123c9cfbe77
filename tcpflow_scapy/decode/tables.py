"""Every plug point of decoding, in plain sight: which layer comes next, by number.

To add a link layer or a tunnel, write one file with its layer function and name it here.
A `Reason` instead of a layer says why such a frame holds no TCP segment.
"""

from __future__ import annotations

from .ip.authentication import authentication
from .ip.icmp import icmp, icmpv6
from .ip.ipv4 import ip, ipv4
from .ip.ipv6 import ipv6
from .ip.tcp import tcp
from .ip.udp import datagram, udp
from .layers import Layer, Switch, Switches, dissect
from .link.cooked import cooked, cooked2
from .link.ethernet import ethernet
from .link.llc import snap
from .link.loopback import loop, null
from .link.raw import raw
from .reasons import Reason
from .tunnel.vlan import vlan

LINK_TYPES: dict[int, Layer | Reason] = {
    0: null,
    1: ethernet,
    12: raw,
    14: raw,
    101: raw,
    108: loop,
    113: cooked,
    228: raw,
    229: raw,
    276: cooked2,
}
"""By LINKTYPE (https://www.tcpdump.org/linktypes.html). Others: Scapy's dissector, if it knows them."""

ETHERTYPES: dict[int, Layer | Reason] = {
    0x0800: ipv4,
    0x0806: Reason.ARP,
    0x8100: vlan,
    0x86DD: ipv6,
    0x88A8: vlan,
    0xA0ED: dissect,  # 6LoWPAN over Ethernet (RFC 7973): IP headers are compressed
    0x9100: vlan,
}
"""By Ethernet type (IEEE registry)."""

LLC_SAPS: dict[int, Layer | Reason] = {
    0x06: ip,  # RFC 948
    0xAA: snap,
}
"""By 802.2 destination service access point."""

PPP_PROTOCOLS: dict[int, Layer | Reason] = {
    0x0021: ipv4,
    0x0057: ipv6,
}
"""By PPP protocol (IANA registry)."""

IP_PROTOCOLS: dict[int, Layer | Reason] = {
    1: icmp,
    2: Reason.IGMP,
    6: tcp,
    17: udp,
    50: Reason.ENCRYPTED,
    51: authentication,
    58: icmpv6,
    132: Reason.SCTP,
}
"""By IP protocol (IANA registry)."""

UDP_PORTS: dict[int, Layer | Reason] = {}
"""By UDP port. A layer whose header does not fit hands its packets to `datagram`."""


def switches() -> Switches:
    """The tables in the form that a `Run` uses."""
    return Switches(
        link_types=Switch(LINK_TYPES, dissect),
        ethertypes=Switch(ETHERTYPES, Reason.OTHER_ETHERTYPE),
        llc_saps=Switch(LLC_SAPS, Reason.OTHER_ETHERTYPE, 256),
        ppp_protocols=Switch(PPP_PROTOCOLS, Reason.OTHER_ETHERTYPE),
        ip_protocols=Switch(IP_PROTOCOLS, Reason.OTHER_IP, 256),
        udp_ports=Switch(UDP_PORTS, datagram),
    )
