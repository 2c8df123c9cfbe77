"""One frame for every road to a TCP segment: link layers, tags, tunnels, and some of them combined.

All frames are built here from the standards, byte by byte; nothing of the package is used.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from socket import inet_aton

from tests.helpers.headers import ethernet, gre_packet, ip_packet, udp_packet, vxlan_packet

from .segments import V4, V6, packet, tcp

OUTER = ("192.0.2.1", "192.0.2.2")
MACS = bytes.fromhex("020000000002020000000001")
SNAP = b"\xaa\xaa\3\0\0\0"


@dataclass(frozen=True)
class Specimen:
    """A frame with one segment of `segments.packet` in it."""

    name: str
    linktype: int
    frame: bytes
    path: str
    key: tuple[str, ...] = ()
    hosts: tuple[str, str] = V4
    tshark: bool = True
    """False where tshark 4.0 needs a preference or does not know it"""


def eth(body: bytes, kind: int) -> bytes:
    return ethernet(body, ethertype=kind)


def ip4(body: bytes, protocol: int) -> bytes:
    return ethernet(ip_packet(*OUTER, protocol, body))


def udp(body: bytes, port: int, *, source: int = 0) -> bytes:
    # tshark remembers what a port was used for, so each kind has a source port of its own.
    source = source or 30_000 + port % 10_000
    return ethernet(udp_packet((OUTER[0], source), (OUTER[1], port), body))


def label(number: int, *, bottom: bool) -> bytes:
    return struct.pack("!I", number << 12 | bottom << 8 | 64)


def gre(flags: int, kind: int, body: bytes, options: bytes = b"") -> bytes:
    return ip4(struct.pack("!HH", flags, kind) + options + body, 47)


def wlan(
    control: int, flags: int, body: bytes, *, qos: bytes = b"", fourth: bytes = b"", pad: int = 0
) -> bytes:
    return bytes([control, flags]) + bytes(2) + MACS + bytes(6) + bytes(2) + fourth + qos + bytes(pad) + body


def tags() -> list[Specimen]:
    p, v6 = packet(), packet(V6)
    isl_head = (
        bytes.fromhex("01000c0000") + b"\0" + MACS[6:] + struct.pack("!H", 0) + b"\xaa\xaa\3" + b"\0\0\x0c"
    )
    return [
        Specimen("plain", 1, ethernet(p), "eth/ip"),
        Specimen("plain v6", 1, ethernet(v6), "eth/ipv6", hosts=V6),
        Specimen("v6 under the type of v4", 1, eth(v6, 0x0800), "eth/ipv6", hosts=V6),
        Specimen("v4 under the type of v6", 1, eth(p, 0x86DD), "eth/ip", tshark=False),
        Specimen("vlan", 1, ethernet(p, (42,)), "eth/vlan:42/ip", ("vlan:42",)),
        Specimen("qinq", 1, ethernet(v6, (7, 8)), "eth/vlan:7/vlan:8/ipv6", ("vlan:7", "vlan:8"), hosts=V6),
        Specimen("mpls", 1, eth(label(100, bottom=True) + p, 0x8847), "eth/mpls:100/ip"),
        Specimen(
            "mpls stack v6",
            1,
            eth(label(100, bottom=False) + label(3000, bottom=True) + v6, 0x8848),
            "eth/mpls:100/mpls:3000/ipv6",
            hosts=V6,
        ),
        Specimen(
            "pseudowire with control word",
            1,
            eth(label(16, bottom=True) + bytes(4) + ethernet(p, (5,)), 0x8847),
            "eth/mpls:16/eth/vlan:5/ip",
            ("vlan:5",),
            tshark=False,
        ),
        Specimen(
            "pseudowire without control word",
            1,
            eth(label(16, bottom=True) + ethernet(p), 0x8847),
            "eth/mpls:16/eth/ip",
            tshark=False,
        ),
        Specimen(
            "pppoe",
            1,
            eth(struct.pack("!BBHHH", 0x11, 0, 5, 2 + len(p), 0x0021) + p, 0x8864),
            "eth/pppoe:5/ip",
            ("pppoe:5",),
        ),
        Specimen(
            "pppoe, padded, v6",
            1,
            eth(struct.pack("!BBHHH", 0x11, 0, 5, 2 + len(v6), 0x0057) + v6, 0x8864) + bytes(9),
            "eth/pppoe:5/ipv6",
            ("pppoe:5",),
            hosts=V6,
        ),
        Specimen(
            "pbb",
            1,
            eth(b"\0\0\x30\x39" + ethernet(p, (9,)), 0x88E7),
            "eth/pbb:12345/eth/vlan:9/ip",
            ("pbb:12345", "vlan:9"),
        ),
        Specimen("cisco metadata", 1, eth(b"\1\1\0\1\0\x0a\x08\0" + p, 0x8909), "eth/cmd/ip"),
        Specimen("vntag", 1, eth(b"\0\1\0\2\x08\0" + p, 0x8926), "eth/vntag/ip"),
        Specimen("hsr", 1, eth(struct.pack("!HHH", 52, 7, 0x0800) + p, 0x892F), "eth/hsr/ip"),
        Specimen("etag", 1, eth(bytes(6) + b"\x08\0" + p, 0x893F), "eth/etag/ip"),
        Specimen("rtag", 1, eth(b"\0\0\0\7\x08\0" + p, 0xF1C1), "eth/rtag/ip"),
        Specimen(
            "macsec in the clear",
            1,
            eth(struct.pack("!BBI", 0, 0, 1) + b"\x08\0" + p + bytes(16), 0x88E5),
            "eth/macsec/ip",
        ),
        Specimen(
            "macsec with channel",
            1,
            eth(struct.pack("!BBI", 0x20, 0, 1) + bytes(8) + b"\x08\0" + p + bytes(16), 0x88E5),
            "eth/macsec/ip",
        ),
        Specimen(
            "nsh",
            1,
            eth(struct.pack("!HBBI", 0x0FC6, 1, 1, 0x111 << 8 | 255) + bytes(16) + p, 0x894F),
            "eth/nsh:273/ip",
            ("nsh",),
        ),
        Specimen("trill", 1, eth(struct.pack("!HHH", 0, 1, 2) + ethernet(p), 0x22F3), "eth/trill/eth/ip"),
        Specimen(
            "fabricpath",
            1,
            eth(b"\4\x20" + ethernet(p), 0x8903),
            "eth/fabricpath/eth/ip",
            tshark=False,
        ),
        Specimen(
            "isl",
            1,
            isl_head + struct.pack("!HHH", 7 << 1, 0, 0) + ethernet(p) + bytes(4),
            "eth/isl:7/ip",
            ("isl:7",),
        ),
        Specimen("jumbo llc", 1, eth(SNAP + b"\x08\0" + p, 0x8870), "eth/llc/ip"),
        Specimen(
            "batman unicast", 1, eth(b"\x40\x0f\x32\1" + bytes(6) + ethernet(p), 0x4305), "eth/batman/eth/ip"
        ),
        Specimen(
            "batman, four addresses",
            1,
            eth(b"\x42\x0f\x32\1" + bytes(14) + ethernet(p, (4,)), 0x4305),
            "eth/batman/eth/vlan:4/ip",
            ("vlan:4",),
        ),
        Specimen(
            "batman broadcast", 1, eth(b"\1\x0f\x32\0" + bytes(10) + ethernet(p), 0x4305), "eth/batman/eth/ip"
        ),
        Specimen(
            "batman multicast",
            1,
            eth(b"\5\x0f\x32\0\0\x0c" + bytes(12) + ethernet(p), 0x4305),
            "eth/batman/eth/ip",
            tshark=False,
        ),
        Specimen("batman 14", 1, eth(b"\3\x0e\x32\1" + bytes(6) + ethernet(p), 0x4305), "eth/batman/eth/ip"),
        Specimen(
            "batman 14, four addresses",
            1,
            eth(b"\x09\x0e\x32\1" + bytes(14) + ethernet(p), 0x4305),
            "eth/batman/eth/ip",
            tshark=False,
        ),
        Specimen(
            "batman 14 broadcast",
            1,
            eth(b"\4\x0e\x32\0" + bytes(10) + ethernet(p), 0x4305),
            "eth/batman/eth/ip",
        ),
        Specimen("centrino", 1, eth(wlan(8, 1, SNAP + b"\x08\0" + p), 0x2452), "eth/wlan/llc/ip"),
    ]


def over_ip() -> list[Specimen]:
    p, v6 = packet(), packet(V6)
    framed = ethernet(p)
    return [
        Specimen("ip in ip", 1, ip4(p, 4), "eth/ip/ip", ("ipip",)),
        Specimen("6in4", 1, ip4(v6, 41), "eth/ip/ipv6", ("ipip",), hosts=V6),
        Specimen("4in6", 1, ethernet(ip_packet(*V6, 4, p)), "eth/ipv6/ip", ("ipip",)),
        Specimen("6in6", 1, ethernet(ip_packet(*V6, 41, v6)), "eth/ipv6/ipv6", ("ipip",), hosts=V6),
        Specimen("gre", 1, ethernet(gre_packet(*OUTER, p)), "eth/ip/gre/ip", ("gre",)),
        Specimen("gre key", 1, ethernet(gre_packet(*OUTER, p, 7)), "eth/ip/gre:7/ip", ("gre:7",)),
        Specimen(
            "gre all options",
            1,
            gre(0xB000, 0x86DD, v6, struct.pack("!HHII", 0, 0, 9, 1)),
            "eth/ip/gre:9/ipv6",
            ("gre:9",),
            hosts=V6,
        ),
        Specimen(
            "gre routing",
            1,
            gre(0x4000, 0x0800, p, bytes(4) + b"\x08\0\0\4" + bytes(4) + bytes(4)),
            "eth/ip/gre/ip",
            ("gre",),
        ),
        Specimen(
            "gre aruba",
            1,
            gre(0, 0x8210, wlan(8, 1, SNAP + b"\x08\0" + p)),
            "eth/ip/gre/wlan/llc/ip",
            ("gre",),
        ),
        Specimen(
            "gre aruba, last queue",
            1,
            gre(0, 0x8370, wlan(0x88, 2, SNAP + b"\x86\xdd" + v6, qos=b"\0\0")),
            "eth/ip/gre/wlan/llc/ipv6",
            ("gre",),
            hosts=V6,
        ),
        Specimen("gre ethernet", 1, gre(0, 0x6558, framed), "eth/ip/gre/eth/ip", ("gre",)),
        Specimen("gre mpls", 1, gre(0, 0x8847, label(5, bottom=True) + p), "eth/ip/gre/mpls:5/ip", ("gre",)),
        Specimen(
            "pptp",
            1,
            gre(0x3081, 0x880B, b"\xff\3\0\x21" + p, struct.pack("!HHII", 4 + len(p), 77, 1, 1)),
            "eth/ip/pptp/ppp/ip",
            ("pptp",),
        ),
        Specimen(
            "eoip",
            1,
            gre(0x2001, 0x6400, framed, struct.pack("!H", len(framed)) + b"\7\0"),
            "eth/ip/pptp/eth/ip",
            ("pptp",),
        ),
        Specimen("wccp", 1, gre(0, 0x883E, p, bytes(4)), "eth/ip/gre/ip", ("gre",)),
        Specimen("erspan i", 1, gre(0, 0x88BE, framed), "eth/ip/gre/erspan/eth/ip", ("gre", "erspan")),
        Specimen(
            "erspan ii",
            1,
            gre(0x1000, 0x88BE, ethernet(p, (6,)), struct.pack("!IHHI", 1, 0x1005, 3, 0)),
            "eth/ip/gre/erspan:3/eth/vlan:6/ip",
            ("gre", "erspan", "vlan:6"),
        ),
        Specimen(
            "erspan iii",
            1,
            gre(0x1000, 0x22EB, framed, struct.pack("!IHHIHH", 1, 0x2005, 3, 0, 0, 0x8000)),
            "eth/ip/gre/erspan:3/eth/ip",
            ("gre", "erspan"),
        ),
        Specimen(
            "erspan iii subheader",
            1,
            gre(0x1000, 0x22EB, framed, struct.pack("!IHHIHH", 1, 0x2005, 3, 0, 0, 0x8001) + bytes(8)),
            "eth/ip/gre/erspan:3/eth/ip",
            ("gre", "erspan"),
        ),
        Specimen("etherip", 1, ip4(b"\x30\0" + framed, 97), "eth/ip/etherip/eth/ip", ("etherip",)),
        Specimen("mpls in ip", 1, ip4(label(9, bottom=True) + p, 137), "eth/ip/mpls:9/ip"),
        Specimen(
            "l2tpv3 over ip",
            1,
            ip4(struct.pack("!II", 17, 0) + framed, 115),
            "eth/ip/l2tp:17/eth/ip",
            ("l2tp:17",),
            tshark=False,
        ),
        Specimen(
            "l2tpv3 over ip, cookie",
            1,
            ip4(struct.pack("!IQ", 17, 0x1122334455667788) + framed, 115),
            "eth/ip/l2tp:17/eth/ip",
            ("l2tp:17",),
            tshark=False,
        ),
        Specimen(
            "minimal encapsulation",
            1,
            ip4(b"\6\x80" + bytes(2) + inet_aton(V4[1]) + inet_aton(V4[0]) + tcp(), 55),
            "eth/ip/minimal",
            ("minimal",),
            tshark=False,
        ),
        Specimen(
            "minimal encapsulation, source as outside",
            1,
            ethernet(ip_packet(V4[0], OUTER[1], 55, struct.pack("!BBH", 6, 0, 0) + inet_aton(V4[1]) + tcp())),
            "eth/ip/minimal",
            ("minimal",),
            tshark=False,
        ),
        Specimen(
            "authentication header",
            1,
            ip4(struct.pack("!BBHII", 4, 4, 0, 1, 2) + bytes(12) + p, 51),
            "eth/ip/ip",
            ("ipip",),
        ),
    ]


def over_udp() -> list[Specimen]:
    p, v6 = packet(), packet(V6)
    framed = ethernet(p)
    teredo_hosts = ("2001:0:102:304::1", "2001:db8::2")
    through_teredo = packet(teredo_hosts)
    native = wlan(0x08, 0x01, SNAP + b"\x08\0" + p)
    swapped = wlan(0x01, 0x08, SNAP + b"\x08\0" + p)
    capwap_native = struct.pack("!BBHI", 0, 2 << 3, 1 << 9 | 0x100, 0)
    gtp = struct.pack("!BBHI", 0x30, 255, len(p), 0xABCDEF)
    extended = b"\x34\xff" + struct.pack("!HI", 8 + len(p), 5) + b"\0\0\0\x85" + b"\1\0\7\0" + p
    return [
        Specimen(
            "vxlan",
            1,
            ethernet(vxlan_packet((OUTER[0], 4000), (OUTER[1], 4789), ethernet(p, (3,)), 77)),
            "eth/ip/vxlan:77/eth/vlan:3/ip",
            ("vxlan:77", "vlan:3"),
        ),
        Specimen(
            "vxlan, linux port",
            1,
            udp(b"\x08\0\0\0\0\0\7\0" + framed, 8472),
            "eth/ip/vxlan:7/eth/ip",
            ("vxlan:7",),
            tshark=False,
        ),
        Specimen(
            "vxlan, reserved bits",
            1,
            udp(b"\x88\1\2\3\0\0\7\x55" + framed, 4789),
            "eth/ip/vxlan:7/eth/ip",
            ("vxlan:7",),
        ),
        Specimen(
            "vxlan without network", 1, udp(bytes(8) + framed, 4789), "eth/ip/vxlan:0/eth/ip", ("vxlan:0",)
        ),
        Specimen(
            "vxlan-gpe, reserved bits",
            1,
            udp(b"\x0c\1\2\2\0\0\7\x55" + v6, 4790),
            "eth/ip/vxlan:7/ipv6",
            ("vxlan:7",),
            hosts=V6,
        ),
        Specimen(
            "vxlan-gpe, ethernet",
            1,
            udp(b"\x0c\0\0\3\0\0\7\x55" + framed, 4790),
            "eth/ip/vxlan:7/eth/ip",
            ("vxlan:7",),
        ),
        Specimen("vxlan-gpe", 1, udp(b"\x0c\0\0\1\0\0\7\0" + p, 4790), "eth/ip/vxlan:7/ip", ("vxlan:7",)),
        Specimen(
            "geneve",
            1,
            udp(struct.pack("!BBHI", 2, 0, 0x6558, 9 << 8) + bytes(8) + framed, 6081),
            "eth/ip/geneve:9/eth/ip",
            ("geneve:9",),
        ),
        Specimen(
            "geneve ip",
            1,
            udp(struct.pack("!BBHI", 0, 0, 0x0800, 9 << 8) + p, 6081),
            "eth/ip/geneve:9/ip",
            ("geneve:9",),
        ),
        Specimen("gtp", 1, udp(gtp + p, 2152), "eth/ip/gtp:11259375/ip", ("gtp:11259375",)),
        Specimen("gtp extensions", 1, udp(extended, 2152), "eth/ip/gtp:5/ip", ("gtp:5",)),
        Specimen(
            "gtp sequence",
            1,
            udp(b"\x32\xff" + struct.pack("!HI", 4 + len(v6), 5) + b"\0\1\0\0" + v6, 2152, source=2152),
            "eth/ip/gtp:5/ipv6",
            ("gtp:5",),
            hosts=V6,
        ),
        Specimen(
            "gtp version 0",
            1,
            udp(struct.pack("!BBHHHIII", 0x1E, 255, len(p), 1, 2, 0xFFFFFFFF, 0x42F01032, 5) + p, 3386),
            "eth/ip/gtp0:5/ip",
            ("gtp0:1123029042", "gtp0:5"),
        ),
        Specimen(
            "gtp version 0, ppp",
            1,
            udp(
                struct.pack("!BBHHHIII", 0x1E, 255, 4 + len(p), 1, 2, 0xFFFFFFFF, 0, 5) + b"\xff\3\0\x21" + p,
                3386,
            ),
            "eth/ip/gtp0:5/ppp/ip",
            ("gtp0:0", "gtp0:5"),
            tshark=False,
        ),
        Specimen(
            "teredo", 1, udp(through_teredo, 3544), "eth/ip/teredo/ipv6", ("teredo",), hosts=teredo_hosts
        ),
        Specimen(
            "teredo between clients",
            1,
            udp(through_teredo, 50_001),
            "eth/ip/teredo/ipv6",
            ("teredo",),
            hosts=teredo_hosts,
            tshark=False,
        ),
        Specimen(
            "teredo, all indications",
            1,
            udp(b"\0\1\0\0" + bytes(9) + b"\0\0" + bytes(6) + through_teredo, 3544),
            "eth/ip/teredo/ipv6",
            ("teredo",),
            hosts=teredo_hosts,
        ),
        Specimen(
            "l2tp",
            1,
            udp(struct.pack("!HHHH", 0x4002, 8 + 4 + len(p), 3, 4) + b"\xff\3\0\x21" + p, 1701),
            "eth/ip/l2tp:4/ppp/ip",
            ("l2tp:4",),
        ),
        Specimen(
            "l2tp, all options",
            1,
            udp(
                struct.pack("!HHHHHHH", 0x4A02, 14 + 2 + 2 + len(p), 3, 4, 1, 1, 2) + b"\0\0" + b"\x21" + p,
                1701,
            )
            + b"",
            "eth/ip/l2tp:4/ppp/ip",
            ("l2tp:4",),
        ),
        Specimen(
            "l2tpv3 over udp",
            1,
            udp(struct.pack("!HHI", 3, 0, 9) + framed, 1701),
            "eth/ip/l2tp:9/eth/ip",
            ("l2tp:9",),
            tshark=False,
        ),
        Specimen(
            "ayiya",
            1,
            udp(b"\x41\x52\x11\x29" + bytes(4) + bytes(16) + bytes(20) + v6, 5072),
            "eth/ip/ayiya/ipv6",
            ("ayiya",),
            hosts=V6,
        ),
        Specimen(
            "capwap 802.3",
            1,
            udp(struct.pack("!BBHI", 0, 2 << 3, 1 << 9, 0) + framed, 5247),
            "eth/ip/capwap/eth/ip",
            ("capwap",),
        ),
        Specimen(
            "capwap native",
            1,
            udp(capwap_native + native, 5247),
            "eth/ip/capwap/wlan/llc/ip",
            ("capwap",),
            tshark=False,
        ),
        Specimen(
            "capwap swapped",
            1,
            udp(capwap_native + swapped, 5247),
            "eth/ip/capwap/wlan/llc/ip",
            ("capwap",),
        ),
        Specimen(
            "capwap swapped, sequence too",
            1,
            udp(capwap_native + swapped[:22] + b"\x76\x30" + swapped[24:], 5247),
            "eth/ip/capwap/wlan/llc/ip",
            ("capwap",),
        ),
        Specimen("mpls in udp", 1, udp(label(8, bottom=True) + p, 6635), "eth/ip/mpls:8/ip"),
        Specimen("lisp", 1, udp(bytes(8) + p, 4341), "eth/ip/lisp/ip", ("lisp",)),
        Specimen("gre in udp", 1, udp(b"\0\0\x08\0" + p, 4754), "eth/ip/gre/ip", ("gre",)),
        Specimen(
            "tzsp", 1, udp(b"\1\0\0\1" + b"\x0a\1\0" + b"\0" + b"\1" + framed, 37008), "eth/ip/tzsp/eth/ip"
        ),
    ]


def link_layers() -> list[Specimen]:
    p, v6 = packet(), packet(V6)
    framed = ethernet(p)
    llc = SNAP + b"\x08\0" + p
    plain = wlan(8, 1, llc)
    radiotap = struct.pack("<BBHIIIQBB", 0, 0, 26, 0x80000003, 0, 0, 0, 0x20, 0)
    amsdu = b"".join(
        MACS + struct.pack("!H", len(body)) + body + bytes(-(14 + len(body)) % 4)
        for body in (SNAP + b"\x08\6" + bytes(28), llc)
    )
    nflog = b"\2\0\0\0" + b"\x08\0\1\0\x08\0\1\0" + struct.pack("<HH", 4 + len(p), 9) + p
    nflog_big = b"\x0a\0\0\0" + b"\0\x08\0\1\0\x08\0\1" + struct.pack("!HH", 4 + len(v6), 9) + v6
    cooked_netlink = struct.pack("!HHH8sH", 4, 824, 0, bytes(8), 12)
    queued = b"\2\0\0\0" + b"\x0b\0\1\0" + bytes(4) + b"\x08\0\3\0" + struct.pack("<HH", 4 + len(p), 10) + p
    queue = cooked_netlink + struct.pack("<IHHII", 16 + len(queued), 0x0300, 0, 0, 0) + queued
    logged = b"\2\0\0\0" + b"\x08\0\1\0\x08\0\1\0" + struct.pack("<HH", 4 + len(p), 9) + p
    log = struct.pack("<IHHII", 16 + len(logged), 0x0400, 0, 0, 0) + logged
    big_log = struct.pack(">IHHII", 16 + len(nflog_big), 0x0400, 0, 0, 0) + nflog_big
    vlan_nest = b"\x0c\0\x13\x80" + b"\x06\0\1\0\x81\0\0\0"
    bridge = b"\7\0\0\0" + b"\x08\0\1\0\x86\xdd\1\0" + vlan_nest + struct.pack("<HH", 4 + len(v6), 9) + v6
    tag = b"\0\x09\x08\0" + p
    bridge_tag = b"\7\0\0\0" + b"\x08\0\1\0\x81\0\1\0" + struct.pack("<HH", 4 + len(tag), 9) + tag
    device = b"\5\0\0\0" + b"\x08\0\1\0\x08\0\1\0" + struct.pack("<HH", 4 + len(framed), 9) + framed
    bridged = b"\xaa\xaa\3\0\x80\xc2"
    mesh = SNAP + b"\x08\0" + p
    mesh_amsdu = b"".join(
        MACS + struct.pack("!H", len(body)) + body + bytes(-(14 + len(body)) % 4)
        for body in (b"\0\x1f" + bytes(4) + SNAP + b"\x08\6" + bytes(28), b"\2\x1f" + bytes(16) + mesh)
    )
    call = b"\x82" * 6 + b"\x60"
    radio = struct.pack("<BBHI", 0, 0, 8, 0) + plain

    def docsis(kind: int, more: bytes) -> bytes:
        return struct.pack("!BBH", kind, len(more), len(more) + len(framed) + 4) + more + bytes(2)

    juniper = b"MGC\1"
    return [
        Specimen("802.3 snap", 1, MACS + struct.pack("!H", len(llc)) + llc, "eth/llc/ip"),
        Specimen("ax.25", 3, call + call[:6] + b"\x61" + b"\3\xcc" + p, "ax25/ip"),
        Specimen("ax.25, repeated, numbered", 3, call * 3 + call[:6] + b"\x61" + b"\x20\xcc" + p, "ax25/ip"),
        Specimen("ax.25 kiss", 202, b"\x10" + call + call[:6] + b"\x61" + b"\3\xcc" + p, "ax25/ip"),
        Specimen("token ring", 6, b"\x10\x40" + MACS + llc, "tr/llc/ip"),
        Specimen(
            "token ring, routed",
            6,
            b"\x10\x40" + MACS[:6] + b"\x82" + MACS[7:] + b"\x06\x30\0\x11\0\x20" + llc,
            "tr/llc/ip",
        ),
        Specimen("slip", 8, bytes(16) + p, "slip/ip", tshark=False),
        Specimen("ppp bare", 9, b"\0\x21" + p, "ppp/ip"),
        Specimen("ppp framed", 9, b"\xff\3\0\x57" + v6, "ppp/ipv6", hosts=V6),
        Specimen("ppp, v4 as v6", 9, b"\xff\3\0\x57" + p, "ppp/ip", tshark=False),
        Specimen("ppp compressed", 9, b"\x21" + p, "ppp/ip"),
        Specimen("ppp bridged", 9, b"\0\x31\0\1" + framed, "ppp/eth/ip"),
        Specimen("ppp multilink", 9, b"\0\x3d\xc0\0\0\1\0\x21" + p, "ppp/ip"),
        Specimen("ppp multilink, short numbers", 9, b"\0\x3d\xc1\2\x21" + p, "ppp/ip", tshark=False),
        Specimen("ppp, van jacobson, all headers", 9, b"\0\x2f" + p[:9] + b"\3" + p[10:], "ppp/ip"),
        Specimen("ppp mpls", 50, b"\xff\3\2\x81" + label(6, bottom=True) + p, "ppp/mpls:6/ip"),
        Specimen("cisco hdlc as ppp", 50, b"\x0f\0\x08\0" + p, "chdlc/ip"),
        Specimen(
            "pppoe link",
            51,
            struct.pack("!BBHHH", 0x11, 0, 5, 2 + len(p), 0x21) + p,
            "pppoe:5/ip",
            ("pppoe:5",),
        ),
        Specimen("fddi", 10, b"\x50" + MACS + llc, "fddi/llc/ip"),
        Specimen("atm rfc 1483", 100, llc, "atm/llc/ip"),
        Specimen("atm bridged", 100, bridged + b"\0\7" + bytes(2) + framed, "atm/llc/eth/ip"),
        Specimen(
            "atm bridged, checked", 100, bridged + b"\0\1" + bytes(2) + framed + bytes(4), "atm/llc/eth/ip"
        ),
        Specimen("atm bridged, not padded", 100, bridged + b"\0\7" + framed, "atm/llc/eth/ip", tshark=False),
        Specimen("ppp over atm", 100, b"\xfe\xfe\3\xcf\0\x21" + p, "atm/llc/ppp/ip"),
        Specimen("symantec", 99, b"\1\2\3\4\0\0\x08\0" + bytes(36) + p, "symantec/ip"),
        Specimen(
            "symantec 3", 99, b"\1\2\3\4" + bytes(6) + b"\x86\xdd" + bytes(44) + v6, "symantec/ipv6", hosts=V6
        ),
        Specimen("clip", 106, p, "clip/ip"),
        Specimen("clip, llc", 106, llc, "clip/llc/ip", tshark=False),
        Specimen("c-hdlc", 104, b"\x8f\0\x86\xdd" + v6, "chdlc/ipv6", hosts=V6),
        Specimen("802.11", 105, plain, "wlan/llc/ip"),
        Specimen("802.11 qos", 105, wlan(0x88, 1, llc, qos=b"\0\0"), "wlan/llc/ip"),
        Specimen("802.11 four addresses", 105, wlan(8, 3, llc, fourth=bytes(6)), "wlan/llc/ip"),
        Specimen(
            "802.11 qos, four addresses, ht",
            105,
            wlan(0x88, 0x83, llc, fourth=bytes(6), qos=b"\0\0" + bytes(4)),
            "wlan/llc/ip",
        ),
        Specimen("802.11 aggregate", 105, wlan(0x88, 2, amsdu, qos=b"\x80\0"), "wlan/llc/ip"),
        Specimen(
            "802.11 mesh",
            105,
            wlan(0x88, 3, b"\0\x1f" + bytes(4) + mesh, fourth=bytes(6), qos=b"\0\1"),
            "wlan/llc/ip",
        ),
        Specimen(
            "802.11 mesh, fourth address",
            105,
            wlan(0x88, 2, b"\1\x1f" + bytes(10) + mesh, qos=b"\0\1"),
            "wlan/llc/ip",
        ),
        Specimen(
            "802.11 mesh, six addresses",
            105,
            wlan(0x88, 3, b"\2\x1f" + bytes(16) + mesh, fourth=bytes(6), qos=b"\0\1"),
            "wlan/llc/ip",
        ),
        Specimen(
            "802.11 mesh aggregate",
            105,
            wlan(0x88, 3, mesh_amsdu, fourth=bytes(6), qos=b"\x80\1"),
            "wlan/llc/ip",
            tshark=False,
        ),
        Specimen("802.11 qos, no mesh", 105, wlan(0x88, 2, llc, qos=b"\0\1"), "wlan/llc/ip"),
        Specimen("802.11 decrypted", 105, wlan(8, 0x41, bytes(8) + llc), "wlan/llc/ip", tshark=False),
        Specimen("frame relay ietf", 107, b"\x18\x41\3\xcc" + p, "fr/ip"),
        Specimen("frame relay v6", 107, b"\x18\x41\3\x8e" + v6, "fr/ipv6", hosts=V6),
        Specimen("frame relay snap", 107, b"\x18\x41\3\0\x80\0\0\0\x08\0" + p, "fr/ip"),
        Specimen("frame relay bridged", 107, b"\x18\x41\3\0\x80\0\x80\xc2\0\7" + framed, "fr/eth/ip"),
        Specimen("frame relay cisco", 107, b"\x18\x41\x08\0" + p, "fr/ip"),
        Specimen("frame relay, long address", 107, b"\x18\x40\x40\x41\3\xcc" + p, "fr/ip"),
        Specimen("enc", 109, struct.pack("<III", 2, 0, 0) + p, "enc/ip"),
        Specimen("cooked", 113, struct.pack("!HHH8sH", 0, 1, 6, bytes(8), 0x0800) + p, "sll/ip"),
        Specimen(
            "cooked radiotap",
            113,
            struct.pack("!HHH8sH", 0, 803, 6, bytes(8), 4 << 6) + struct.pack("<BBHI", 0, 0, 8, 0) + plain,
            "sll/radiotap/wlan/llc/ip",
        ),
        Specimen(
            "cooked radiotap, protocol of llc",
            113,
            struct.pack("!HHH8sH", 0, 803, 6, bytes(8), 4) + radio,
            "sll/radiotap/wlan/llc/ip",
        ),
        Specimen("cooked frame", 113, struct.pack("!HHH8sH", 0, 1, 6, bytes(8), 3) + framed, "sll/eth/ip"),
        Specimen(
            "cooked frame of 802.3",
            113,
            struct.pack("!HHH8sH", 0, 1, 6, bytes(8), 1) + framed,
            "sll/eth/ip",
            tshark=False,
        ),
        Specimen(
            "cooked ppp",
            113,
            struct.pack("!HHH8sH", 0, 512, 0, bytes(8), 7) + b"\xff\3\0\x21" + p,
            "sll/ppp/ip",
        ),
        Specimen("cooked netlink", 113, cooked_netlink + log, "sll/netlink/ip"),
        Specimen(
            "cooked 2",
            276,
            struct.pack("!HHIHBB8s", 0x86DD, 0, 1, 1, 0, 6, bytes(8)) + v6,
            "sll2/ipv6",
            hosts=V6,
        ),
        Specimen("pflog", 117, b"\x3d\2\0\0" + bytes(60) + p, "pflog/ip"),
        Specimen("prism", 119, struct.pack("<II", 0x44, 144) + bytes(136) + plain, "prism/wlan/llc/ip"),
        Specimen(
            "avs as prism",
            119,
            struct.pack("!II", 0x80211001, 64) + bytes(56) + plain,
            "avs/wlan/llc/ip",
        ),
        Specimen("ip over fibre channel", 122, bytes(16) + llc, "fc/llc/ip"),
        Specimen("sunatm", 123, b"\2\0\0\x20" + llc, "atm/llc/ip"),
        Specimen("sunatm, kind left out", 123, b"\0\0\0\x20" + llc, "atm/llc/ip"),
        Specimen(
            "sunatm bridged", 123, b"\2\0\0\x20" + bridged + b"\0\7" + bytes(2) + framed, "atm/llc/eth/ip"
        ),
        Specimen("docsis", 143, docsis(0, b"") + framed + bytes(4), "docsis/eth/ip", tshark=False),
        Specimen(
            "docsis, extended", 143, docsis(1, bytes(4)) + framed + bytes(4), "docsis/eth/ip", tshark=False
        ),
        Specimen("tzsp link", 128, b"\1\0\0\1" + b"\x0a\1\0" + b"\1" + framed, "tzsp/eth/ip"),
        Specimen("sunatm, emulated LAN", 123, b"\1\0\0\x20\0\1" + ethernet(p), "atm/eth/ip"),
        Specimen(
            "radiotap, checked",
            127,
            struct.pack("<BBHIB", 0, 0, 9, 2, 0x10) + plain + bytes(4),
            "radiotap/wlan/llc/ip",
        ),
        Specimen("radiotap", 127, struct.pack("<BBHI", 0, 0, 8, 0) + plain, "radiotap/wlan/llc/ip"),
        Specimen(
            "radiotap, padded header",
            127,
            radiotap + wlan(0x88, 1, llc, qos=b"\0\0", pad=2),
            "radiotap/wlan/llc/ip",
        ),
        Specimen("arcnet linux", 129, b"\1\2\0\0\xf0" + p, "arcnet/ip"),
        Specimen("arcnet linux, rfc 1201", 129, b"\1\2\0\0\xd4\0\0\7" + p, "arcnet/ip"),
        Specimen("arcnet bsd, exception", 7, b"\1\2\xd4\xff\0\7\xff\0\0\7" + p, "arcnet/ip"),
        Specimen("ieee 1394", 138, bytes(16) + b"\x08\0" + p, "ieee1394/ip"),
        Specimen("avs", 163, struct.pack("!II", 0x80211001, 64) + bytes(56) + plain, "avs/wlan/llc/ip"),
        Specimen("juniper ethernet", 178, juniper + framed, "juniper/eth/ip"),
        Specimen(
            "juniper ethernet, extensions",
            178,
            b"MGC\x81\0\6" + bytes(6) + framed,
            "juniper/eth/ip",
        ),
        Specimen(
            "juniper atm bridged",
            135,
            juniper + bytes(8) + bridged + b"\0\7" + bytes(2) + framed,
            "juniper/llc/eth/ip",
        ),
        Specimen(
            "juniper atm, circuit bridged",
            135,
            b"MGC\0" + b"\xff" * 4 + bytes(4) + framed,
            "juniper/eth/ip",
            tshark=False,
        ),
        Specimen("juniper monitor", 164, juniper + p, "juniper/ip", tshark=False),
        Specimen(
            "juniper pppoe",
            167,
            juniper + eth(struct.pack("!BBHHH", 0x11, 0, 5, 2 + len(p), 0x0021) + p, 0x8864),
            "juniper/eth/pppoe:5/ip",
            ("pppoe:5",),
        ),
        Specimen(
            "juniper pppoe over atm",
            168,
            juniper + b"\x88\x64" + struct.pack("!BBHHH", 0x11, 0, 5, 2 + len(p), 0x0021) + p,
            "juniper/pppoe:5/ip",
            ("pppoe:5",),
            tshark=False,
        ),
        Specimen("juniper voice", 183, juniper + bytes(18) + p, "juniper/ip"),
        Specimen("juniper ppp", 179, juniper + b"\xff\3\0\x21" + p, "juniper/ppp/ip"),
        Specimen("juniper frame relay", 180, juniper + b"\x18\x41\3\xcc" + p, "juniper/fr/ip"),
        Specimen("juniper hdlc", 181, juniper + b"\x0f\0\x08\0" + p, "juniper/chdlc/ip"),
        Specimen("juniper without link layer", 178, b"MGC\3\2\0\0\0" + p, "juniper/ip"),
        Specimen("ppi", 192, struct.pack("<BBHI", 0, 0, 8, 105) + plain, "ppi/wlan/llc/ip"),
        Specimen(
            "erf ethernet",
            197,
            bytes(8) + b"\2\0" + struct.pack("!HHH", 18 + len(framed), 0, len(framed)) + b"\0\0" + framed,
            "erf/eth/ip",
        ),
        Specimen("ppp with direction", 204, b"\0\xff\3\0\x21" + p, "ppp/ip"),
        Specimen("c-hdlc with direction", 205, b"\0\x0f\0\x08\0" + p, "chdlc/ip", tshark=False),
        Specimen("frame relay with direction", 206, b"\0\x18\x41\3\xcc" + p, "fr/ip", tshark=False),
        Specimen("mpls link", 219, label(4, bottom=True) + p, "mpls:4/ip", tshark=False),
        Specimen("ipnet", 226, b"\1\2" + bytes(22) + p, "ipnet/ip", tshark=False),
        Specimen("nflog", 239, nflog, "nflog/ip"),
        Specimen("nflog of a bridge", 239, bridge, "nflog/ipv6", hosts=V6, tshark=False),
        Specimen("nflog of a bridge, tag", 239, bridge_tag, "nflog/vlan:9/ip", ("vlan:9",), tshark=False),
        Specimen("nflog of a device, whole frame", 239, device, "nflog/eth/ip", tshark=False),
        Specimen("nflog, big-endian", 239, nflog_big, "nflog/ipv6", hosts=V6, tshark=False),
        Specimen("netlink log", 253, cooked_netlink + log, "netlink/ip"),
        Specimen(
            "netlink log, big-endian", 253, cooked_netlink + big_log, "netlink/ipv6", hosts=V6, tshark=False
        ),
        Specimen("netlink queue", 253, queue, "netlink/ip"),
        Specimen("netanalyzer", 240, bytes(4) + framed + bytes(4), "eth/ip", tshark=False),
        Specimen("ipoib", 242, bytes(40) + b"\x08\0\0\0" + p, "ipoib/ip"),
        Specimen(
            "pktap",
            258,
            struct.pack("<III", 108, 1, 12) + bytes(96) + p,
            "pktap/raw/ip",
        ),
        Specimen("broadcom switch tag", 281, MACS + bytes(4) + b"\x08\0" + p, "eth/dsa/ip", tshark=False),
        Specimen("dsa switch tag", 284, MACS + bytes(4) + b"\x08\0" + p, "eth/dsa/ip", tshark=False),
    ]


def combined() -> list[Specimen]:
    p = packet()
    inner = ethernet(p, (30,))
    vxlan = udp_packet((OUTER[0], 1), (OUTER[1], 4789), b"\x08\0\0\0\0\0\7\0" + inner)
    in_gre = gre_packet(*OUTER, vxlan, 5)
    in_mpls = eth(label(20, bottom=True) + in_gre, 0x8847)
    pppoe = struct.pack("!BBHHH", 0x11, 0, 6, 2 + len(in_gre), 0x21) + in_gre
    return [
        Specimen(
            "vxlan in gre in mpls",
            1,
            in_mpls,
            "eth/mpls:20/ip/gre:5/ip/vxlan:7/eth/vlan:30/ip",
            ("gre:5", "vxlan:7", "vlan:30"),
        ),
        Specimen(
            "vxlan in gre in pppoe in qinq, cooked",
            113,
            struct.pack("!HHH8sH", 0, 1, 6, bytes(8), 0x88A8) + b"\0\1\x81\0" + b"\0\2\x88\x64" + pppoe,
            "sll/vlan:1/vlan:2/pppoe:6/ip/gre:5/ip/vxlan:7/eth/vlan:30/ip",
            ("vlan:1", "vlan:2", "pppoe:6", "gre:5", "vxlan:7", "vlan:30"),
        ),
    ]


def specimens() -> list[Specimen]:
    """All of them."""
    return [*tags(), *over_ip(), *over_udp(), *link_layers(), *combined()]
