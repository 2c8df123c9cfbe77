"""Every plug point of decoding, in plain sight: which layer comes next, by number.

To add a link layer or a tunnel, write one file with its layer function and name it here.
A `Reason` instead of a layer says why such a frame holds no TCP segment.
"""

from __future__ import annotations

from functools import cache

from .ip.authentication import authentication
from .ip.icmp import icmp, icmpv6
from .ip.ipv4 import ip, ipv4
from .ip.ipv6 import ipv6
from .ip.sflow import sflow
from .ip.tcp import tcp
from .ip.udp import datagram, udp
from .layers import Layer, Switch, Switches, dissect
from .link import arcnet, juniper, monitor, small
from .link.ax25 import ax25, ax25_kiss
from .link.cooked import cooked, cooked2, netlink
from .link.erf import erf
from .link.ethernet import ethernet
from .link.frame_relay import frame_relay, network_layer
from .link.hdlc import serial, serial_with_direction
from .link.ieee80211 import wlan, wlan_body, wlan_mesh_body
from .link.llc import llc, snap
from .link.loopback import loop, null
from .link.nflog import nflog
from .link.ppp import bridged, multilink, ppp, protocol_field
from .link.raw import raw
from .link.token_ring import fddi, token_ring
from .link.van_jacobson import compressed_tcp, uncompressed_tcp
from .pieces import Kind
from .reasons import Reason
from .tunnel import tags
from .tunnel.ayiya import ayiya
from .tunnel.batman import batman
from .tunnel.capwap import capwap, capwap_native
from .tunnel.geneve import geneve
from .tunnel.gre import gre, gre_in_udp
from .tunnel.gtp import gtp, gtp0
from .tunnel.ip_in_ip import ip_in_ip
from .tunnel.ipcomp import ipcomp
from .tunnel.l2tp import l2tp, l2tp_over_ip
from .tunnel.macsec import macsec
from .tunnel.minimal import minimal
from .tunnel.mpls import mpls, mpls_in_udp
from .tunnel.nsh import nsh
from .tunnel.pppoe import pppoe
from .tunnel.small import etherip, lisp, tzsp, tzsp_link
from .tunnel.teredo import teredo
from .tunnel.vlan import vlan
from .tunnel.vxlan import vxlan, vxlan_gpe

LINK_TYPES: dict[int, Layer | Reason] = {
    0: null,
    1: ethernet,
    3: ax25,
    6: token_ring,
    7: arcnet.arcnet,
    8: small.slip,
    9: serial,
    10: fddi,
    12: raw,
    14: raw,
    50: serial,
    51: pppoe,
    99: small.symantec,
    100: small.atm_rfc1483,
    101: raw,
    104: serial,
    105: wlan,
    106: small.clip,
    107: frame_relay,
    108: loop,
    109: small.enc,
    113: cooked,
    117: small.pflog,
    119: monitor.prism,
    122: small.ip_over_fc,
    123: small.sunatm,
    127: monitor.radiotap,
    128: tzsp_link,
    129: arcnet.arcnet_linux,
    130: juniper.juniper_service,
    131: juniper.juniper_service,
    132: juniper.juniper_service,
    133: juniper.juniper_service,
    134: juniper.juniper_service,
    135: juniper.juniper_atm,
    136: juniper.juniper_service,
    137: juniper.juniper_atm,
    138: small.ieee1394,
    143: small.docsis,
    144: cooked,  # IrDA: the same header, protocols that are not IP
    163: monitor.avs,
    164: juniper.juniper_service,
    166: serial_with_direction,
    167: juniper.juniper_ethernet,
    168: juniper.juniper_pppoe_atm,
    178: juniper.juniper_ethernet,
    179: juniper.juniper_ppp,
    180: juniper.juniper_frame_relay,
    181: juniper.juniper_hdlc,
    183: juniper.juniper_service,
    186: Reason.OTHER_ETHERTYPE,  # USB
    189: Reason.OTHER_ETHERTYPE,
    192: monitor.ppi,
    194: juniper.juniper_service,
    197: erf,
    200: juniper.juniper_service,
    202: ax25_kiss,
    204: serial_with_direction,
    205: serial_with_direction,
    206: small.frame_relay_with_direction,
    219: small.mpls_link,
    220: Reason.OTHER_ETHERTYPE,
    226: small.ipnet,
    228: raw,
    229: raw,
    239: nflog,
    240: small.netanalyzer,
    241: small.netanalyzer_transparent,
    242: small.ipoib,
    249: Reason.OTHER_ETHERTYPE,
    253: netlink,
    258: small.pktap,
    259: small.epon,
    276: cooked2,
    281: small.dsa_broadcom,
    282: small.dsa_broadcom_front,
    284: small.dsa,
    285: small.edsa,
}
"""By LINKTYPE (https://www.tcpdump.org/linktypes.html). Others: Scapy's dissector, if it knows them."""

ETHERTYPES: dict[int, Layer | Reason] = {
    0x0800: ipv4,
    0x0806: Reason.ARP,
    0x22F3: tags.trill,
    0x2452: wlan,  # frames of a driver in monitor mode, passed on as Ethernet
    0x4305: batman,
    0x6558: ethernet,  # transparent bridging: Ethernet in GRE, Geneve, NSH
    0x8100: vlan,
    0x86DD: ipv6,
    0x880B: ppp,
    0x8847: mpls,
    0x8848: mpls,
    0x8864: pppoe,
    0x8870: llc,  # jumbo frames
    0x88A8: vlan,
    0x88E5: macsec,
    0x88E7: tags.pbb,
    0x8903: tags.fabricpath,
    0x8909: tags.cisco_metadata,
    0x8926: tags.vntag,
    0x892F: tags.hsr,
    0x893F: tags.etag,
    0x894F: nsh,
    0x9100: vlan,
    0xA0ED: dissect,  # 6LoWPAN over Ethernet (RFC 7973): IP headers are compressed
    0xF1C1: tags.rtag,
}
"""By Ethernet type (IEEE registry)."""

LLC_SAPS: dict[int, Layer | Reason] = {
    0x06: ip,  # RFC 948
    0xAA: snap,
    0xFE: network_layer,  # PPP over ATM among others (RFC 2364, 4)
}
"""By 802.2 destination service access point."""

PPP_PROTOCOLS: dict[int, Layer | Reason] = {
    0x0021: ipv4,
    0x002D: compressed_tcp,
    0x002F: uncompressed_tcp,
    0x0031: bridged,
    0x003D: multilink,
    0x0053: Reason.ENCRYPTED,
    0x0057: ipv6,
    0x00FB: Reason.NOT_DECOMPRESSED,  # RFC 1962: of one link of several, of the line
    0x00FD: Reason.NOT_DECOMPRESSED,
    0x0281: mpls,
    0x0283: mpls,
}
"""By PPP protocol (IANA registry)."""

IP_PROTOCOLS: dict[int, Layer | Reason] = {
    1: icmp,
    2: Reason.IGMP,
    4: ip_in_ip,
    6: tcp,
    17: udp,
    41: ip_in_ip,
    47: gre,
    50: Reason.ENCRYPTED,
    51: authentication,
    55: minimal,
    58: icmpv6,
    59: Reason.TEREDO_OR_OTHER_BUBBLE,
    94: ip_in_ip,
    97: etherip,
    108: ipcomp,
    115: l2tp_over_ip,
    132: Reason.SCTP,
    137: mpls,
    143: ethernet,
}
"""By IP protocol (IANA registry)."""

UDP_PORTS: dict[int, Layer | Reason] = {
    1701: l2tp,
    2152: gtp,
    3386: gtp0,
    3544: teredo,
    4341: lisp,
    4754: gre_in_udp,
    4789: vxlan,
    4790: vxlan_gpe,
    5072: ayiya,
    5247: capwap,
    6081: geneve,
    6343: sflow,
    6635: mpls_in_udp,
    8472: vxlan,
    37008: tzsp,
}
"""By UDP port. A layer whose header does not fit hands its packets to `datagram`."""

FRAGMENTED: dict[int, Layer | Reason] = {
    Kind.WLAN: wlan_body,
    Kind.WLAN_MESH: wlan_mesh_body,
    Kind.CAPWAP: ethernet,
    Kind.CAPWAP_NATIVE: capwap_native,
    Kind.BATMAN: batman,
    Kind.BATMAN_14: ethernet,
    Kind.MULTILINK: protocol_field,
}
"""What a frame put together of fragments begins with, by `pieces.Kind`."""


@cache
def switches() -> Switches:
    """The tables in the form that a `Run` uses; made once."""
    return Switches(
        link_types=Switch(LINK_TYPES, dissect),
        ethertypes=Switch(ETHERTYPES, Reason.OTHER_ETHERTYPE),
        llc_saps=Switch(LLC_SAPS, Reason.OTHER_ETHERTYPE, 256),
        ppp_protocols=Switch(PPP_PROTOCOLS, Reason.OTHER_ETHERTYPE),
        ip_protocols=Switch(IP_PROTOCOLS, Reason.OTHER_IP, 256),
        udp_ports=Switch(UDP_PORTS, datagram),
        fragmented=Switch(FRAGMENTED, Reason.MALFORMED, 256),
    )
