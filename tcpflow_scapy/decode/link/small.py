"""Link layers whose header has a fixed size and, at most, one field that matters."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.guess import looks_ip
from tcpflow_scapy.decode.ip.ipv4 import ip
from tcpflow_scapy.decode.layers import Items, Layer
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run
from tcpflow_scapy.decode.tunnel.mpls import mpls

from .ethernet import LABEL as ETHERNET_LABEL
from .ethernet import by_type_or_length, ethernet
from .frame_relay import frame_relay
from .llc import llc

IPOIB = np.dtype([("type", ">u2"), ("reserved", ">u2")])
GRH_SIZE = 40

IEEE1394 = np.dtype([("addresses", "V16"), ("type", ">u2")])

PKTAP = np.dtype([("length", "<u4"), ("kind", "<u4"), ("link_type", "<u4")])
PKTAP_PACKET = 1

PFLOG = np.dtype([("length", "u1"), ("family", "u1")])

SUNATM = np.dtype([("flags", "u1"), ("path", "u1"), ("channel", ">u2")])
SUNATM_LANE, SUNATM_LLC = 1, 2
SNAP_SAPS = 0xAAAA
LANE_SIZE = 2
"""LAN emulation's own header, in front of Ethernet"""

DOCSIS = np.dtype([("control", "u1"), ("parameter", "u1"), ("length", ">u2")])
DOCSIS_TYPE, DOCSIS_PACKET, DOCSIS_EXTENDED = 0xC0, 0x00, 0x01
DOCSIS_CHECK_SIZE = 2

SYMANTEC = np.dtype([("interface", "V6"), ("old", ">u2"), ("reserved", "V2"), ("new", ">u2")])
SYMANTEC_SIZES = (44, 56)

BROADCOM_TAG, DSA_TAG, EDSA_TAG = 4, 4, 8

ATM_LABEL = Label("atm", ethernet=True)
CLIP_LABEL = Label("clip", ethernet=True)
DOCSIS_LABEL = Label("docsis")
DSA_LABEL = Label("dsa")
ENC_LABEL = Label("enc", ethernet=True)
FC_LABEL = Label("fc", ethernet=True)
IEEE1394_LABEL = Label("ieee1394", ethernet=True)
IPNET_LABEL = Label("ipnet", ethernet=True)
IPOIB_LABEL = Label("ipoib", ethernet=True)
PFLOG_LABEL = Label("pflog", ethernet=True)
PKTAP_LABEL = Label("pktap")
SYMANTEC_LABEL = Label("symantec", ethernet=True)
SLIP_LABEL = Label("slip", ethernet=True)

_TYPE = np.dtype(">u2")
_U1 = np.dtype("u1")


def _behind(run: Run, items: Items, size: int, label: Label, layer: Layer) -> None:
    """Step over `size` bytes."""
    items.cursor = items.cursor + size
    (items,) = run.keep(items, items.cursor <= items.end, Reason.TRUNCATED_LINK)
    run.mark(items, label)
    run.forward(layer, items)


def mpls_link(run: Run, items: Items) -> None:
    """LINKTYPE_MPLS: a label stack."""
    run.forward(mpls, items)


def atm_rfc1483(run: Run, items: Items) -> None:
    """LINKTYPE_ATM_RFC1483: LLC (RFC 2684)."""
    _behind(run, items, 0, ATM_LABEL, llc)


def ipoib(run: Run, items: Items) -> None:
    """LINKTYPE_IPOIB: IP over InfiniBand (RFC 4391), behind the hardware addresses."""
    items.cursor = items.cursor + GRH_SIZE
    items, header = run.take(items, IPOIB)
    items.cursor = items.cursor + IPOIB.itemsize
    run.mark(items, IPOIB_LABEL)
    run.ethertype(header["type"], items)


def ieee1394(run: Run, items: Items) -> None:
    """LINKTYPE_APPLE_IP_OVER_IEEE1394: two addresses of 8 bytes, Ethernet type."""
    items, header = run.take(items, IEEE1394)
    items.cursor = items.cursor + IEEE1394.itemsize
    run.mark(items, IEEE1394_LABEL)
    run.ethertype(header["type"], items)


def ip_over_fc(run: Run, items: Items) -> None:
    """LINKTYPE_IP_OVER_FC (RFC 2625): two addresses of 8 bytes, then LLC."""
    _behind(run, items, 16, FC_LABEL, llc)


def enc(run: Run, items: Items) -> None:
    """LINKTYPE_ENC: OpenBSD's view behind IPsec."""
    _behind(run, items, 12, ENC_LABEL, ip)


def ipnet(run: Run, items: Items) -> None:
    """LINKTYPE_IPNET: Solaris loopback."""
    _behind(run, items, 24, IPNET_LABEL, ip)


def slip(run: Run, items: Items) -> None:
    """LINKTYPE_SLIP: direction and a saved header, then IP."""
    _behind(run, items, 16, SLIP_LABEL, ip)


def pflog(run: Run, items: Items) -> None:
    """LINKTYPE_PFLOG: a firewall's log record says its length; IP follows at a multiple of four."""
    items, header = run.take(items, PFLOG)
    length = header["length"].astype(np.int64) + 3 & ~3
    items.cursor = items.cursor + length
    run.mark(items, PFLOG_LABEL)
    run.forward(ip, items)


def clip(run: Run, items: Items) -> None:
    """LINKTYPE_LINUX_CLIP: classical IP over ATM (RFC 2225), behind LLC or not."""
    run.mark(items, CLIP_LABEL)
    packet = looks_ip(run, items)
    run.forward(ip, items.pick(packet))
    run.forward(llc, items.pick(~packet))


def docsis(run: Run, items: Items) -> None:
    """LINKTYPE_DOCSIS: cable modems put a header with a check sequence in front of Ethernet."""
    items, header = run.take(items, DOCSIS)
    packet = header["control"] & DOCSIS_TYPE == DOCSIS_PACKET
    items, header = run.keep(items, packet, Reason.NOT_DATA, header)
    extension = np.where(header["control"] & DOCSIS_EXTENDED != 0, header["parameter"], np.uint8(0))
    items.cursor = items.cursor + DOCSIS.itemsize + extension.astype(np.int64) + DOCSIS_CHECK_SIZE
    run.mark(items, DOCSIS_LABEL)
    run.forward(ethernet, items)


def symantec(run: Run, items: Items) -> None:
    """LINKTYPE_SYMANTEC_FIREWALL: an Ethernet type in one of two places, the other one is zero."""
    items, header = run.take(items, SYMANTEC)
    old = header["new"] == 0
    good = old != (header["old"] == 0)
    items, header, old = run.keep(items, good, Reason.OTHER_ETHERTYPE, header, old)
    items.cursor = items.cursor + np.where(old, *SYMANTEC_SIZES)
    (items, header, old) = run.keep(items, items.cursor <= items.end, Reason.TRUNCATED_LINK, header, old)
    run.mark(items, SYMANTEC_LABEL)
    run.ethertype(np.where(old, header["old"], header["new"]), items)


def sunatm(run: Run, items: Items) -> None:
    """LINKTYPE_SUNATM: circuits with LLC, and emulated Ethernet. Some drivers leave the kind out."""
    items, header = run.take(items, SUNATM)
    kind = header["flags"] & 0x0F
    logical = (kind == 0) & (run.read(_TYPE, items.cursor + SUNATM.itemsize) == SNAP_SAPS)
    kind = np.where(logical, np.uint8(SUNATM_LLC), kind)
    items, kind = run.keep(items, np.isin(kind, (SUNATM_LANE, SUNATM_LLC)), Reason.OTHER_ETHERTYPE, kind)
    emulated = kind == SUNATM_LANE
    _behind(run, items.pick(emulated), SUNATM.itemsize + LANE_SIZE, ATM_LABEL, ethernet)
    _behind(run, items.pick(~emulated), SUNATM.itemsize, ATM_LABEL, llc)


def pktap(run: Run, items: Items) -> None:
    """LINKTYPE_PKTAP: Apple's metadata, then a frame of the link type it names."""
    items, header = run.take(items, PKTAP)
    good = (header["kind"] == PKTAP_PACKET) & (header["length"] >= PKTAP.itemsize)
    items, header = run.keep(items, good, Reason.NOT_DATA, header)
    items.cursor = items.cursor + header["length"].astype(np.int64)
    run.mark(items, PKTAP_LABEL)
    run.link_type(np.minimum(header["link_type"], 0xFFFF), items)


def frame_relay_with_direction(run: Run, items: Items) -> None:
    """LINKTYPE_FRELAY_WITH_DIR."""
    items.cursor = items.cursor + 1
    run.forward(frame_relay, items)


def netanalyzer(run: Run, items: Items) -> None:
    """LINKTYPE_NETANALYZER: four bytes in front of Ethernet."""
    items.cursor = items.cursor + 4
    run.forward(ethernet, items)


def netanalyzer_transparent(run: Run, items: Items) -> None:
    """LINKTYPE_NETANALYZER_TRANSPARENT: the preamble, too."""
    items.cursor = items.cursor + 12
    run.forward(ethernet, items)


def epon(run: Run, items: Items) -> None:
    """LINKTYPE_EPON: the preamble in front of Ethernet."""
    items.cursor = items.cursor + 8
    run.forward(ethernet, items)


def _switch_tagged(run: Run, items: Items, size: int) -> None:
    """Ethernet with a switch chip's tag between the addresses and the type."""
    items.cursor = items.cursor + 12 + size
    items, kind = run.take(items, _TYPE)
    items.cursor = items.cursor + _TYPE.itemsize
    run.mark(items, ETHERNET_LABEL)
    run.mark(items, DSA_LABEL)
    by_type_or_length(run, items, kind.astype(np.int64))


def dsa_broadcom(run: Run, items: Items) -> None:
    """LINKTYPE_DSA_TAG_BRCM."""
    _switch_tagged(run, items, BROADCOM_TAG)


def dsa_broadcom_front(run: Run, items: Items) -> None:
    """LINKTYPE_DSA_TAG_BRCM_PREPEND: the tag comes first."""
    items.cursor = items.cursor + BROADCOM_TAG
    run.forward(ethernet, items)


def dsa(run: Run, items: Items) -> None:
    """LINKTYPE_DSA_TAG_DSA."""
    _switch_tagged(run, items, DSA_TAG)


def edsa(run: Run, items: Items) -> None:
    """LINKTYPE_DSA_TAG_EDSA."""
    _switch_tagged(run, items, EDSA_TAG)
