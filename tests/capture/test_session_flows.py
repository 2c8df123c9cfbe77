"""`sniff` ends in flows."""

from __future__ import annotations

from pathlib import Path

from scapy.sendrecv import sniff

from tcpflow_scapy import FlowSession, reassemble


def test_sniffing_a_file_gives_its_flows(sample_pcaps: Path) -> None:
    source = sample_pcaps / "http_ipv6.pcap"
    session = FlowSession()
    sniff(offline=str(source), session=session, store=False)
    sniffed, read = session.flows(), reassemble(source)
    assert len(sniffed) == len(read) == 3
    for one, two in zip(sniffed, read, strict=True):
        assert one.key == two.key
        assert one.client.data == two.client.data
        assert one.server.data == two.server.data
        assert one.start == two.start


def test_options_reach_reassembly(sample_pcaps: Path) -> None:
    session = FlowSession()
    sniff(offline=str(sample_pcaps / "mem.pcap"), session=session, store=False)
    assert len(session.flows()) == 7
    assert len(session.flows(filter="tcp port 80")) == 4
