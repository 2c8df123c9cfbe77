"""LINKTYPE_ numbers by name (https://www.tcpdump.org/linktypes.html): those that may carry TCP, and
those that people meet."""

from __future__ import annotations

UNKNOWN = 0xFFFF
"""Not a LINKTYPE: the file does not say, or says it in a code that has no LINKTYPE number."""

NAMES: dict[int, str] = {
    0: "NULL",
    1: "ETHERNET",
    3: "AX25",
    6: "IEEE802_5",
    7: "ARCNET_BSD",
    8: "SLIP",
    9: "PPP",
    10: "FDDI",
    12: "RAW",
    14: "RAW",
    50: "PPP_HDLC",
    51: "PPP_ETHER",
    99: "SYMANTEC_FIREWALL",
    100: "ATM_RFC1483",
    101: "RAW",
    104: "C_HDLC",
    105: "IEEE802_11",
    106: "LINUX_CLIP",
    107: "FRELAY",
    108: "LOOP",
    109: "ENC",
    113: "LINUX_SLL",
    117: "PFLOG",
    119: "IEEE802_11_PRISM",
    122: "IP_OVER_FC",
    123: "SUNATM",
    127: "IEEE802_11_RADIOTAP",
    128: "TZSP",
    129: "ARCNET_LINUX",
    138: "APPLE_IP_OVER_IEEE1394",
    140: "MTP2",
    141: "MTP3",
    143: "DOCSIS",
    144: "LINUX_IRDA",
    149: "USER2",
    163: "IEEE802_11_AVS",
    165: "BACNET_MS_TP",
    166: "PPP_PPPD",
    167: "JUNIPER_PPPOE",
    168: "JUNIPER_PPPOE_ATM",
    187: "BLUETOOTH_HCI_H4",
    189: "USB_LINUX",
    192: "PPI",
    195: "IEEE802_15_4_WITHFCS",
    197: "ERF",
    201: "BLUETOOTH_HCI_H4_WITH_PHDR",
    202: "AX25_KISS",
    204: "PPP_WITH_DIR",
    220: "USB_LINUX_MMAPPED",
    226: "IPNET",
    227: "CAN_SOCKETCAN",
    228: "IPV4",
    229: "IPV6",
    230: "IEEE802_15_4_NOFCS",
    231: "DBUS",
    239: "NFLOG",
    240: "NETANALYZER",
    242: "IPOIB",
    243: "MPEG_2_TS",
    247: "INFINIBAND",
    248: "SCTP",
    249: "USBPCAP",
    251: "BLUETOOTH_LE_LL",
    252: "WIRESHARK_UPPER_PDU",
    253: "NETLINK",
    256: "BLUETOOTH_LE_LL_WITH_PHDR",
    272: "IEEE802_15_4_NONASK_PHY",
    276: "LINUX_SLL2",
    279: "EBHSCR",
    283: "IEEE802_15_4_TAP",
    289: "ETHERNET_MPACKET",
    UNKNOWN: "UNKNOWN",
}

LONG_FRAMES = frozenset({189, 220, 231, 249, 279})
"""Link types whose records may be longer than `limits.USUAL_FRAME` (D-Bus, USB, EBHSCR)."""


def linktype_name(number: int) -> str:
    """The name without its ``LINKTYPE_``, or the number where it has none here."""
    return NAMES.get(number, str(number))
