"""Frames from Scapy's sockets, for machines without a libpcap that can capture: raw bytes, not dissected."""

from __future__ import annotations

import errno
import struct
import sys
import time
from typing import Any

import numpy as np

from tcpflow_scapy.capture.limits import USUAL_FRAME
from tcpflow_scapy.capture.live.devices import (
    ANY,
    BATCH_BYTES,
    ERROR_NO_SUCH_DEVICE,
    ERROR_NOT_UP,
    ERROR_PERMISSION,
    NOTHING,
    Batch,
    InterfaceLost,
    LiveOptions,
    PcapTap,
    Tap,
    refused,
)
from tcpflow_scapy.capture.live.sections import Counters
from tcpflow_scapy.capture.live.waiting import readable
from tcpflow_scapy.errors import CaptureOSError, LibpcapMissing

SOL_PACKET, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING = 263, 6, 23
SO_RCVBUF, SO_RCVBUFFORCE = 8, 33
ETHERNET = 1

CODES = {
    errno.EPERM: ERROR_PERMISSION,
    errno.EACCES: ERROR_PERMISSION,
    errno.ENODEV: ERROR_NO_SUCH_DEVICE,
    errno.ENXIO: ERROR_NO_SUCH_DEVICE,
    errno.ENETDOWN: ERROR_NOT_UP,
}


def open_tap(name: str, options: LiveOptions) -> Tap:
    """The best way to capture from an interface that this machine has.

    Raises
    ------
    CaptureOSError
        It cannot be opened.
    FilterError
        libpcap refuses the filter.
    LibpcapMissing
        A filter is given and there is no libpcap to compile it.
    """
    try:
        return PcapTap(name, options)
    except LibpcapMissing:
        if options.filter:
            raise
    return SocketTap(name, options)


class SocketTap:
    """A listening socket of Scapy; drops are asked of the system where it has a word for them.

    Parameters
    ----------
    name : str
        An interface. There is no ``any`` here: Scapy's sockets are bound to one.
    options : LiveOptions
        Without a filter.

    Raises
    ------
    CaptureOSError
        It cannot be opened.
    """

    nanoseconds = True

    def __init__(self, name: str, options: LiveOptions) -> None:
        if name == ANY:
            raise CaptureOSError("needs libpcap; without it, name the interfaces", path=name)
        # Scapy knows link types and interfaces only once these are imported.
        import scapy.layers.l2  # noqa: F401
        from scapy.config import conf

        self.name, self.snaplen = name, options.snaplen
        self._counters = Counters(0, 0, 0)
        self._frames = 0
        try:
            self._socket: Any = conf.L2listen(iface=name, promisc=options.promisc)
        except (OSError, ValueError) as error:
            number = getattr(error, "errno", None) or errno.ENODEV
            raise refused(name, CODES.get(number, 0), str(error)) from error
        self._tune(options)
        self.linktype = self._linktype(conf)
        # What was dropped while the buffer was small does not count.
        self._drops()

    def _tune(self, options: LiveOptions) -> None:
        """A buffer as large as the system allows; on the loopback each frame once, not on its way out too."""
        raw = getattr(self._socket, "ins", None)
        if raw is None or sys.platform != "linux":
            return
        for option in (SO_RCVBUFFORCE, SO_RCVBUF):
            try:
                raw.setsockopt(1, option, min(options.buffer_size, (1 << 30) - 1))
                break
            except OSError:
                continue
        if self.name == "lo":
            try:
                raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            except OSError:
                pass

    def _linktype(self, conf: Any) -> int:
        layer = getattr(self._socket, "LL", None)
        try:
            return int(conf.l2types.layer2num[layer])
        except (KeyError, TypeError):
            return ETHERNET

    def fileno(self) -> int:
        """The socket's descriptor."""
        return int(self._socket.fileno())

    def take(self) -> Batch:
        """What is waiting."""
        parts, size, frames = [], 0, 0
        while size < BATCH_BYTES and readable([self.fileno()], 0):
            try:
                _, data, stamp = self._socket.recv_raw(USUAL_FRAME)
            except OSError as error:
                if frames:
                    break
                raise InterfaceLost(error.strerror or str(error)) from error
            if not data:
                continue
            now = time.time() if stamp is None else float(stamp)
            seconds = int(now)
            kept = data[: self.snaplen]
            fraction = int((now - seconds) * 1e9)
            parts += [struct.pack("=IIII", seconds, fraction, len(kept), len(data)), kept]
            size += 16 + len(kept)
            frames += 1
        self._frames += frames
        if not frames:
            return NOTHING
        return Batch(np.frombuffer(b"".join(parts), np.uint8), frames)

    def counters(self) -> Counters:
        """Drops are known on Linux only."""
        dropped = self._counters.kernel_dropped + self._drops()
        self._counters = Counters(self._frames + dropped, dropped, 0)
        return self._counters

    def _drops(self) -> int:
        """Frames dropped since the last call: Linux resets its counters when they are read."""
        raw = getattr(self._socket, "ins", None)
        if raw is None or sys.platform != "linux":
            return 0
        try:
            counts: tuple[int, int] = struct.unpack("=II", raw.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        except OSError:
            return 0
        return counts[1]

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


__all__ = ["SocketTap", "open_tap"]
