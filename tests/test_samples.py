"""The samples against what their programs really sent (`sample_pcaps/truth.json`)."""

from __future__ import annotations

import gzip
import hashlib
import ipaddress
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy import reassemble

SAMPLES = Path(__file__).parent.parent / "sample_pcaps"
TRUTH: dict[str, list[dict[str, Any]]] = json.loads((SAMPLES / "truth.json").read_text())
SIDES = ("client", "server")

OURS = [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "192.168.0.0/16", "127.0.0.0/8", "fd00::/8")]

VLANS = {"vlan42_chat.pcap": (42,), "qinq_ssh.pcap": (100, 7)}

ENCAPSULATIONS = {
    "gre.pcap": "gre",
    "vxlan.pcap": "vxlan",
    "pppoe.pcap": "pppoe",
    "mpls.pcap": "mpls",
    "6in4.pcap": "ip/ipv6",
    "qinq_ssh.pcap": "vlan:100/vlan:7",
}


def key_of(row: Any) -> tuple[str, int, str, int]:
    return row["client"], int(row["client_port"]), row["server"], int(row["server_port"])


@pytest.fixture(scope="module", params=sorted(TRUTH))
def sample(request: pytest.FixtureRequest) -> Any:
    """A sample's name, its true flows and ours, paired: the n-th of an address pair with the n-th."""
    name = request.param
    flows = reassemble(SAMPLES / name, progress=False)
    pairs, seen = [], Counter()
    ours = [(key_of(row), i) for i, row in flows.df.reset_index().iterrows()]
    for story in TRUTH[name]:
        key = key_of(story)
        places = [i for k, i in ours if k == key]
        assert len(places) > seen[key], f"no flow {seen[key]} of {key}"
        pairs.append((story, flows[places[seen[key]]]))
        seen[key] += 1
    return name, flows, pairs


def test_no_flow_too_many_and_none_missing(sample: Any) -> None:
    name, flows, _ = sample
    assert len(flows) == len(TRUTH[name])


@pytest.mark.parametrize("side", SIDES)
def test_streams_are_what_the_programs_sent(sample: Any, side: str) -> None:
    for story, flow in sample[2]:
        true, stream = story[f"{side}_stream"], getattr(flow, side)
        data = stream.data
        assert len(data) == true["data"]["length"]
        assert hashlib.sha256(data).hexdigest() == true["data"]["sha256"]
        assert stream.size == true["size"]
        whole = true["syn"] and not true["gaps"]
        assert stream.complete == (whole and true["fin"])
        if whole and not true["conflicts"]:
            assert hashlib.sha256(data).hexdigest() == true["sent"]["sha256"]


@pytest.mark.parametrize("side", SIDES)
def test_gaps_are_what_the_capture_misses_and_why(sample: Any, side: str) -> None:
    for story, flow in sample[2]:
        gaps = getattr(flow, side).gaps
        found = [[int(g.start), int(g.end), str(g.cause)] for g in gaps.itertuples()]
        assert found == story[f"{side}_stream"]["gaps"]
        missing = sum(end - start for start, end, _ in found)
        assert getattr(flow, side).missing == missing


@pytest.mark.parametrize("side", SIDES)
def test_conflicts_are_where_bytes_differ(sample: Any, side: str) -> None:
    for story, flow in sample[2]:
        differ = {i for start, end in story[f"{side}_stream"]["conflicts"] for i in range(start, end)}
        conflicts = getattr(flow, side).conflicts
        ranges = [range(int(c.start), int(c.end)) for c in conflicts.itertuples()]
        assert differ <= {i for r in ranges for i in r}
        assert all(differ & set(r) for r in ranges)


def test_tags_and_tunnels_are_known(sample: Any) -> None:
    name, flows, pairs = sample
    for _, flow in pairs:
        assert tuple(flow.vlan) == VLANS.get(name, ())
    for encapsulation in flows.df["encap"]:
        assert ENCAPSULATIONS.get(name, "") in encapsulation


def test_forged_answer_and_true_one_can_both_be_read() -> None:
    flows = reassemble(SAMPLES / "injected_redirect.pcap", progress=False)
    assert flows[0].server.data.startswith(b"HTTP/1.1 302 Found")
    late = reassemble(SAMPLES / "injected_redirect.pcap", overlap="last", progress=False)
    assert late[0].server.data.startswith(b"HTTP/1.1 200 OK")
    true = next(f for f in TRUTH["injected_redirect.pcap"] if f["server_stream"]["conflicts"])
    assert hashlib.sha256(late[0].server.data).hexdigest() == true["server_stream"]["sent"]["sha256"]


def test_memory_keeps_the_web_when_filtered() -> None:
    flows = reassemble(SAMPLES / "mem.pcap", filter="tcp port 80", progress=False)
    assert len(flows) == sum(flow["server_port"] == 80 for flow in TRUTH["mem.pcap"])
    asked = b"".join(flow.client.data for flow in flows)
    assert b"GET /attic.png " in asked
    assert b"word=open+sesame" in asked
    pictures = [flow.server.data for flow in flows if b"GET /logo.png " in flow.client.data]
    assert len(pictures) == 1
    assert pictures[0].endswith(b"IEND\xaeB`\x82")


def test_every_sample_is_small_described_and_told() -> None:
    files = {p.name for p in SAMPLES.iterdir() if ".pcap" in p.name}
    assert files == set(TRUTH)
    assert len(files) >= 14
    readme = (SAMPLES / "README.md").read_text()
    for name in files:
        assert (SAMPLES / name).stat().st_size < 300_000
        assert re.search(rf"^\| `{re.escape(name)}` \|", readme, re.MULTILINE)
    assert sum((SAMPLES / name).stat().st_size < 60_000 for name in files) > len(files) / 2


def test_addresses_belong_to_nobody() -> None:
    for flows in TRUTH.values():
        for flow in flows:
            for side in SIDES:
                address = ipaddress.ip_address(flow[side])
                assert any(address in network for network in OURS if network.version == address.version)


def test_compressed_sample_equals_itself_unpacked(tmp_path: Path) -> None:
    plain = tmp_path / "chat.pcap"
    plain.write_bytes(gzip.decompress((SAMPLES / "chat.pcap.gz").read_bytes()))
    packed = reassemble(SAMPLES / "chat.pcap.gz", progress=False)[0]
    unpacked = reassemble(plain, progress=False)[0]
    assert packed.client.data == unpacked.client.data
    assert packed.server.data == unpacked.server.data
