"""HTTP bodies as files, against what tcpflow 1.6.1 wrote."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tcpflow_scapy.errors import ExportError
from tcpflow_scapy.export.http_objects import WrittenBody, body_name, export_http_bodies
from tcpflow_scapy.flows.table import FlowTable
from tcpflow_scapy.pipeline import reassemble
from tcpflow_scapy.protocols.content_coding import DecodeLimits
from tests.helpers.traffic import Capture, Conversation

GOLDEN = Path(__file__).parent.parent / "golden" / "cases"
CASES: dict[str, Any] = json.loads((GOLDEN / "golden.json").read_text())
PREFIX = "010.000.000.002.00080-010.000.000.001.01000-"

PAGE = b"<html>hello world, this is a body</html>"
DEVIATIONS: dict[str, tuple[str, dict[str, bytes]]] = {
    "h_GZ.pcap": ("a coding's name has no case", {"HTTPBODY-001.html": PAGE * 50}),
    "h_xgz.pcap": ("x-gzip is gzip", {"HTTPBODY-001.html": PAGE * 50}),
    "h_br.pcap": ("br is decoded", {"HTTPBODY-001.html": b"hello"}),
    "h_deflraw.pcap": ("raw deflate is common", {"HTTPBODY-001.html": PAGE * 50}),
    "h_gzmulti.pcap": ("several gzip members are one body", {"HTTPBODY-001.html": PAGE * 100}),
    "h_gzbad.pcap": ("a wrong label does not cost the body", {"HTTPBODY-001.html": b"not gzip at all"}),
    "h_badheader.pcap": ("a junk header line does not cost the body", {"HTTPBODY-001.html": PAGE}),
    "h_garbage.pcap": ("junk before the first response is skipped", {"HTTPBODY-001.html": PAGE}),
    "h_head.pcap": ("the request was HEAD", {"HTTPBODY-002.txt": b"nextbody"}),
    "h_small.pcap": ("short streams count too", {"HTTPBODY-001": b"body"}),
}
"""Where we differ on purpose: why, and what we write."""


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", sorted(name for name in CASES if name.startswith("h_")))
def test_as_tcpflow(name: str, tmp_path: Path) -> None:
    table = export_http_bodies(reassemble(GOLDEN / name, progress=False), tmp_path)
    written = {key.removeprefix(PREFIX): data for key, data in files(tmp_path).items()}
    if name in DEVIATIONS:
        assert written == DEVIATIONS[name][1]
    else:
        digests = {key: hashlib.sha256(data).hexdigest() for key, data in written.items()}
        expected = {key: row["sha256"] for key, row in CASES[name]["files"].items() if "HTTPBODY" in key}
        assert digests == {key.removeprefix(PREFIX): value for key, value in expected.items()}
    for row in table.itertuples():
        data = Path(str(row.path)).read_bytes()
        assert row.size == len(data)
        assert row.sha256 in ("", hashlib.sha256(data).hexdigest())
        assert row.complete == bool(row.sha256)


def flows_of(tmp_path: Path, *told: Conversation) -> FlowTable:
    path = tmp_path / "capture.pcap"
    Capture(*told).write(path)
    return reassemble(path, progress=False)


def answering(
    *answers: bytes, request: bytes = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n", isn: int = 1000
) -> Conversation:
    told = Conversation(client="10.0.0.1:1000", server="10.0.0.2:80", isn=isn, server_isn=isn * 7)
    told.handshake()
    for answer in answers:
        told.client(request)
        told.segments("server", answer)
    told.close()
    return told


def ok(body: bytes, *fields: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *fields, b"", body]
    return b"\r\n".join(lines)


def test_gap_is_a_hole_and_no_hash(tmp_path: Path) -> None:
    told = Conversation(client="10.0.0.1:1000", server="10.0.0.2:80")
    told.handshake()
    told.client(b"GET /x HTTP/1.1\r\n\r\n")
    body = bytes(range(1, 251)) * 20
    data = ok(body)
    told.server(data[:1000])
    told.skip("server", 2000)
    told.server(data[3000:])
    told.close()
    table = export_http_bodies(flows_of(tmp_path, told), tmp_path / "out")
    head = len(data) - len(body)
    [(name, written)] = files(tmp_path / "out").items()
    assert written == body[: 1000 - head] + bytes(2000) + body[3000 - head :]
    row = table.iloc[0]
    assert (row["name"], row["sha256"], row["complete"], row["missing_bytes"]) == (name, "", False, 2000)
    assert row["problems"] == "gap_in_body"


def test_table_and_times(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, answering(ok(b"one", b"Content-Type: text/plain"), ok(b"\x89PNG\r\n\x1a\n")))
    seen: list[WrittenBody] = []
    table = export_http_bodies(flows, tmp_path / "out", on_file=seen.append)
    assert table["number"].tolist() == [1, 2]
    assert table["exchange"].tolist() == [1, 2]
    assert table["url"].tolist() == ["http://h/x"] * 2
    assert table["content_type"].tolist() == ["text/plain", ""]
    assert table["sniffed_type"].tolist() == ["text/plain", "image/png"]
    assert [file.name for file in seen] == table["name"].tolist()
    for row in table.itertuples():
        server = flows[0].server
        assert row.time == server.at(int(row.start)).time
        assert os.stat(str(row.path)).st_mtime_ns == pd.Timestamp(row.time).value
        assert (
            server.read(int(row.body_start), int(row.end) - int(row.body_start))
            == Path(str(row.path)).read_bytes()
        )


def test_nothing_to_write(tmp_path: Path) -> None:
    table = export_http_bodies(flows_of(tmp_path, answering(b"HTTP/1.1 204 No\r\n\r\n")), tmp_path / "out")
    assert len(table) == 0
    assert "sha256" in table
    assert files(tmp_path / "out") == {}


def test_z_keeps_the_coding(tmp_path: Path) -> None:
    coded = gzip.compress(PAGE)
    answer = ok(coded, b"Content-Encoding: gzip", b"Content-Type: text/html")
    export_http_bodies(flows_of(tmp_path, answering(answer)), tmp_path / "out", decode=False)
    assert files(tmp_path / "out") == {PREFIX + "HTTPBODY-001.html": coded}


def test_bomb_is_cut(tmp_path: Path) -> None:
    coded = gzip.compress(bytes(5 << 20))
    flows = flows_of(tmp_path, answering(ok(coded, b"Content-Encoding: gzip")))
    limits = DecodeLimits(ratio=10, free=1 << 20)
    table = export_http_bodies(flows, tmp_path / "out", decode_limits=limits)
    assert table["size"].tolist() == [(1 << 20) + 10 * len(coded)]
    assert table["problems"].tolist() == ["ratio_limit"]
    assert table["sha256"].tolist() == [""]


def test_identical_bodies_are_written_each_time(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, answering(ok(PAGE), ok(PAGE)))
    assert len(export_http_bodies(flows, tmp_path / "out")["sha256"].unique()) == 1
    assert len(files(tmp_path / "out")) == 2


def test_connections_between_the_same_ports_never_share_a_name(tmp_path: Path) -> None:
    empty = b"HTTP/1.1 204 No\r\n\r\n"
    flows = flows_of(tmp_path, answering(empty, ok(b"a")), answering(ok(b"b"), isn=900_000))
    export_http_bodies(flows, tmp_path / "out")
    assert files(tmp_path / "out") == {
        PREFIX + "HTTPBODY-002": b"a",
        PREFIX[:-1] + "c1-HTTPBODY-001": b"b",
    }


def test_second_run_leaves_the_first_alone(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, answering(ok(b"a")))
    for _ in range(2):
        export_http_bodies(flows, tmp_path / "out")
    assert sorted(files(tmp_path / "out")) == [PREFIX + "HTTPBODY-001", PREFIX[:-1] + "c1-HTTPBODY-001"]
    export_http_bodies(flows, tmp_path / "out", overwrite=True)
    assert len(files(tmp_path / "out")) == 2


def test_names_that_the_streams_really_got(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, answering(ok(b"a")))
    export_http_bodies(flows, tmp_path / "out", names={(0, "server"): "000/NAMEc7"})
    assert (tmp_path / "out" / "000" / "NAMEc7-HTTPBODY-001").read_bytes() == b"a"


def test_template(tmp_path: Path) -> None:
    flows = flows_of(tmp_path, answering(ok(b"a")))
    export_http_bodies(flows, tmp_path / "out", template="%a-%b")
    assert files(tmp_path / "out") == {"00080-01000-HTTPBODY-001": b"a"}


def test_requests_on_demand(tmp_path: Path) -> None:
    upload = b"POST /x HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    flows = flows_of(tmp_path, answering(ok(b"a"), request=upload))
    export_http_bodies(flows, tmp_path / "out", requests=True)
    assert sorted(files(tmp_path / "out").values()) == [b"a", b"{}"]


def test_body_wholly_in_a_gap_is_no_file(tmp_path: Path) -> None:
    told = Conversation(client="10.0.0.1:1000", server="10.0.0.2:80")
    told.handshake()
    for path in (b"a", b"b"):
        told.client(b"GET /%s HTTP/1.1\r\nHost: h\r\n\r\n" % path)
        told.server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        told.server(b"0123456789")
        if path == b"a":
            told.lose()
    told.close()
    flows = flows_of(tmp_path, told)
    bodies = [exchange.response.body for exchange in flows[0].http]
    assert bodies == [b"", b"0123456789"]
    assert [exchange.response.missing_bytes for exchange in flows[0].http] == [10, 0]
    assert flows.http["certain"].all()
    table = export_http_bodies(flows, tmp_path / "out")
    assert table["exchange"].tolist() == [2]
    assert list(files(tmp_path / "out").values()) == [b"0123456789"]


def test_what_cannot_be_decoded_at_all_is_written_as_sent(tmp_path: Path) -> None:
    coded = gzip.compress(PAGE)
    flows = flows_of(tmp_path, answering(ok(coded, b"Content-Encoding: gzip")))
    table = export_http_bodies(flows, tmp_path / "out", decode_limits=DecodeLimits(total=0, growth=0))
    assert list(files(tmp_path / "out").values()) == [coded]
    assert (table["problems"].tolist(), table["complete"].tolist()) == (["total_limit"], [False])


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExportError):
        export_http_bodies(flows_of(tmp_path, answering(ok(b"a"))), tmp_path / "file")


def test_hostile_type_makes_no_name(tmp_path: Path) -> None:
    answer = ok(b"a", b"Content-Type: text/../../etc", b'Content-Disposition: attachment; filename="/etc/x"')
    export_http_bodies(flows_of(tmp_path, answering(answer)), tmp_path / "out")
    assert list(files(tmp_path / "out")) == [PREFIX + "HTTPBODY-001"]


def test_body_name() -> None:
    assert body_name("N", 1, "html") == "N-HTTPBODY-001.html"
    assert body_name("N", 1234, "") == "N-HTTPBODY-1234"
