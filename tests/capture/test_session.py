"""A session class that keeps what Scapy's sniff sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy.capture import open_source, session
from tcpflow_scapy.capture.session import session_class

from .made import Frame, pcap, read, some_frames

pytestmark = pytest.mark.filterwarnings("ignore")

FRAMES = some_frames(9)


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(FRAMES))
    return str(path)


def sniff(**options: Any) -> Any:
    from scapy.sendrecv import sniff

    return sniff(**options)


def test_what_sniff_saw_is_a_source(path: str) -> None:
    flows = session.FlowSession()
    packets = sniff(offline=path, session=flows)
    assert len(packets) == len(flows) == 9
    assert read(flows).frames == FRAMES
    with flows.source() as source:
        assert sum(len(batch) for batch in source.batches()) == 9
        assert source.info.paths == ["<sniffed>"]


def test_packets_are_not_kept_by_scapy_unless_wanted(path: str) -> None:
    flows = session.FlowSession()
    seen: list[Any] = []
    assert len(sniff(offline=path, session=flows, store=False, prn=seen.append)) == 0
    assert len(seen) == 9
    assert read(flows).frames == FRAMES


def test_frames_longer_than_scapys_default_stay_whole(tmp_path: Path) -> None:
    big = Frame(bytes(range(256)) * 300)
    path = tmp_path / "big.pcap"
    path.write_bytes(pcap([big]))
    flows = session.FlowSession()
    sniff(offline=str(path), session=flows)
    assert read(flows).frames == [big]


def test_another_session_works_on_the_packets_afterwards(path: str) -> None:
    from scapy.sessions import IPSession

    flows = session.FlowSession(IPSession)
    sniff(offline=path, session=flows)
    assert read(flows).frames == FRAMES


def test_the_class_itself_may_be_given_to_sniff(path: str) -> None:
    assert len(sniff(offline=path, session=session.FlowSession)) == 9


def test_a_list_of_packets(path: str) -> None:
    from scapy.utils import rdpcap

    flows = session.FlowSession()
    sniff(offline=rdpcap(path), session=flows)
    assert read(flows).data == [f.data for f in FRAMES]


def test_it_can_be_read_while_it_goes_on(path: str) -> None:
    flows = session.FlowSession()
    counts = []

    def look(_packet: Any) -> None:
        with flows.source() as source:
            counts.append(sum(len(batch) for batch in source.batches()))

    sniff(offline=path, session=flows, prn=look)
    assert counts == list(range(1, 10))


def test_before_any_packet() -> None:
    with open_source(session.FlowSession()) as source:
        assert list(source.batches()) == []


def test_trouble_while_recording_is_not_swallowed(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flows = session.FlowSession()

    def full(*_args: Any, **_options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(flows.recorder._writer, "write", full)
    sniff(offline=path, session=flows)
    with pytest.raises(OSError, match="No space left"):
        flows.source()


def test_the_class_is_made_once() -> None:
    assert session.FlowSession is session_class()
    with pytest.raises(AttributeError):
        session.NoSuchThing  # noqa: B018
