"""Media types of Network Monitor frames as LINKTYPE numbers, and the headers it puts before some."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.capture.frames import Array
from tcpflow_scapy.capture.linktypes import UNKNOWN
from tcpflow_scapy.capture.windows import Window

ATM = 4
WIRELESS = 6
PCAP = 0xE000
WIRELESS_MESSAGE = 0xE080

LINKTYPES: dict[int, int] = {
    0: 1,  # seen with Ethernet frames in captures of VPNs
    1: 1,  # Ethernet
    2: 6,  # token ring
    3: 10,  # FDDI
    ATM: 100,  # ATM: LLC, after a header of its own
    WIRELESS: 105,  # 802.11, after a header of its own
    7: 101,  # tunnels: raw IP
    8: 101,  # wireless WAN: raw IP
    9: 101,  # raw IP
    WIRELESS_MESSAGE: 105,
}

ATM_HEADER = 16
"""two addresses of six bytes, VPI and VCI"""

WIRELESS_VERSION = 2
"""first byte of the metadata before 802.11 frames; its length follows, little-endian"""


def linktypes(media: Array) -> Array:
    """LINKTYPE of each media type. Those from 0xE000 on are LINKTYPEs of converted pcap files."""
    out = np.full(len(media), UNKNOWN, np.uint16)
    for code in np.unique(media).tolist():
        if code in LINKTYPES:
            out[media == code] = LINKTYPES[code]
        elif code & 0xF000 == PCAP and not WIRELESS_MESSAGE <= code <= WIRELESS_MESSAGE + 10:
            out[media == code] = code & 0x0FFF
    return out


def without_media_header(
    window: Window, media: Array, position: Array, caplen: Array, wirelen: Array
) -> tuple[Array, Array, Array]:
    """Take off what Network Monitor puts before ATM and 802.11 frames."""
    size = np.where((media == ATM) & (caplen >= ATM_HEADER), ATM_HEADER, 0)
    wireless = (media == WIRELESS) & (caplen >= 3)
    if wireless.any():
        memory = window.memory
        length = memory[position + 1].astype(np.int64) | memory[position + 2].astype(np.int64) << 8
        wireless &= (memory[position] == WIRELESS_VERSION) & (length <= caplen)
        size = np.where(wireless, length, size)
    return position + size, caplen - size, np.maximum(wirelen - size, 0)
