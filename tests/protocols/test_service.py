from __future__ import annotations

from pathlib import Path

from tcpflow_scapy.pipeline import reassemble
from tcpflow_scapy.protocols.service import guess_service, guess_services
from tests.helpers.traffic import Capture, Conversation


def test_services_of_flows(tmp_path: Path) -> None:
    said = [b"SSH-2.0-x\r\n", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"hello?", b""]
    told = []
    for number, data in enumerate(said):
        one = Conversation(client=f"10.0.0.1:{5000 + number}", server="10.0.0.2:9", isn=1000 * number)
        one.handshake()
        if data:
            one.client(data)
        told.append(one)
    Capture(*told).write(tmp_path / "x.pcap")
    flows = reassemble(tmp_path / "x.pcap", progress=False)
    services = guess_services(flows)
    assert services.tolist() == ["ssh", "http", "", ""]
    assert services.index.tolist() == flows.df.index.tolist()
    assert guess_service(flows[0]).confidence > 0.9
    assert len(guess_services(flows[:0])) == 0
