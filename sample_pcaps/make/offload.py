"""Switch a device's offloads off: ``offload.py DEVICE``. So frames are what a wire would carry.

With segmentation offload a capture shows segments of up to 64 KiB that no wire ever saw, with
checksum offload it shows wrong checksums. What ``ethtool -K`` does, without ethtool.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
from array import array

SIOCETHTOOL = 0x8946
SETTERS = {"rx-checksum": 0x15, "tx-checksum": 0x17, "sg": 0x19, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
"""Commands of linux/ethtool.h: ETHTOOL_SRXCSUM, STXCSUM, SSG, STSO, SGSO, SGRO."""


def switch_off(device: str) -> None:
    """All offloads of `device`; one that the device does not have stays as it is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        for command in SETTERS.values():
            order = array("B", struct.pack("II", command, 0))
            request = struct.pack("16sP16x", device.encode(), order.buffer_info()[0])
            try:
                fcntl.ioctl(door, SIOCETHTOOL, request)
            except OSError:
                continue


if __name__ == "__main__":
    switch_off(sys.argv[1])
