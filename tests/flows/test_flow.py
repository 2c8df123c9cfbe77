"""`Flow`: one connection, its facts, and how it shows itself."""

from __future__ import annotations

import communityid
import pandas as pd
import pytest

from tcpflow_scapy.flows.stream import Stream
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.traffic import Capture, Conversation, play
from tests.render.hostile import HOSTILE, assert_safe, assert_safe_html

START = 1_700_000_000 * 10**9
OPEN = "> SYN\n< SYN ACK\n> ACK\n"


def talk() -> Conversation:
    return play(
        OPEN + "> 'GET /'\n< 'hello'\nx< 'lost'\n< 'end'\n> ACK\n< 0:'hell0'\n> FIN\n< FIN\n> ACK",
        Conversation(vlans=(42,)),
    )


def test_the_two_streams() -> None:
    flow = flow_of(talk())
    assert isinstance(flow.client, Stream)
    assert flow.streams == (flow.client, flow.server)
    assert (flow.client.data, flow.server.data) == (b"GET /", b"hello\0\0\0\0end")
    assert (flow.client.direction, flow.server.direction) == ("client", "server")


def test_facts() -> None:
    flow = flow_of(Capture(talk(), start=START, step=10**6))
    assert flow.id == 0
    assert flow.start == pd.Timestamp(START, tz="UTC")
    assert flow.end == pd.Timestamp(START + 10 * 10**6, tz="UTC")
    assert flow.duration == pd.Timedelta("10ms")
    assert flow.vlan == (42,)
    assert flow.encap == "eth/vlan:42/ip"
    assert flow.state == "SF"
    assert flow.history == "ShADdtFf"
    assert flow.client_evidence == "syn"
    assert flow.key == "10.0.0.1:1024-10.0.0.2:80"


def test_times_are_utc_in_nanoseconds() -> None:
    flow = flow_of(Capture(play("> SYN"), start=START + 123_456_789))
    assert str(flow.start) == "2023-11-14 22:13:20.123456789+00:00"
    assert flow.start.value == START + 123_456_789


def test_the_summary_is_the_row_of_the_table() -> None:
    flows = flows_of(talk(), play("> SYN", Conversation("10.0.0.9:9")))
    pd.testing.assert_series_equal(flows[1].summary, flows.df.loc[1])
    assert flows[1:][0].summary["client"] == "10.0.0.9"


def test_tables_are_those_of_both_streams() -> None:
    flows = flows_of(play("> SYN\nx> 'a'\n> 'b'", Conversation("10.0.0.9:9")), talk())
    flow = flows[1]
    assert len(flow.packets) == len(flow.client.segments) + len(flow.server.segments) == 11
    assert set(flow.packets["flow"]) == {1}
    assert flow.packets["frame"].tolist() == list(range(3, 14))
    assert flow.gaps[["direction", "start", "end"]].to_numpy().tolist() == [["server", 5, 9]]
    assert flow.conflicts[["start", "delivered", "other"]].to_numpy().tolist() == [[4, b"o", b"0"]]


def test_the_timeline_is_in_order_of_time() -> None:
    flow = flow_of(Capture(talk(), start=START, step=10**6).shuffle(1))
    line = flow.timeline()
    assert line.index.name == "time"
    assert line.index.is_monotonic_increasing
    assert line["flags"].tolist()[:3] == ["S", "SA", "A"]
    assert set(line.columns) == set(flow.packets.columns) - {"time"}


# -- community id -----------------------------------------------------------------------------------


def identified(client: str, server: str) -> str:
    return flow_of(play("> SYN", Conversation(client, server))).community_id


def test_community_ids_of_the_specification() -> None:
    """Rows of corelight/community-id-spec, baseline_deflt.json."""
    assert identified("128.232.110.120:34855", "66.35.250.204:80") == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
    assert identified("1.2.3.4:1122", "5.6.7.8:3344") == "1:wCb3OG7yAFWelaUydu0D+125CLM="
    assert identified("5.6.7.8:3344", "1.2.3.4:1122") == "1:wCb3OG7yAFWelaUydu0D+125CLM="


@pytest.mark.parametrize(
    ("client", "server"),
    [
        (("10.0.0.1", 1024), ("10.0.0.2", 80)),
        (("10.0.0.1", 80), ("10.0.0.1", 1024)),
        (("10.0.0.1", 256), ("10.0.0.1", 255)),
        (("200.0.0.1", 1), ("9.0.0.1", 65535)),
        (("2001:db8::1", 1024), ("2001:db8::2", 80)),
        (("fe80::ffff", 1), ("::1", 2)),
    ],
)
def test_community_ids_as_the_reference_computes_them(
    client: tuple[str, int], server: tuple[str, int]
) -> None:
    tuple_ = communityid.FlowTuple.make_tcp(client[0], server[0], client[1], server[1])
    wanted = communityid.CommunityID().calc(tuple_)
    ends = [f"[{h}]:{p}" if ":" in h else f"{h}:{p}" for h, p in (client, server)]
    assert identified(*ends) == wanted
    assert identified(*ends[::-1]) == wanted


# -- identity and looks -----------------------------------------------------------------------------


def test_equal_is_the_same_flow_of_the_same_evidence() -> None:
    flows = flows_of(talk(), play("> SYN", Conversation("10.0.0.9:9")))
    assert flows[0] == next(iter(flows)) == flows[:1][0]
    assert flows[0] != flows[1]
    assert flows[0] != flows_of(talk())[0]
    assert flows[0] != "10.0.0.1:1024-10.0.0.2:80"
    assert len({flows[0], flows[0], flows[1]}) == 2
    assert flows[0].client == flows[0].server.peer
    assert flows[0].client != flows[0].server
    assert len({flows[0].client, flows[0].client, flows[0].server}) == 2


def test_it_tells_what_it_is() -> None:
    flow = flow_of(talk())
    assert repr(flow) == ("<Flow 0 10.0.0.1:1024-10.0.0.2:80 SF 5 bytes out, 8 bytes back, 4 missing>")


class Printer:
    def __init__(self) -> None:
        self.shown = ""

    def text(self, text: str) -> None:
        self.shown += text


def test_it_shows_itself_without_reading_all_of_it() -> None:
    c = play(OPEN)
    c.client(b"a" * 1000)
    c.client(b"z", at=10_000_000)
    flow = flow_of(c)
    printer, short = Printer(), Printer()
    flow._repr_pretty_(printer, False)
    flow._repr_pretty_(short, True)
    assert short.shown == repr(flow)
    for text in (printer.shown, flow._repr_html_()):
        assert flow.community_id in text
        assert "aaaa" in text
        assert len(text) < 20_000


def test_hostile_payload_in_its_looks() -> None:
    for item in HOSTILE:
        data = item if isinstance(item, bytes) else item.encode("utf-8", "surrogatepass")
        c = play(OPEN)
        c.client(data)
        c.server(data)
        flow = flow_of(c)
        printer = Printer()
        flow._repr_pretty_(printer, False)
        for text in (printer.shown, repr(flow), str(flow.__rich__().to_text())):
            assert_safe(text, lines=True)
        assert_safe_html(flow._repr_html_())


def test_follow_scapy_and_the_table_of_one() -> None:
    flows = flows_of(play("> SYN", Conversation("10.0.0.9:9")), talk())
    assert flows[1].follow().flow == flows[1]
    assert len(flows[1].scapy()) == 11
    assert flows[1]._alone().df.index.tolist() == [1]
