"""Words that were sent compressed are found."""

from __future__ import annotations

import re
from pathlib import Path

from tcpflow_scapy import reassemble
from tests.cases.answers import case


def test_a_word_in_a_compressed_body(sample_pcaps: Path) -> None:
    flows = reassemble(sample_pcaps / "http_ipv4.pcap")
    exchanges = [e for flow in flows for e in flow.http if e.response is not None]
    coded = [e for e in exchanges if e.response.is_coded and b"<" in e.response.body]
    assert coded
    word = coded[0].response.body[40:60]
    assert flows.search(word).query("flow == @coded[0].flow.id").empty
    found = flows.search(word, bodies=True)
    row = found[found["url"] == coded[0].url].iloc[0]
    assert row["match"] == word
    assert row["body_offset"] == coded[0].response.body.index(word)
    assert row["offset"] == coded[0].response.start
    assert row["frame"] == coded[0].flow.server.at(int(row["offset"])).frame


def test_expressions_and_limits(sample_pcaps: Path) -> None:
    flows = reassemble(sample_pcaps / "http_ipv4.pcap")
    everything = flows.search(re.compile(rb"<[a-z0-9]+>"), bodies=True)
    assert len(everything) > 3
    assert len(flows.search(re.compile(rb"<[a-z0-9]+>"), bodies=True, limit=2)) == 2
    assert flows.search("no such word anywhere", bodies=True).empty


def test_urls_are_escaped_as_in_the_table_of_exchanges() -> None:
    flows = reassemble(case("trust", "search_url_escape"))
    urls = set(flows.search(re.compile(rb"."), bodies=True)["url"])
    assert urls
    assert urls <= set(flows.http["url"])
    assert "\x1b" not in "".join(urls)
    assert "\\x1b" in "".join(urls)
