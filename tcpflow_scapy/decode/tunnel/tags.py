"""Tags of a fixed size in front of an Ethernet type, and headers in front of a whole frame.

Most carry ids that are not the same in both directions (source groups, ports, sequence numbers).
"""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.encapsulation import Label
from tcpflow_scapy.decode.layers import Items
from tcpflow_scapy.decode.link.ethernet import by_type_or_length, ethernet
from tcpflow_scapy.decode.reasons import Reason
from tcpflow_scapy.decode.run import Run

PBB = np.dtype(">u4")
METADATA = np.dtype([("version", "u1"), ("words", "u1")])
TRILL = np.dtype(">u2")

ISID = 0x00FFFFFF
TRILL_OPTIONS = 0x07C0

VNTAG_LABEL = Label("vntag")
ETAG_LABEL = Label("etag")
HSR_LABEL = Label("hsr")
RTAG_LABEL = Label("rtag")
CMD_LABEL = Label("cmd")
PBB_LABEL = Label("pbb", key="value")
FABRICPATH_LABEL = Label("fabricpath")
TRILL_LABEL = Label("trill")

_TYPE = np.dtype(">u2")


def _step(run: Run, items: Items, size: int, label: Label) -> None:
    """Step over `size` bytes and go on by the type behind them."""
    inside = items.cursor + size + _TYPE.itemsize <= items.end
    (items,) = run.keep(items, inside, Reason.TRUNCATED_LINK)
    kind = run.read(_TYPE, items.cursor + size)
    items.cursor = items.cursor + size + _TYPE.itemsize
    run.mark(items, label)
    by_type_or_length(run, items, kind.astype(np.int64))


def vntag(run: Run, items: Items) -> None:
    """Cisco VN-Tag: interface ids between a switch and its fabric extenders."""
    _step(run, items, 4, VNTAG_LABEL)


def etag(run: Run, items: Items) -> None:
    """E-TAG (IEEE 802.1BR, 7)."""
    _step(run, items, 6, ETAG_LABEL)


def hsr(run: Run, items: Items) -> None:
    """HSR tag (IEC 62439-3, 5.7): path, size, sequence number."""
    _step(run, items, 4, HSR_LABEL)


def rtag(run: Run, items: Items) -> None:
    """R-TAG (IEEE 802.1CB, 7.8): sequence number."""
    _step(run, items, 4, RTAG_LABEL)


def cisco_metadata(run: Run, items: Items) -> None:
    """Cisco MetaData: version, length in words, options with the security group of the source."""
    items, header = run.take(items, METADATA)
    size = METADATA.itemsize + (np.maximum(header["words"], 1).astype(np.int64) << 2)
    inside = items.cursor + size + _TYPE.itemsize <= items.end
    items, size = run.keep(items, inside, Reason.TRUNCATED_LINK, size)
    kind = run.read(_TYPE, items.cursor + size)
    items.cursor = items.cursor + size + _TYPE.itemsize
    run.mark(items, CMD_LABEL)
    by_type_or_length(run, items, kind.astype(np.int64))


def pbb(run: Run, items: Items) -> None:
    """Provider backbone bridging (IEEE 802.1ah): service id, then the customer's frame."""
    items, header = run.take(items, PBB)
    items.cursor = items.cursor + PBB.itemsize
    run.mark(items, PBB_LABEL, header & np.uint32(ISID))
    run.forward(ethernet, items)


def fabricpath(run: Run, items: Items) -> None:
    """Cisco FabricPath: tree and time to live, then the host's frame."""
    items, _ = run.take(items, _TYPE)
    items.cursor = items.cursor + _TYPE.itemsize
    run.mark(items, FABRICPATH_LABEL)
    run.forward(ethernet, items)


def trill(run: Run, items: Items) -> None:
    """TRILL (RFC 6325, 3): options counted in words, then the host's frame."""
    items, header = run.take(items, TRILL)
    options = ((header & np.uint16(TRILL_OPTIONS)) >> 6).astype(np.int64) << 2
    items.cursor = items.cursor + 6 + options
    run.mark(items, TRILL_LABEL)
    run.forward(ethernet, items)
