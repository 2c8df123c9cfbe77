"""Captures from traffic scripts on which other programs are asked too."""

from __future__ import annotations

from collections.abc import Callable

from tests.helpers.traffic import Capture, Conversation, play

PLAIN = """
    > SYN
    < SYN ACK
    > ACK
    > 'GET / HTTP/1.0'
    < 'first part, '
    < 'second part'
    > ACK
    > 'more'
    < FIN
    > FIN
    < ACK
"""


def plain() -> Capture:
    return Capture(play(PLAIN))


def gap() -> Capture:
    return Capture(play("> SYN\n< SYN ACK\n> ACK\n> 'aaaa'\nx> 'bbbb'\n> 'cccc'\n< ACK\n> FIN\n< FIN\n> ACK"))


def out_of_order() -> Capture:
    return Capture(play("> SYN\n< SYN ACK\n> ACK\n> 4:'bbbb'\n> 0:'aaaa'\n> 8:'cccc'\n> FIN\n< FIN\n> ACK"))


def retransmission() -> Capture:
    return Capture(play("> SYN\n< SYN ACK\n> ACK\n> 'aaaa'\n> 0:'aaaa'\n> 'bbbb'\n> 2:'aabb'\n> FIN\n< FIN"))


def vlan() -> Capture:
    return Capture(play(PLAIN, Conversation(vlans=(42,))))


def ipv6() -> Capture:
    return Capture(play(PLAIN, Conversation("[2001:db8::1]:1024", "[2001:db8::2]:80")))


def wrap() -> Capture:
    return Capture(play(PLAIN, Conversation(isn=2**32 - 5, server_isn=2**32 - 10)))


def midstream() -> Capture:
    return Capture(play("> 'aaaa'\n< 'bbbb'\n> 'cccc'\n< 'dddd'"))


def closed_and_used_again() -> Capture:
    return Capture(
        play(PLAIN), play(PLAIN.replace("first", "other"), Conversation(isn=2**31, server_isn=2**31))
    )


def several() -> Capture:
    told = [play(PLAIN, Conversation(f"10.0.0.{n}:1024", server_isn=n)) for n in range(3, 9)]
    return Capture(*told).interleave(5)


def urgent() -> Capture:
    return Capture(play("> SYN\n< SYN ACK\n> ACK\n> 'aaaa'\n> 'bXbb' ACK PSH URG urgent=2\n> 'cccc'\n< ACK"))


def syn_data() -> Capture:
    return Capture(play("> SYN 'early'\n< SYN ACK\n> ' data'\n< 'answer'\n> FIN\n< FIN"))


def contradiction() -> Capture:
    return Capture(play("> SYN\n< SYN ACK\n> ACK\n> 'aaaa'\n> 'bbbb'\n> 2:'XXXX'\n> FIN\n< FIN\n> ACK"))


def padding() -> Capture:
    capture = Capture(play("> SYN\n< SYN ACK\n> ACK\n> 'aaaa'\n< ACK\n> 'bbbb'"))
    for frame in capture:
        frame.padding = b"\0" * max(0, 60 - len(frame.to_bytes()))
    return capture


def keep_alive_late() -> Capture:
    c = play("> SYN\n< SYN ACK\n> ACK\n> 'aaaa'")
    late = c.keep_alive(payload=b"?")
    c.client("bbbb")
    c.frames.remove(late)
    c.frames.append(late)
    c.client("cccc")
    return Capture(c)


def reuse_without_close() -> Capture:
    first = play("> SYN\n< SYN ACK\n> ACK\n> 'one'\n< 'two'")
    second = play("> SYN\n< SYN ACK\n> ACK\n> 'three'\n< 'four'", Conversation(isn=9000, server_isn=15000))
    return Capture(first, second)


def stray_reset() -> Capture:
    return Capture(play("> SYN\n< SYN ACK\n> ACK\n> 'aaaa'\n> RST seq=0x70000000\n> 'bbbb'\n< 'cccc'"))


def reset_payload() -> Capture:
    c = play("> SYN\n< SYN ACK\n> ACK\n> 'aaaa'\n< 'bbbb'")
    c.reset("client", b"because")
    return Capture(c)


def before_the_isn() -> Capture:
    return Capture(play("> SYN\n< SYN ACK\n> ACK\n> -2:'xxaaaa'\n> 'bbbb'\n< ACK"))


def late_syn() -> Capture:
    return Capture(play("> SYN\n< SYN ACK\n> 'aaaa'\n> 'bbbb'\n> 'cccc'")).order([3, 4, 0, 1, 2])


def midstream_backwards() -> Capture:
    return Capture(play("> 'aaaa'\nx> 'bbbb'\n> 'cccc'\n> 'dddd'")).order([1, 2, 0])


CASES: dict[str, Callable[[], Capture]] = {
    f.__name__: f
    for f in (
        plain,
        gap,
        out_of_order,
        retransmission,
        vlan,
        ipv6,
        wrap,
        midstream,
        closed_and_used_again,
        several,
        urgent,
        syn_data,
        contradiction,
        padding,
        keep_alive_late,
        reuse_without_close,
        stray_reset,
        reset_payload,
        before_the_isn,
        late_syn,
        midstream_backwards,
    )
}
