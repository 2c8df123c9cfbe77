"""The captures of `http/`: hard HTTP, and what a careful reader makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.cli import main
from tcpflow_scapy.flows.table import FlowTable
from tcpflow_scapy.protocols.http import HttpExchange, http_bodies

from .answers import case


def flows_of(name: str) -> FlowTable:
    return reassemble(case("http", name), progress=False)


def exchanges_of(name: str) -> list[HttpExchange]:
    return [exchange for flow in flows_of(name) for exchange in flow.http]


def pairs(name: str) -> list[tuple[str, bytes, bool]]:
    """Method and target, body of the answer (a dash for what is not there), and whether that is certain."""
    return [
        (
            f"{e.method} {e.target}" if e.request else "-",
            e.response.body if e.response else b"-",
            e.certain,
        )
        for e in exchanges_of(name)
    ]


def test_a_head_request_does_not_take_the_body_of_another() -> None:
    assert pairs("A_head_takes_body_of_lost_request") == [
        ("-", b"answer to GET /a", True),
        ("HEAD /b", b"", True),
        ("GET /c", b"third", True),
    ]
    assert pairs("A2_burst_loss_head") == [
        ("GET /0", b"zero", True),
        ("HEAD /1", b"-", True),
        ("-", b"the body of /2", True),
        ("GET /3", b"three", True),
    ]


def test_an_answer_whose_head_was_lost_shifts_no_other() -> None:
    first, second, third = exchanges_of("B_gap_swallows_next_head")
    assert [e.target for e in (first, second, third)] == ["/1", "/2", "/3"]
    assert first.response is not None
    assert not first.complete
    assert not first.certain  # bytes behind the gap may be another's
    assert second.response is None
    assert third.response is not None
    assert third.response.body == b"three"


def test_without_a_clock_acknowledgments_prove_pairs() -> None:
    assert pairs("I_no_clock_request_lost") == [
        ("GET /0", b"r0", True), ("-", b"r1", True), ("GET /2", b"r2", True), ("GET /3", b"r3", True),
    ]  # fmt: skip


def test_bytes_behind_the_last_message_are_listed() -> None:
    [exchange] = exchanges_of("C_bytes_behind_last_message")
    assert exchange.response is not None
    assert exchange.response.body == b"hello"
    assert "bytes_behind" in exchange.response.problems
    [(start, end)] = exchange.response.unread
    assert flows_of("C_bytes_behind_last_message")[0].server.read(start, end - start).startswith(b"these ")
    assert flows_of("C_bytes_behind_last_message").http["unread_bytes"].tolist() == [end - start]


def test_a_form_without_a_length_is_a_body() -> None:
    [exchange] = exchanges_of("C2_post_without_length")
    assert exchange.request is not None
    assert (exchange.request.body, exchange.request.problems) == (b"user=ann&pass=secret", ["no_length"])
    assert exchange.complete
    found = flows_of("C2_post_without_length").search("pass=", bodies=True)
    assert found["direction"].tolist() == ["client"]


def test_version_in_small_letters() -> None:
    assert pairs("D_lowercase_version") == [("GET /1", b"one", True), ("GET /2", b"two", True)]
    assert exchanges_of("D_lowercase_version")[0].status == 200


def test_http09() -> None:
    [exchange] = exchanges_of("E_http09")
    assert exchange.request is not None
    assert exchange.response is not None
    assert (exchange.target, exchange.request.version) == ("/old.html", "HTTP/0.9")
    assert (exchange.response.body, exchange.status) == (b"<html>old</html>", 0)
    assert exchange.complete
    assert flows_of("E_http09").service.tolist() == ["http"]


def test_http_in_a_tunnel() -> None:
    tunnel, inside = exchanges_of("F_http_in_connect")
    assert (tunnel.method, tunnel.upgrade) == ("CONNECT", "connect")
    assert inside.url == "http://h/inside"
    assert inside.response is not None
    assert (inside.response.body, inside.number, inside.certain) == (b"inside the tunnel", 2, True)


def test_malformed_request_lines() -> None:
    found = exchanges_of("G_malformed_request_lines")
    assert [(e.method, e.target, e.status) for e in found] == [
        ("GET", "", 200),
        ("GET", "/x", 200),
        ("OPTIONS", "", 400),
        ("GET", "/HTTP/1.1", 403),
        ("GET", "/with a space/x.html", 200),
    ]
    for exchange in found:
        assert exchange.request is not None
        assert exchange.request.problems == ["malformed_start_line"]
        assert exchange.request.headers.get("Host") == "h"


def test_a_body_that_was_refused_is_not_missing() -> None:
    [exchange] = exchanges_of("H_expect_refused_closed")
    assert exchange.request is not None
    assert exchange.request.problems == ["not_sent"]
    assert exchange.request.missing_bytes == 0
    assert exchange.complete


def test_an_honest_log_is_not_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flows = flows_of("J_log_23MB_ratio")
    [body] = http_bodies(flows[0])
    assert (body.message.size, body.message.complete, body.message.problems) == (22_800_000, True, [])
    assert main(["-r", str(case("http", "J_log_23MB_ratio")), "-o", str(tmp_path / "out"), "-E", "http"]) == 0
    assert "limit" not in capsys.readouterr().err
    [file] = (tmp_path / "out").glob("*-HTTPBODY-*")
    assert file.stat().st_size == 22_800_000


def test_many_bombs_have_one_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = case("trust", "http_many_bombs")
    out = tmp_path / "out"
    assert main(["-r", str(capture), "-o", str(out), "-E", "http", "-q"]) == 0
    said = capsys.readouterr().err
    assert "HTTP bodies: ratio_limit" in said
    sizes = [file.stat().st_size for file in out.glob("*-HTTPBODY-*")]
    assert len(sizes) == 400
    assert sum(sizes) < (128 << 20) + 1032 * capture.stat().st_size
    assert (out / "report.xml").read_text().count("<problems>ratio_limit</problems>") > 390
    table = reassemble(capture, progress=False).http
    cut = table["problems"] == "ratio_limit"
    assert cut.sum() > 390
    assert not table["complete"][cut].any()
