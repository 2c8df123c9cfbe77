"""`reassemble`: every kind of source and option, and what it refuses."""

from __future__ import annotations

import io
import math
import threading
from pathlib import Path

import numpy as np
import pytest

from tcpflow_scapy import (
    CaptureError,
    CaptureFormatError,
    CaptureOSError,
    FilterError,
    FlowTable,
    pipeline,
    reassemble,
)
from tcpflow_scapy.capture.frames import BATCHES_ALIVE
from tcpflow_scapy.errors import FilterUnavailable
from tests.helpers.traffic import Capture, Conversation, RawFrame, play

TALK = "> SYN\n< SYN ACK\n> ACK\n> 'GET /'\n< '200 OK'\n> FIN\n< FIN\n> ACK"


def capture() -> Capture:
    return Capture(
        play(TALK),
        play(TALK.replace("GET /", "GET /more"), Conversation("10.0.0.9:1024", "10.0.0.2:443")),
    ).interleave(1)


def said(flows: FlowTable) -> set[tuple[bytes, bytes]]:
    return {(f.client.data, f.server.data) for f in flows}


WANTED = {(b"GET /", b"200 OK"), (b"GET /more", b"200 OK")}


# -- sources ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["pcap", "pcapng"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_path(tmp_path: Path, format: str, kind: type) -> None:
    path = capture().write(tmp_path / "a.cap", format)
    flows = reassemble(kind(path))
    assert isinstance(flows, FlowTable)
    assert said(flows) == WANTED


def test_a_list_of_paths_is_one_body_of_evidence(tmp_path: Path) -> None:
    paths = [part.write(tmp_path / f"{n}.pcap") for n, part in enumerate(capture().split(5))]
    assert said(reassemble(paths)) == WANTED
    assert said(reassemble(tuple(paths))) == WANTED
    assert said(reassemble([str(p) for p in paths])) == WANTED


def test_a_binary_file_object(tmp_path: Path) -> None:
    assert said(reassemble(io.BytesIO(capture().to_bytes()))) == WANTED
    with open(capture().write(tmp_path / "a.pcap"), "rb") as file:
        assert said(reassemble(file)) == WANTED


def test_scapy_packets(tmp_path: Path) -> None:
    import scapy.layers.inet  # noqa: F401  (registers Ethernet)
    from scapy.utils import PcapReader, rdpcap

    path = str(capture().write(tmp_path / "a.pcap"))
    packets = rdpcap(path)
    assert said(reassemble(packets)) == WANTED
    assert said(reassemble(list(packets))) == WANTED
    assert said(reassemble(p for p in packets)) == WANTED
    with PcapReader(path) as reader:
        assert said(reassemble(reader)) == WANTED


def test_flows_can_be_read_after_the_file_is_gone(tmp_path: Path) -> None:
    path = capture().write(tmp_path / "a.pcap")
    flows = reassemble(path)
    path.unlink()
    assert said(flows) == WANTED


def test_more_batches_than_are_kept_alive(tmp_path: Path) -> None:
    """Payload is read through the store, never from a batch's memory, which is used again."""
    many = Capture(*(play(TALK, Conversation(f"10.0.0.{n}:9")) for n in range(40)))
    parts = many.interleave(2).split(10 * BATCHES_ALIVE)
    flows = reassemble([part.write(tmp_path / f"{n}.pcap") for n, part in enumerate(parts)])
    assert len(flows) == 40
    assert said(flows) == {(b"GET /", b"200 OK")}
    assert [f.history for f in flows] == ["ShADdFf"] * 40


# -- options ----------------------------------------------------------------------------------------


def source(*parts: Conversation) -> io.BytesIO:
    return io.BytesIO(Capture(*(parts or capture())).to_bytes())


def test_a_filter() -> None:
    assert said(reassemble(source(), filter="port 443")) == {(b"GET /more", b"200 OK")}
    assert said(reassemble(source(), filter="src host 10.0.0.2")) == {(b"", b"200 OK")}
    assert len(reassemble(source(), filter="udp")) == 0


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_no_filter(nothing: str | None) -> None:
    assert said(reassemble(source(), filter=nothing)) == WANTED


def test_a_wrong_filter_says_so_in_libpcaps_words() -> None:
    with pytest.raises(FilterError, match="syntax error") as caught:
        reassemble(source(), filter="port port")
    assert isinstance(caught.value, ValueError)


def test_a_filter_for_frames_that_libpcap_cannot_filter() -> None:
    """Alone they are an error; among others they are left out, and said to be."""
    strange = RawFrame(bytes(60), linktype=260)
    both = Capture(play("> SYN\n> 'a'"), strange)
    flows = reassemble(io.BytesIO(both.to_bytes("pcapng")), filter="tcp")
    assert flows[0].client.data == b"a"
    (problem,) = flows.capture.problems
    assert problem.kind == "filter"
    assert "260" in problem.message
    with pytest.raises(FilterUnavailable, match="260"):
        reassemble(io.BytesIO(Capture(RawFrame(bytes(60))).to_bytes(linktype=260)), filter="tcp")


def test_an_overlap_policy() -> None:
    c = play("> SYN\n> 'aaaa'\n> 0:'bbbb'")
    assert reassemble(source(c))[0].client.data == b"aaaa"
    assert reassemble(source(c), overlap="last")[0].client.data == b"bbbb"


def test_max_gap_timeout_and_vlans() -> None:
    c = play("> SYN\n> 'a'\n> 100:'b'")
    assert len(reassemble(source(c))) == 1
    assert len(reassemble(source(c), max_gap=50)) == 2
    assert len(reassemble(source(c), max_gap=np.int64(50))) == 2  # type: ignore[arg-type]
    c.frames[2].time = (c.frames[1].time or 0) + 2 * 10**9
    assert len(reassemble(source(c), timeout=1.5)) == 2
    assert len(reassemble(source(c), timeout=2)) == 1
    c.frames[2].vlans = (5,)
    assert len(reassemble(source(c))) == 2
    assert len(reassemble(source(c), ignore_vlan=True)) == 1


def test_checksums_are_verified_only_when_asked() -> None:
    c = play("> SYN\n> 'a'\n> 'b'")
    c.frames[2].bad_checksum = True
    assert reassemble(source(c))[0].client.data == b"ab"
    assert reassemble(source(c), verify_checksums=True)[0].client.data == b"a"


def test_defaults_and_names_of_the_options() -> None:
    import inspect

    parameters = inspect.signature(reassemble).parameters
    assert list(parameters) == [
        *("source", "filter", "overlap", "max_gap", "timeout"),
        *("ignore_vlan", "verify_checksums", "progress", "fragments", "ignore_encapsulation", "hash"),
    ]
    defaults = {name: p.default for name, p in parameters.items() if name != "source"}
    assert defaults == {
        "filter": None,
        "overlap": "first",
        "max_gap": 16 * 1024 * 1024,
        "timeout": None,
        "ignore_vlan": False,
        "verify_checksums": False,
        "progress": None,
        "fragments": None,
        "ignore_encapsulation": False,
        "hash": False,
    }
    assert all(p.kind is p.KEYWORD_ONLY for name, p in parameters.items() if name != "source")


@pytest.mark.parametrize(
    "options",
    [
        {"overlap": "middle"},
        {"overlap": ""},
        {"max_gap": -1},
        {"max_gap": 1 << 31},
        {"max_gap": 1.5},
        {"max_gap": True},
        {"max_gap": None},
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": math.nan},
        {"timeout": math.inf},
        {"timeout": "10"},
        {"timeout": True},
        {"fragments": "middle"},
    ],
)
def test_options_out_of_range(options: dict[str, object]) -> None:
    """Refused before anything is read."""
    with pytest.raises(ValueError, match=next(iter(options)).replace("overlap", "policy")):
        reassemble("/nonexistent", **options)  # type: ignore[arg-type]


def test_an_unknown_policy_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="first, last, bsd"):
        reassemble(source(), overlap="middle")


# -- what cannot be read ----------------------------------------------------------------------------


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.pcap", tmp_path):
        with pytest.raises(CaptureOSError, match=path.name) as caught:
            reassemble(path)
        assert isinstance(caught.value, OSError)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"hello, world", bytes(100)])
def test_what_is_no_capture(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.pcap"
    path.write_bytes(content)
    with pytest.raises(CaptureError, match=r"no\.pcap") as caught:
        reassemble(path)
    assert isinstance(caught.value, CaptureFormatError)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


def test_a_capture_that_ends_in_its_header_is_a_capture_cut_short() -> None:
    flows = reassemble(io.BytesIO(Capture().to_bytes()[:4]))
    assert len(flows) == 0
    assert len(flows.capture.problems) == 1


def test_what_is_no_source() -> None:
    for wrong in (None, 7, object()):
        with pytest.raises((TypeError, CaptureError)):
            reassemble(wrong)


def test_a_capture_without_tcp_is_an_empty_table() -> None:
    flows = reassemble(io.BytesIO(Capture().to_bytes()))
    assert len(flows) == 0


def test_an_error_while_decoding_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding runs in a thread of its own; no thread stays behind."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no luck")

    before = threading.active_count()
    monkeypatch.setattr(pipeline.Decoder, "decode", broken)
    with pytest.raises(RuntimeError, match="no luck"):
        reassemble(source())
    assert threading.active_count() == before


# -- progress ---------------------------------------------------------------------------------------


def test_progress_is_called_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    class Recorder:
        def __init__(self, label: str, wanted: bool | None) -> None:
            calls.append(wanted)

        def __enter__(self) -> Recorder:
            return self

        def __exit__(self, *_: object) -> None:
            calls.append("closed")

        def __call__(self, done: int, total: int | None) -> None:
            calls.append((done, total))

    monkeypatch.setattr(pipeline, "Progress", Recorder)
    blob = capture().to_bytes()
    reassemble(io.BytesIO(blob), progress=True)
    assert calls[0] is True
    assert calls[-1] == "closed"
    steps = [c for c in calls if isinstance(c, tuple)]
    assert steps
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert steps[-1][0] <= len(blob)
