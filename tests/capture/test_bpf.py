"""Expressions against libpcap's own bpf_filter, on real and damaged frames of many link types."""

from __future__ import annotations

import ctypes
import functools
import os
import random
import struct
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpflow_scapy.capture import libpcap
from tcpflow_scapy.capture.bpf import Filter, Program, compile_filter
from tcpflow_scapy.capture.frames import FrameBatch
from tcpflow_scapy.errors import FilterError, FilterUnavailable, LibpcapMissing

from .test_bpf_machine import columns

EXPRESSIONS = """
tcp
tcp port 80
tcp port 80 and greater 200
udp or icmp
not tcp
ip
ip6
arp
host 10.0.0.5
src host 10.0.0.5 and dst port 443
host 2001:db8::1
net 10.0.0.0/16
net 10.0.0.0/16 and not port 22
src net 192.168 or dst net 172.16.0.0/12
ip6 net 2001:db8::/32
port 53
portrange 20-25
portrange 20-25 or port 443 or port 8080
tcp src portrange 1024-65535
tcp[tcpflags] & (tcp-syn|tcp-push) != 0
tcp[tcpflags] == tcp-syn
tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420
ip[8] > 63
ip[6:2] & 0x1fff != 0
ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) != 0
less 100
greater 100
len > 60 and len <= 1000
len * 3 / 2 - 7 > 100 or len % 5 = 1
-len + 100 < 20
len ^ 3 == 61
len << 1 > 128
1 << len > 7
100 / ip[4] > 3
ip proto 6
ip proto \\tcp and not ip broadcast or ip multicast
ip6 proto 6
proto 17
ip protochain 6
ip6 protochain 6
ip6[6] = 17
icmp[icmptype] = icmp-echo
tcp[13] = 2 or udp[4:2] > 100
sctp
igmp or vrrp
""".strip().splitlines()

LINK_EXPRESSIONS = """
ether host 02:00:00:00:00:01
ether src 02:00:00:00:00:02 and tcp
ether proto 0x0800
ether[12:2] = 0x0800
ether broadcast or ether multicast
vlan
vlan 5 and tcp
vlan 5 and vlan 6 and tcp port 80
vlan and host 10.0.0.5 or tcp
mpls
mpls 1000 and mpls and tcp
pppoes
pppoes 7 and tcp port 80
pppoed
llc
stp
geneve and ip
""".strip().splitlines()


@functools.cache
def packets() -> tuple[bytes, ...]:
    """IP packets, v4 and v6, of all sorts."""
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
    from scapy.packet import Raw

    rng = random.Random(4)
    made = []
    for _ in range(120):
        source = rng.choice(["10.0.0.5", "10.0.3.4", "192.168.1.9", "172.20.0.1"])
        target = rng.choice(["10.0.0.5", "10.9.0.1", "224.0.0.5", "255.255.255.255"])
        sport, dport = (rng.choice([22, 53, 80, 443, 1024, 8080, 50000]) for _ in "sd")
        load = Raw(rng.choice([b"", b"GET / HTTP/1.1", rng.randbytes(300)]))
        transport = rng.choice(
            [TCP(sport=sport, dport=dport, flags=rng.choice(["S", "SA", "PA", "R", "FA"]))] * 3
            + [UDP(sport=sport, dport=dport), ICMP(type=rng.choice([0, 3, 8]))]
        )
        if rng.random() < 0.7:
            options = rng.choice([[], [], [b"\x01" * 4]])
            frag, protocol = rng.choice([(0, None)] * 5 + [(9, None), (0, 132)])
            extra = {} if protocol is None else {"proto": protocol}
            head = IP(src=source, dst=target, ttl=rng.choice([1, 64, 255]), id=rng.randrange(9), frag=frag,
                      options=options, **extra)  # fmt: skip
        else:
            head = IPv6(
                src=rng.choice(["2001:db8::1", "fe80::1"]), dst=rng.choice(["2001:db8::1", "ff02::1"])
            )
            for extension in rng.choice([[], [], [IPv6ExtHdrHopByHop()], [IPv6ExtHdrFragment()],
                                         [IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt()]]):  # fmt: skip
                head /= extension
        made.append(bytes(head / transport / load))
    return tuple(made)


def link_header(linktype: int, kind: int, rng: random.Random) -> bytes:
    """What precedes an IP packet of that Ethernet type."""
    family = 2 if kind == 0x800 else rng.choice([24, 28, 30])
    if linktype in (0, 109):
        rest = b"" if linktype == 0 else bytes(8)
        return struct.pack(rng.choice("<>") + "I", family) + rest
    if linktype == 108:
        return struct.pack(">I", family)
    if linktype == 113:
        return struct.pack(">HHH8sH", 0, 1, 6, b"\x02", kind)
    if linktype == 276:
        return struct.pack(">HHIHBB8s", kind, 0, 1, 1, 0, 6, b"\x02")
    if linktype == 9:
        return rng.choice([b"", b"\xff\x03"]) + (b"\x00\x21" if kind == 0x800 else b"\x00\x57")
    if linktype in (105, 127, 192):
        radio = {105: b"", 127: b"\0\0\x08\0" + bytes(4), 192: b"\0\0\x08\0\x69\0\0\0"}[linktype]
        llc = b"\xaa\xaa\x03\0\0\0" + struct.pack(">H", kind)
        return radio + b"\x08\x01\0\0" + b"\x02\0\0\0\0\x01" * 3 + b"\x10\0" + llc
    return b""


def ethernet(packet: bytes, rng: random.Random) -> bytes:
    """An Ethernet frame, perhaps with tags, labels or a PPPoE header."""
    kind = 0x800 if packet[0] >> 4 == 4 else 0x86DD
    macs = rng.choice([b"\x02\0\0\0\0\x01", b"\xff" * 6]) + b"\x02\0\0\0\0\x02"
    tail = rng.choice(["plain"] * 4 + ["vlan", "qinq", "mpls", "pppoe", "snap", "arp"])
    if tail == "vlan":
        return macs + struct.pack(">HHH", 0x8100, rng.choice([5, 6]), kind) + packet
    if tail == "qinq":
        return macs + struct.pack(">HHHHH", rng.choice([0x88A8, 0x8100, 0x9100]), 5, 0x8100, 6, kind) + packet
    if tail == "mpls":
        return macs + struct.pack(">HII", 0x8847, 1000 << 12, 7 << 12 | 0x100) + packet
    if tail == "pppoe":
        ppp = 0x21 if kind == 0x800 else 0x57
        return macs + struct.pack(">HBBHHH", 0x8864, 0x11, 0, 7, len(packet) + 2, ppp) + packet
    if tail == "snap":
        return (
            macs
            + struct.pack(">H", len(packet) + 8)
            + b"\xaa\xaa\x03\0\0\0"
            + struct.pack(">H", kind)
            + packet
        )
    if tail == "arp":
        return macs + b"\x08\x06" + packet[:28]
    return macs + struct.pack(">H", kind) + packet


def frames_of(linktype: int, seed: int = 1) -> list[bytes]:
    """Frames of a link type: whole, cut short, with damaged bytes, and pure noise."""
    rng = random.Random(seed)
    frames = []
    for packet in packets():
        kind = 0x800 if packet[0] >> 4 == 4 else 0x86DD
        frame = ethernet(packet, rng) if linktype == 1 else link_header(linktype, kind, rng) + packet
        frames.append(frame)
        if linktype == 1:
            frames.append(frame[:12] + struct.pack(">HHHHH", 0x8100, 5, 0x8100, 6, kind) + packet)
        frames.append(frame[: rng.randrange(len(frame))])
        damaged = bytearray(frame)
        for _ in range(rng.randrange(1, 6)):
            damaged[rng.randrange(min(len(damaged), 80))] = rng.randrange(256)
        frames.append(bytes(damaged))
    return [*frames, *(rng.randbytes(rng.randrange(90)) for _ in range(60)), b""]


def reference(code: bytes, frames: list[bytes], wirelen: np.ndarray) -> list[bool]:
    """libpcap's bpf_filter, frame by frame."""
    function = libpcap.load().library.bpf_filter
    function.restype = ctypes.c_uint
    function.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint]
    return [function(code, f, int(w), len(f)) != 0 for f, w in zip(frames, wirelen, strict=True)]


def check(expression: str, linktype: int, frames: list[bytes]) -> int:
    """Compare, and say how many frames matched."""
    program = compile_filter(expression, linktype)
    memory, position, caplen = columns(frames)
    wirelen = caplen + np.arange(len(frames)) % 3 * 500
    matched = program.matches(memory, position, caplen, wirelen)
    assert matched.dtype == bool
    assert matched.tolist() == reference(program.bytecode(), frames, wirelen), (expression, linktype)
    return int(matched.sum())


@pytest.mark.parametrize("expression", EXPRESSIONS + LINK_EXPRESSIONS)
def test_expression_on_ethernet(expression: str) -> None:
    check(expression, 1, frames_of(1))


def test_expressions_do_match_something() -> None:
    # Equal to libpcap is worth little where nothing matches; few of these may be that rare.
    frames = frames_of(1)
    idle = [e for e in EXPRESSIONS + LINK_EXPRESSIONS if not check(e, 1, frames)]
    assert set(idle) <= {"pppoed", "stp", "geneve and ip", "igmp or vrrp"}


@pytest.mark.parametrize("linktype", [9, 12, 101, 105, 108, 113, 127, 192, 276, 50, 51, 104, 107, 112, 129])
def test_every_expression_on_other_link_types(linktype: int) -> None:
    frames = frames_of(linktype)
    compiled = 0
    for expression in EXPRESSIONS:
        try:
            check(expression, linktype, frames)
        except FilterUnavailable:
            continue
        compiled += 1
    assert compiled > len(EXPRESSIONS) // 2


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(EXPRESSIONS), st.lists(st.binary(max_size=80), max_size=10))
def test_random_bytes_on_ethernet(expression: str, frames: list[bytes]) -> None:
    check(expression, 1, frames)


@pytest.mark.parametrize("linktype", [228, 229])
def test_raw_ip_of_one_version(linktype: int) -> None:
    version = 4 if linktype == 228 else 6
    frames = [p for p in packets() if p[0] >> 4 == version]
    for expression in ("tcp", "tcp port 80", "udp", "ip", "ip6", "host 10.0.0.5"):
        check(expression, linktype, frames)
    memory, position, caplen = columns(frames)
    # libpcap calls `ip6` on raw IPv4 an error; among other link types it is simply no match.
    other = compile_filter("ip6" if version == 4 else "ip", linktype)
    assert not other.matches(memory, position, caplen, caplen).any()
    own = compile_filter("ip" if version == 4 else "ip6", linktype)
    assert own.matches(memory, position, caplen, caplen).all()


@pytest.mark.parametrize("linktype", [0, 109])
@pytest.mark.parametrize("order", ["<", ">"])
def test_address_family_in_either_byte_order(linktype: int, order: str) -> None:
    rest = b"" if linktype == 0 else bytes(8)
    frames, expected = [], []
    for packet in packets():
        family = 2 if packet[0] >> 4 == 4 else 30
        frames.append(struct.pack(order + "I", family) + rest + packet)
        expected.append(family == 2 and packet[9] == 6)
    memory, position, caplen = columns(frames)
    matched = compile_filter("ip proto 6", linktype).matches(memory, position, caplen, caplen)
    assert matched.tolist() == expected
    assert any(expected)


def test_address_family_of_mixed_and_damaged_frames() -> None:
    program = compile_filter("tcp", 0)
    loop = compile_filter("tcp", 108)  # the same header, always big-endian
    frames = frames_of(0)
    memory, position, caplen = columns(frames)
    matched = program.matches(memory, position, caplen, caplen)
    # Address families are small numbers.
    big = [f[3::-1] + f[4:] if len(f) > 3 and f[3::-1] < f[:4] else f for f in frames]
    memory, position, caplen = columns(big)
    assert matched.tolist() == loop.matches(memory, position, caplen, caplen).tolist()


@pytest.mark.parametrize("linktype", [12, 14, 101])
def test_raw_ip_by_any_of_its_numbers(linktype: int) -> None:
    assert compile_filter("tcp", linktype).instructions == compile_filter("tcp", 101).instructions


def test_every_link_type_has_an_outcome() -> None:
    available = []
    for linktype in [*range(300), 65535]:
        try:
            compile_filter("tcp port 80", linktype)
        except FilterUnavailable:
            continue
        available.append(linktype)
    assert {0, 1, 9, 12, 14, 50, 51, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109} <= set(available)
    assert {113, 117, 122, 127, 129, 138, 192, 228, 229, 276} <= set(available)
    assert len(available) < 150


@pytest.mark.parametrize("expression", ["", "  ", "\t\n"])
def test_blank_matches_all_and_needs_no_libpcap(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> libpcap.Libpcap:
        raise LibpcapMissing("none")

    monkeypatch.setattr(libpcap, "load", missing)
    memory, position, caplen = columns([b"", b"abc"])
    assert compile_filter(expression, 147).matches(memory, position, caplen, caplen).tolist() == [True, True]
    assert Filter(expression).matches(batch([b"", b"abc"], [1, 250])).tolist() == [True, True]
    with pytest.raises(LibpcapMissing):
        Filter("tcp")


@pytest.mark.parametrize("linktype", [1, 0, 101, 105, 147])
@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("tcp prot 80", "syntax error"),
        ("port", "syntax error"),
        ("portrange 80-x", "port"),
        ("host 1.2.3.4.5", "illegal"),
        ("(((", "syntax error"),
    ],
)
def test_wrong_expression_has_libpcaps_words_whatever_the_link_type(
    expression: str, words: str, linktype: int
) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(expression, linktype)
    assert not isinstance(caught.value, FilterUnavailable)
    if words != "illegal":
        assert words in str(caught.value)
    with pytest.raises(FilterError):
        Filter(expression)


@pytest.mark.parametrize("linktype", [1, 101, 147])
def test_expression_that_rejects_all_is_wrong(linktype: int) -> None:
    with pytest.raises(FilterError, match="rejects all packets"):
        compile_filter("ip and arp", linktype)
    with pytest.raises(FilterError, match="rejects all packets"):
        Filter("ip and arp")


@pytest.mark.parametrize(
    ("expression", "words"), [("tcp\0 port 80", "NUL"), ("host münchen", r"U\+00FC"), ("tcp ‮", r"U\+202E")]
)
def test_characters_that_libpcap_would_not_see(expression: str, words: str) -> None:
    with pytest.raises(FilterError, match=words):
        compile_filter(expression, 1)


def test_unavailable_is_not_wrong() -> None:
    with pytest.raises(FilterUnavailable) as caught:
        compile_filter("tcp port 80", 147)
    assert caught.value.linktype == 147
    assert "not implemented" in caught.value.reason
    assert "link type 147" in str(caught.value)
    with pytest.raises(FilterUnavailable):
        compile_filter("ether host 02:00:00:00:00:01", 101)


@pytest.mark.parametrize(
    ("expression", "linktype"),
    [("wlan type mgt", 105), ("inbound", 113), ("ifindex 3", 276), ("rulenum 1", 117), ("vpi 3", 123)],
)
def test_words_of_one_link_type_are_not_available_for_ethernet(expression: str, linktype: int) -> None:
    assert len(compile_filter(expression, linktype).instructions) > 1
    assert Filter(expression).program(linktype) is not None
    with pytest.raises(FilterUnavailable):
        compile_filter(expression, 1)


def batch(frames: list[bytes], linktypes: list[int]) -> FrameBatch:
    memory, position, caplen = columns(frames)
    kinds = np.array(linktypes, np.uint16)
    if len(set(linktypes)) == 1:
        kinds = np.broadcast_to(kinds[0], (len(frames),))
    return FrameBatch(memory, 0, position, caplen, caplen, np.zeros(len(frames), np.int64), kinds, 0)


def test_filter_goes_by_the_link_type_of_each_frame() -> None:
    rng = random.Random(7)
    chosen = list(packets())[:40]
    kinds = [(1, 101, 113, 147, 0)[i % 5] for i in range(len(chosen))]
    frames, expected = [], []
    for packet, kind in zip(chosen, kinds, strict=True):
        version = packet[0] >> 4
        head = b"\x02" * 12 + struct.pack(">H", 0x800 if version == 4 else 0x86DD)
        frames.append(
            (head if kind == 1 else link_header(kind, 0x800 if version == 4 else 0x86DD, rng)) + packet
        )
        alone = compile_filter("tcp", 101)
        memory, position, caplen = columns([packet])
        expected.append(kind != 147 and bool(alone.matches(memory, position, caplen, caplen)[0]))
    wanted = Filter("tcp")
    assert wanted.matches(batch(frames, kinds)).tolist() == expected
    assert list(wanted.unavailable) == [147]
    assert "not implemented" in wanted.unavailable[147]
    assert wanted.program(147) is None
    only = [f for f, k in zip(frames, kinds, strict=True) if k == 1]
    assert wanted.matches(batch(only, [1] * len(only))).tolist() == expected[::5]
    assert not wanted.matches(batch([b"x", b"y"], [147, 147])).any()
    assert wanted.matches(batch([], [])).tolist() == []
    assert wanted.program(1) is wanted.program(1)


def test_program_for_the_kernel() -> None:
    program = compile_filter("tcp port 80", 1, snaplen=96)
    assert len(program.bytecode()) == 8 * len(program.instructions)
    assert {k for code, _, _, k in program.instructions if code == 6} == {0, 96}
    assert "tcp port 80" in repr(program)
    assert "tcp" in repr(Filter("tcp"))


@pytest.mark.parametrize("expression", ["vlan 5", "inbound", "ifindex 3", "outbound and tcp"])
def test_no_metadata_of_live_sockets(expression: str) -> None:
    # On Linux libpcap would read them at offsets beyond any frame, and nothing would ever match.
    for linktype in (1, 12, 113, 127, 276):
        try:
            program = compile_filter(expression, linktype)
        except FilterUnavailable:
            continue
        assert all(k < 0xFFFFF000 for code, _, _, k in program.instructions if code & 7 == 0)


def test_compiling_leaks_nothing() -> None:
    library = libpcap.load()
    open_handles, programs = set(), 0

    class Counting:
        lock = library.lock
        error = staticmethod(library.error)

        def open_empty(self, *arguments: object) -> int:
            handle = library.open_empty(*arguments)
            open_handles.add(handle)
            return handle

        def compile(self, *arguments: object) -> int:
            nonlocal programs
            status = library.compile(*arguments)
            programs += status == 0
            return status

        def freecode(self, program: object) -> None:
            nonlocal programs
            programs -= 1
            library.freecode(program)

        def close(self, handle: int) -> None:
            open_handles.remove(handle)
            library.close(handle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(libpcap, "load", Counting)
        for expression, linktype in [("tcp", 1), ("tcp", 0), ("tcp prot", 1), ("tcp", 147), ("ip6", 228)]:
            try:
                compile_filter(expression, linktype)
            except FilterError:
                pass
    assert not open_handles
    assert programs == 0


@pytest.mark.skipif(sys.platform != "linux", reason="inotify tells who opens /etc/hosts")
def test_only_names_of_hosts_are_looked_up() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    number = libc.inotify_init1(os.O_NONBLOCK)
    if number < 0 or libc.inotify_add_watch(number, b"/etc/hosts", 0x20) < 0:  # IN_OPEN
        pytest.skip("no inotify here")

    def opened() -> bool:
        try:
            return bool(os.read(number, 4096))
        except BlockingIOError:
            return False

    try:
        for expression in EXPRESSIONS + LINK_EXPRESSIONS:
            compile_filter(expression, 1)
        with pytest.raises(FilterError):
            compile_filter("tcp prot 80", 1)
        assert not opened()
        compile_filter("host localhost", 1)
        assert opened()
    finally:
        os.close(number)


def test_program_is_plain_data() -> None:
    program = Program("x", 1, ((0x06, 0, 0, 1),))
    assert program.instructions == ((6, 0, 0, 1),)


def test_an_expression_is_compiled_once_for_ethernet(monkeypatch: pytest.MonkeyPatch) -> None:
    from tcpflow_scapy.capture import bpf

    asked: list[int] = []
    compiled = bpf._compile

    def count(expression: bytes, linktype: int, snaplen: int) -> object:
        asked.append(linktype)
        return compiled(expression, linktype, snaplen)

    monkeypatch.setattr(bpf, "_compile", count)
    wanted = Filter("tcp port 80")
    assert wanted.program(1) is wanted.program(1)
    assert asked == [1]


def test_what_only_ethernet_refuses_is_told_where_there_is_ethernet() -> None:
    wanted = Filter("type mgt")
    assert wanted.unavailable == {}
    assert wanted.program(105) is not None
    assert wanted.program(1) is None
    assert list(wanted.unavailable) == [1]
