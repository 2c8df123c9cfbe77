"""Payload on the console, byte for byte as tcpflow prints it, or reassembled."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.cli.arguments import parse
from tcpflow_scapy.cli.console import print_console
from tcpflow_scapy.cli.job import chosen_template
from tests.cases.answers import case
from tests.helpers.traffic import Capture, Conversation

CLIENT = "010.000.000.001.01024-010.000.000.002.00080"
SERVER = "010.000.000.002.00080-010.000.000.001.01024"


def printed(path: Path, *arguments: str) -> bytes:
    settings = parse(["-r", str(path), *arguments])
    out = io.BytesIO()
    print_console(reassemble(path), chosen_template(settings), settings, out)
    return out.getvalue()


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Text, bytes that command a terminal, a retransmission, segments out of order, a gap, two VLANs."""
    talk = Conversation(client="10.0.0.1:1024", server="10.0.0.2:80", isn=1000, server_isn=5000)
    talk.handshake()
    talk.client(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    talk.client(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", at=0)
    talk.server(bytes(range(256)))
    talk.server(b"\x1b[2J\x07\ttab", at=300)
    talk.server(b"late", at=290)
    tagged = Conversation(client="10.0.0.1:2048", server="10.0.0.2:80", vlans=(42,))
    tagged.client("x" * 33)
    path = tmp_path / "talk.pcap"
    Capture(talk, tagged).write(path)
    return path


@pytest.mark.peer
@pytest.mark.parametrize(
    "arguments",
    [
        ["-c"],
        ["-C"],
        ["-c", "-B"],
        ["-C", "-B"],
        ["-c", "-s"],
        ["-c", "-D"],
        ["-C", "-D"],
        ["-c", "-D", "-B"],
        ["-c", "-0"],
        ["-C", "-0", "-B"],
        ["-c", "-D", "-0"],
        ["-c", "-b", "30"],
        ["-c", "-b", "0"],
        ["-c", "-b", "1000"],
        ["-c", "-o", "folder"],
        ["-c", "-T", "%T_%A%v"],
        ["-c", "-Ft"],
    ],
    ids=" ".join,
)
def test_as_tcpflow_prints(
    arguments: list[str], need_tool: Callable[[str], str], capture: Path, tmp_path: Path
) -> None:
    command = [need_tool("tcpflow"), "-d", "0", "-X", "/dev/null", *arguments, "-r", str(capture)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=20)
    plain = not {"-B", "-D"} & set(arguments)
    # The one difference: tcpflow prints a CR that no LF follows, and the line is written over.
    expected = re.sub(rb"\r(?!\n)", rb"\\r", run.stdout) if plain else run.stdout
    assert (expected != run.stdout) == (plain and arguments[-1] != "0")
    assert printed(capture, *arguments) == expected


def test_packets_in_capture_order_with_retransmissions(capture: Path) -> None:
    lines = printed(capture, "-c").split(b"\n")
    assert [line[:43].decode() for line in lines if line.startswith(b"010")] == [
        CLIENT, CLIENT, SERVER, SERVER, SERVER, "010.000.000.001.02048-010.000.000.002.00080",
    ]  # fmt: skip
    assert lines[-2].startswith(b"010.000.000.001.02048-010.000.000.002.00080--42: xxx")


def test_nothing_commands_a_terminal_unless_asked(capture: Path) -> None:
    for arguments in (["-c"], ["-C"], ["-c", "-D"], ["-c", "--order", "stream"]):
        text = printed(capture, *arguments)
        assert not set(text) - set(range(0x20, 0x7F)) - set(b"\r\n")
    assert b"\x1b[2J" in printed(capture, "-C", "-B")


def test_no_line_is_written_over() -> None:
    capture = case("trust", "cr_overwrite")
    data = next(s.data for f in reassemble(capture) for s in f.streams if b"\r" in s.data)
    assert re.search(rb"\r(?!\n)", data)
    for arguments in (["-c"], ["-c", "-0"], ["-C", "-s"], ["-c", "--order", "stream"], ["-c", "-D"]):
        text = printed(capture, *arguments)
        assert not re.search(rb"\r(?!\n)", text)
        assert re.sub(rb"\r(?!\n)", rb"\\r", data) in text or "-D" in arguments
    assert data in printed(capture, "-C", "-B")


def test_streams_are_reassembled_and_gaps_marked(capture: Path) -> None:
    text = printed(capture, "--order", "stream", "-c").decode()
    assert text.count("GET /") == 1
    assert f"{CLIENT}: GET / HTTP/1.1\r\nHost: x\r\n\r\n\n" in text
    assert "\n[34 bytes missing]\nlate\n[6 bytes missing]\n.[2J..tab\n" in text
    assert text.index(SERVER) > text.index(CLIENT)


def test_streams_as_a_dump_have_stream_offsets(capture: Path) -> None:
    lines = printed(capture, "--order", "stream", "-C", "-D").decode().splitlines()
    at = lines.index("[34 bytes missing]")
    assert lines[at - 1].startswith("000000f0")
    assert lines[at + 1].startswith("00000122  6c 61 74 65")


def test_raw_streams_hold_what_was_captured(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = printed(capture, "--order", "stream", "-C", "-B", "-0")
    flows = reassemble(capture)
    streams = [s for f in flows for s in f.streams if s.captured]
    assert raw == b"".join(data for s in streams for _, _, data in s.chunks())
    assert "[34 bytes missing] at offset 256" in capsys.readouterr().err


def test_streams_keep_to_the_limit(capture: Path) -> None:
    raw = printed(capture, "--order", "stream", "-C", "-B", "-b", "5")
    assert raw == b"GET /\n" + bytes(range(5)) + b"\nxxxxx\n"
