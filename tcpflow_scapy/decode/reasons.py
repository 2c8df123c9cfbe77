"""Why a frame is no TCP segment: one code for each frame, so that nothing is lost silently."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """Code in `FrameTable.reason`. 0 means: the frame is a row of the `PacketTable`."""

    TCP = 0
    FILTERED = 1
    """the BPF filter did not match"""
    ARP = 2
    UDP = 3
    ICMP = 4
    ICMPV6 = 5
    IGMP = 6
    SCTP = 7
    OTHER_IP = 8
    """an IP protocol that does not carry TCP"""
    OTHER_ETHERTYPE = 9
    """an Ethernet type, LLC or PPP protocol that does not carry IP"""
    FRAGMENT = 10
    """a fragment (of IP, 802.11, CAPWAP, batman-adv) that was not used"""
    FRAGMENT_USED = 11
    """a fragment whose bytes are part of a reassembled datagram or frame"""
    TRUNCATED_LINK = 12
    """captured bytes end inside the link layer, a tag or a tunnel header"""
    TRUNCATED_IP = 13
    TRUNCATED_TCP = 14
    """captured bytes end before the window of the TCP header"""
    MALFORMED_IP = 15
    """version, header length or total length that cannot be"""
    MALFORMED_TCP = 16
    """data offset below 20 bytes or beyond the segment"""
    UNKNOWN_LINKTYPE = 17
    ENCRYPTED = 18
    """802.11 frames with the protected flag, ESP"""
    BAD_CHECKSUM = 19
    """only with verify_checksums=True"""
    TOO_DEEP = 20
    """more nested headers than the limit"""
    NOT_DATA = 21
    """802.11 management and control frames and the like"""
    ICMP_ERROR = 22
    """TCP inside an ICMP error is a quotation, not traffic"""
    EMPTY = 23
    """a frame of no captured bytes"""
    TEREDO_OR_OTHER_BUBBLE = 24
    """a tunnel packet without payload"""
    MALFORMED = 25
    """other damage found by the dissector"""
    UNDECODED = 26
    """beyond the budget for frame-by-frame dissection"""
    BAD_FCS = 27
    """the receiver says that the frame check sequence is wrong: any of its bytes may be"""
    SAMPLED_HEADER = 28
    """an sFlow datagram: headers of sampled packets are quotations, not traffic"""
    NOT_DECOMPRESSED = 29
    """headers whose line lost its state, or compressed data that are damaged or of an unknown kind"""

    @property
    def label(self) -> str:
        """The word shown to people: lower case, spaces."""
        return self.name.lower().replace("_", " ")
