"""Every class of difference between tcpflow 1.6.1 and our command line, with the reason.

The rules that put a difference into a class are in the ``side_*`` files beside this one: each needs evidence,
a frame or a number, and none takes what it cannot prove.
"""

from __future__ import annotations

CLASSES = {
    "unexplained": "nothing explains it",
    # lengths
    "padding": "tcpflow takes Ethernet padding, trailers and check sequences for payload",
    "memory": "tcpflow writes memory of its process where an IPv6 packet was cut by the snaplen",
    "data_offset": "tcpflow takes a TCP header of less than 20 bytes for payload",
    "ip_length_0": "tcpflow drops IPv4 packets whose length is 0 (segmentation offload)",
    "snaplen_header": "libpcap cuts records to the snaplen of the header; what is there is read here",
    "truncated_header": "a segment whose TCP header is cut: only tcpflow's -K has it",
    # streams
    "overwrite": "tcpflow lets the last version of a byte win; the first counts here, both are kept",
    "before_isn": "tcpflow drops all of a segment that begins before the first byte; it is trimmed here",
    "late_syn": "tcpflow loses or misplaces what came before its SYN",
    "stale": "tcpflow leaves stale copies of bytes where earlier ones are put in front; here it is a gap",
    "reset_payload": "the payload of a reset explains it and is no stream data (RFC 1122, 4.2.2.12)",
    "limit": "tcpflow's -b is exceeded where earlier bytes are put in front",
    # connections
    "closed_by_fin": "tcpflow makes a new file of what comes after the FIN; here the numbers decide",
    "closed_by_reset": "tcpflow closes the stream at any reset; here its number must be plausible",
    "far": "tcpflow closes the stream at a far number of any packet, also backwards; here only data counts",
    "reuse": "tcpflow puts a new connection of the same endpoints into the old file, or drops its SYN",
    "timeout": "tcpflow's timeout is for each direction by itself, in whole seconds, by order of packets",
    "vlan_merged": "tcpflow puts several VLANs into one file",
    # what is read
    "format": "libpcap cannot read the format",
    "stopped": "libpcap stops there (damage, or interfaces that differ); reading goes on here",
    "link_type": "a link type that tcpflow does not know ends its run",
    "link_header": "tcpflow does not look into this link layer (PPPoE, MPLS, LLC, other Ethernet types ...)",
    "loopback_family": "tcpflow knows only two families on loopback interfaces",
    "tunnel": "tcpflow does not look into tunnels",
    "extension_header": "tcpflow does not walk IPv6 extension headers",
    "fragments": "tcpflow does not put IP fragments together",
    # names, times
    "vlan_name": "tcpflow shows priority bits as VLAN number, and no outer tag but 0x8100",
    "stray_first": "tcpflow does not count packets before the first with SYN or payload, so it begins later",
    "nanoseconds": "tcpflow cuts times to microseconds",
    "after_2038": "tcpflow's seconds have 32 bits with a sign",
    "broken_time": "a record whose fraction of a second is none; tcpflow's time for it is cut",
    "flow_number": "tcpflow numbers pieces of streams as it makes them, directions are numbered here",
    "session": "tcpflow numbers sessions by what is open at the time; the number is the flow's here",
    "mac_of_no_ethernet": "tcpflow shows bytes of the frame as MAC addresses where there are none",
    # report
    "stray": "packets that belong to a connection but that tcpflow does not count",
    "report_broken": "tcpflow's report ends in the middle when it fails",
    "out_of_order": "tcpflow counts every step backwards, also of retransmissions; segments are counted here",
    "report_numbered": "tcpflow replaces the report of the run before; it is numbered like the files here",
    "violations": "tcpflow counts SYNs with data and its own drops as violations",
    "filesize": "tcpflow's filesize is wrong after earlier bytes were put in front",
    "clock_backwards": "tcpflow's endtime is the last packet's, not the latest",
    # outputs
    "index_order": "tcpflow's index is in order of arrival, with overlaps; sorted and disjoint here",
    "index_front": "tcpflow's index is not corrected after earlier bytes were put in front",
    "split_link_type": "tcpflow writes Token Ring (6) as link type of Ethernet",
    "split_shared": "tcpflow's -K puts connections of the same endpoints into one file",
    "never_reported": "tcpflow's -w leaves out what is not IP",
    "aborted": "tcpflow's -w ends with an abort for this format",
    "unused_version": "tcpflow's -w copies an old file version, but not its order of lengths",
    "json_form": "JSON lines have payload in Base64, with time, offset, frame and flow here",
    "json_host": "tcpflow reads addresses back from file names, which fails for IPv6",
    "colour": "tcpflow shows clients in their colour only where it saw their SYN",
    "repeated": "tcpflow skips streams that are short, repeat themselves, or are like another one",
    "body_short": "tcpflow takes no HTTP bodies out of streams below 80 bytes",
    "body_start": "tcpflow takes HTTP bodies only out of streams that begin with a response",
    "body_header": "tcpflow gives up at a header line without a colon",
    "body_head": "tcpflow does not know that responses to HEAD have no body",
    "body_coding": "tcpflow does not undo this content coding",
    "body_lost": "tcpflow loses bodies whose coding it does not get through",
    "no_files": "tcpflow counts no bytes with -FX",
}
"""Name and reason of each class, in the order in which they are shown."""
