"""Names of link types."""

from __future__ import annotations

from tcpflow_scapy.capture.linktypes import LONG_FRAMES, NAMES, UNKNOWN, linktype_name


def test_link_types_have_names() -> None:
    assert linktype_name(1) == "ETHERNET"
    assert linktype_name(101) == "RAW"
    assert linktype_name(UNKNOWN) == "UNKNOWN"
    assert linktype_name(4321) == "4321"
    assert set(NAMES) >= LONG_FRAMES
