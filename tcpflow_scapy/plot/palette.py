"""Colours and patterns of all pictures: told apart without colour vision, on white and on black.

The hues are those of Okabe and Ito, "Color Universal Design" (2008). Yellow is left out: on white paper it
cannot be seen. What matters is also said by shape or pattern, so that a grey print still reads.
"""

from __future__ import annotations

from tcpflow_scapy.reassembly.tables import GapCause, SegmentClass

BLUE = "#0072B2"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
VERMILLION = "#D55E00"
GREY = "#8C8C8C"
BROWN = "#8C5A2B"
INK = "ink"
"""the colour of text and axes, whatever the theme makes it"""

SERIES = (BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, BROWN)
"""For series without a colour of their own, in order."""

SIDE = {"client": BLUE, "server": VERMILLION}
"""Who sent it; as in terminals and notebooks."""

CAPTURED = BLUE
CONFLICT = VERMILLION

SEGMENT = {
    SegmentClass.NEW: BLUE,
    SegmentClass.OUT_OF_ORDER: ORANGE,
    SegmentClass.RETRANSMISSION: VERMILLION,
    SegmentClass.PARTIAL_OVERLAP: PURPLE,
    SegmentClass.KEEP_ALIVE: SKY,
    SegmentClass.ZERO_WINDOW_PROBE: SKY,
}
"""Segments with payload; all other classes are grey."""

HATCH = {
    GapCause.TRUNCATED: "...",
    GapCause.NOT_CAPTURED: "///",
    GapCause.NOT_ACKNOWLEDGED: "\\\\\\",
    GapCause.FRAGMENT_MISSING: "xxx",
}
"""What is missing is hatched, by cause."""

GAP = {
    GapCause.TRUNCATED: "#A6A6A6",
    GapCause.NOT_CAPTURED: "#7F7F7F",
    GapCause.NOT_ACKNOWLEDGED: "#B39B7D",
    GapCause.FRAGMENT_MISSING: "#8A9BB5",
}
"""And greyish, where there are too many to be hatched."""
