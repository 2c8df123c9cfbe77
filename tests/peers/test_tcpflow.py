"""The installed tcpflow against our export: same names, same bytes, or a listed fault of tcpflow.

`FAULTS` names what tcpflow 1.6.1 does wrong, file by file. A build that does it right is welcome.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpflow_scapy import reassemble

from .peer_cases import CASES
from .programs import SAMPLES, tcpflow_files

pytestmark = pytest.mark.peer

CLIENT = "010.000.000.001.01024-010.000.000.002.00080"
SERVER = "010.000.000.002.00080-010.000.000.001.01024"

FAULTS: dict[str, dict[str, str]] = {
    "contradiction": {CLIENT: "the last version of a byte overwrites the first"},
    "padding": {
        CLIENT: "Ethernet padding is taken for payload",
        SERVER: "Ethernet padding of empty segments makes a file",
    },
    "keep_alive_late": {CLIENT: "a keep-alive byte overwrites data that came after it"},
    "reuse_without_close": {
        CLIENT: "both connections in one file",
        SERVER: "both connections in one file",
        CLIENT + "c1": "the second connection has no file of its own",
        SERVER + "c1": "the second connection has no file of its own",
    },
    "stray_reset": {
        CLIENT: "a reset far outside the window closes the stream",
        CLIENT + "c1": "what follows the reset is in another file",
    },
    "reset_payload": {CLIENT: "the explanation in a reset is taken for stream data"},
    "before_the_isn": {CLIENT: "a segment that begins before the first byte is dropped whole"},
    "late_syn": {CLIENT: "segments that arrived before their SYN are lost or misplaced"},
    "midstream_backwards": {CLIENT: "bytes missing after a late first segment are stale copies, not zeros"},
}

TUNNEL = "tunnels, labels and this link type are not looked into: no file at all"

SAMPLE_FAULTS: dict[str, dict[str, str]] = {
    "6in4.pcap": {"*": TUNNEL},
    "any_sll2.pcapng": {"*": TUNNEL},
    "gre.pcap": {"*": TUNNEL},
    "mpls.pcap": {"*": TUNNEL},
    "pppoe.pcap": {"*": TUNNEL},
    "vxlan.pcap": {"*": TUNNEL},
    "injected_redirect.pcap": {
        "010.020.000.002.00080-010.020.000.001.43922": "the last version of a byte overwrites the first",
        "010.020.000.001.43922-010.020.000.002.00080c1": "padding of an ACK after the end is taken for data",
        "010.020.000.001.43922-010.020.000.002.00080c2": "padding of an ACK after the end is taken for data",
    },
    "ip_fragments.pcap": {
        "010.020.000.002.00080-010.020.000.001.53940": "of a fragmented datagram only the first part is used",
        "fd00:20::2.00080-fd00:20::1.43002": "IPv6 fragments are not used at all",
    },
    "mem.pcap": {
        "010.020.000.001.60108-010.020.000.002.00080": "segments that arrived before their SYN are lost",
        "010.020.000.002.00080-010.020.000.023.36450": "segments that arrived before their SYN are lost",
    },
    "qinq_ssh.pcap": {
        "*": "an outer tag 0x88a8 is left out of the names; we name the outer tag, whatever its type"
    },
    "redis.pcap": {
        "010.020.000.001.57252-010.020.000.002.06379": "Ethernet padding is taken for payload",
        "010.020.000.001.57252-010.020.000.002.06379c1": "Ethernet padding is taken for payload",
        "010.020.000.002.06379-010.020.000.001.57252": "Ethernet padding is taken for payload",
    },
}
"""Of `sample_pcaps/`; an entry ``"*"`` means the capture as a whole."""


def differing(capture: Path, folder: Path, **options: str) -> set[str]:
    """Names of the stream files that are not equal in both answers."""
    theirs = tcpflow_files(capture, folder / "tcpflow")
    out = folder / "ours"
    reassemble(capture, progress=False, **options).export(out)  # type: ignore[arg-type]
    ours = {p.name: p.read_bytes() for p in out.iterdir() if p.name not in ("report.xml", "alerts.txt")}
    return {name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name)}


@pytest.mark.parametrize("case", CASES)
def test_traffic_scripts(case: str, tmp_path: Path) -> None:
    capture = CASES[case]().write(tmp_path / "x.pcap")
    assert differing(capture, tmp_path) <= set(FAULTS.get(case, {}))


def test_the_last_version_is_a_policy_of_ours(tmp_path: Path) -> None:
    capture = CASES["contradiction"]().write(tmp_path / "x.pcap")
    assert not differing(capture, tmp_path, overlap="last")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.name)
def test_samples(sample: Path, tmp_path: Path) -> None:
    faults = SAMPLE_FAULTS.get(sample.name, {})
    found = differing(sample, tmp_path)
    assert "*" in faults or found <= set(faults)
