"""Hostile text reaches no terminal by way of the command line: payload, names of files, arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy import cli
from tcpflow_scapy.cli.options import OPTIONS
from tests.helpers.hostile_capture import NAME, hostile_capture
from tests.render.hostile import assert_safe

PRINTED: list[list[str]] = [
    ["-c"], ["-C"], ["-c", "-0"], ["-c", "-D"], ["-J"], ["-c", "-s", "-b", "90"], ["--table"], ["-a"],
    ["-c", "--order", "stream"], ["-c", "--order", "conversation"], ["-C", "--order", "conversation", "-D"],
    ["-v", "-I", "-e", "http"], ["-K"], ["-w", "unused.pcap"], ["--csv", "/dev/stdout"], ["-q", "-Z"],
    ["--json", "/dev/stdout"], ["-o", "out" + NAME, "-v"], ["-c", "-o", "out" + NAME], ["-F", "X"], ["-Ft"],
    ["-l", "--ignore-vlan", "--verify-checksums", "--overwrite"], ["-vv"], ["-h"], ["-V"],
    ["--ignore-encapsulation", "--http-requests"], ["-p"], ["-P"],
]  # fmt: skip
ELSEWHERE = {"-B", "-g", "-H", "--shell", "--list-interfaces"}
"""bytes as they are; colours of our own; refused as -P is; tests of their own"""
CHECKED = [option for option in OPTIONS if option.argument and option.word != "interface"]
"""options with an argument, but for the one that would capture"""


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_capture(tmp_path_factory.mktemp("hostile"))


def assert_printed_safely(arguments: list[str], capsysbinary: pytest.CaptureFixture[bytes]) -> bytes:
    """Neither standard output nor standard error command a terminal; what they printed."""
    cli.main(arguments)
    out, err = capsysbinary.readouterr()
    # CR LF is the payload's end of a line.
    assert_safe(out.replace(b"\r\n", b"\n").decode(), lines=True, tabs=True)
    assert_safe(err.decode(), lines=True)
    return out + err


@pytest.mark.parametrize("arguments", PRINTED, ids=lambda a: " ".join(a).encode("ascii", "replace").decode())
def test_the_command_line_prints_nothing_raw(
    arguments: list[str], capture: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    printed = assert_printed_safely(["-r", str(capture), *arguments], capsysbinary)
    assert printed


@pytest.mark.parametrize("option", CHECKED, ids=lambda option: option.text)
def test_hostile_arguments_are_escaped_in_messages(
    option: Any, capture: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    words = [f"-{option.letter}", NAME] if option.letter else [f"--{option.word}={NAME}"]
    assert_printed_safely(["-r", str(capture), *words], capsysbinary)
    assert_printed_safely(["-r", str(capture), "-S", f"{NAME}=1"], capsysbinary)
    assert_printed_safely(["-r", str(capture), NAME], capsysbinary)
    assert_printed_safely(["-" + NAME], capsysbinary)
    assert_printed_safely(["--" + NAME], capsysbinary)


def test_every_option_is_among_them() -> None:
    words = {
        word[:2] if word[1] != "-" else word for arguments in PRINTED for word in arguments if word[0] == "-"
    }
    assert {option.text for option in OPTIONS if not option.argument} <= words | ELSEWHERE
