"""What a table, a flow, a stream and a capture show: the same facts as text and as HTML, made safe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tcpflow_scapy import reassemble
from tcpflow_scapy.flows.columns import COLUMN_NAMES
from tcpflow_scapy.flows.looks import FLOW_VIEW, ROWS, capture_card, flow_card, flow_table, stream_card
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.traffic import Capture, Conversation, play
from tests.render.hostile import HOSTILE, assert_safe, assert_safe_html

OPEN = "> SYN\n< SYN ACK\n> ACK\n"


def talk(number: int = 1) -> Conversation:
    c = Conversation(f"10.0.0.{number}:{1000 + number}")
    return play(OPEN + "> 'GET /'\n< 'hello'\nx< 'lost'\n< 'end'\n> ACK\n< 0:'hell0'", c)


def plain(renderable: object, width: int = 200) -> str:
    buffer = io.StringIO()
    Console(file=buffer, width=width).print(renderable)
    return buffer.getvalue()


def test_a_table_shows_the_facts_of_each_flow() -> None:
    flows = flows_of(talk(1), play("> SYN", Conversation("[2001:db8::1]:1024", "[2001:db8::2]:80")))
    for text in (
        flow_table(flows).to_text(width=200),
        "\n".join(assert_safe_html(flows._repr_html_()).texts),
    ):
        for fact in ("10.0.0.1:1001", "10.0.0.2:80", "S1", "5 B", "8 B", "4 B", "2001:db8::1:1024", "S0"):
            assert fact in text
    assert "10.0.0.1:1001" in repr(flows)
    assert "10.0.0.1:1001" in plain(flows)


def test_columns_of_the_view_are_columns_of_the_table() -> None:
    assert {c.name for c in FLOW_VIEW} - {"flow"} <= set(COLUMN_NAMES)


def test_flow_numbers_are_those_of_the_index() -> None:
    flows = flows_of(*(talk(n) for n in range(1, 5)))
    text = flow_table(flows[[3, 1]]).to_text(width=200)
    rows = [line.split()[0] for line in text.splitlines() if "10.0.0" in line]
    assert rows == ["3", "1"]


@pytest.mark.parametrize("count", [ROWS - 1, ROWS + 1, ROWS + 2, 3 * ROWS])
def test_a_long_table_shows_both_ends_and_says_how_long_it_is(count: int) -> None:
    flows = flows_of(*(play("> SYN", Conversation(f"10.0.1.{n}:9")) for n in range(count)))
    for text in (
        flow_table(flows).to_text(width=200),
        "\n".join(assert_safe_html(flows._repr_html_()).texts),
    ):
        shown = [n for n in range(count) if f"10.0.1.{n}:9" in text]
        if count <= ROWS + 1:
            assert shown == list(range(count))
            assert "..." not in text
        else:
            assert shown == [*range(ROWS // 2), *range(count - ROWS // 2, count)]
            assert "..." in text
            assert f"{count} TCP flows" in text


def test_a_narrow_terminal_says_what_it_leaves_out() -> None:
    text = flow_table(flows_of(talk())).to_text(width=60)
    assert "not shown" in text
    assert "10.0.0.1:1001" in text
    assert max(map(len, text.splitlines())) <= 60


def test_no_flows() -> None:
    flows = flows_of(Capture())
    assert "no TCP flows" in repr(flows)
    assert "no TCP flows" in flows._repr_html_()


def test_a_flow_without_times() -> None:
    flow = flow_of(Capture(talk()).without_times())
    assert repr(flow)
    assert "1970" in flow_card(flow).to_text()


def test_a_flow() -> None:
    flow = flow_of(talk())
    for text in (
        flow_card(flow).to_text(),
        "\n".join(assert_safe_html(flow._repr_html_()).texts),
        plain(flow),
    ):
        for fact in ("Flow 0", flow.key, "S1", "client known by syn", flow.community_id, "eth/ip", "GET /"):
            assert fact in text
        for fact in ("4 B", "2.000 ms"):
            assert fact in text


def test_a_stream() -> None:
    stream = flow_of(talk()).server
    for text in (
        stream_card(stream).to_text(),
        "\n".join(assert_safe_html(stream._repr_html_()).texts),
        plain(stream),
    ):
        for fact in (
            "server",
            "10.0.0.2:80",
            "10.0.0.1:1001",
            "8 B",
            "12 B",
            "4 B",
            "no",
            "5000",
            stream.name,
        ):
            assert fact in text
        assert "hello" in text


def test_a_capture_and_its_problems() -> None:
    capture = flows_of(talk()).capture
    capture._evidence.info.problems.append(
        type("Problem", (), {"kind": "cut", "message": "<b>\x1b[2J", "frame": 7, "offset": 99})()  # type: ignore[arg-type]
    )
    text = capture_card(capture).to_text()
    assert_safe(text, lines=True)
    assert "99" in text
    assert_safe_html(capture._repr_html_())


def test_hostile_names_and_payload() -> None:
    for item in HOSTILE:
        data = item if isinstance(item, bytes) else item.encode("utf-8", "surrogatepass")
        c = play(OPEN)
        c.client(data)
        flows = flows_of(c)
        name = data.decode("utf-8", "surrogateescape")
        flows._evidence.info.paths[:] = [name]
        for card in (capture_card(flows.capture), stream_card(flows[0].client), flow_card(flows[0])):
            assert_safe(card.to_text(), lines=True)
            assert_safe_html(card.to_html())
        assert_safe(plain(flows[0].client), lines=True)


def test_looking_at_a_big_stream_reads_its_beginning_only() -> None:
    c = play(OPEN)
    for i in range(300):
        c.client(b"x", at=i * 15_000_000)
    flow = flow_of(c)
    assert flow.client.size > 1 << 32
    assert len(flow._repr_html_()) < 20_000
    assert len(flow.client._repr_html_()) < 20_000


def test_conflicts_are_seen_on_a_narrow_terminal() -> None:
    start = "> SYN\n< SYN ACK\n> ACK\n> 'abc'\n"
    assert "conflicts" in flow_table(flows_of(play(start + "> 0:'aXc'"))).to_text(80).splitlines()[0]
    assert "conflicts" not in flow_table(flows_of(play(start))).to_text(40).splitlines()[0]


def test_missing_bytes_are_seen_on_a_narrow_terminal() -> None:
    head = flow_table(flows_of(talk())).to_text(width=50).splitlines()[0]
    assert "missing" in head
    assert "received" in head
    assert "sent" not in head


def test_where_no_flow_is_the_table_says_why() -> None:
    from scapy.packet import Raw

    assert "the capture has no frames" in repr(flows_of(Capture()))
    found = reassemble([Raw(b"x" * 60), Raw(b"y" * 60)])
    text = " ".join(repr(found).split())
    assert "none of 2 frames could be used (2 unknown linktype)" in text
    assert "from scapy.all import rdpcap" in text
    assert "from scapy.all import rdpcap" in found._repr_html_()
    assert "not shown" not in repr(found)
    some = flows_of(talk())
    assert "could be used" not in repr(some[:0])
