"""The command line as people run it: exit codes, one-line errors, no traceback, ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tcpflow_scapy
from tcpflow_scapy.cli import main

Run = subprocess.CompletedProcess[str]

ROOT = Path(__file__).resolve().parent.parent.parent

SAMPLE = str(ROOT / "sample_pcaps" / "redis.pcap")


def run(*arguments: object, stdin: bytes | None = None, cwd: Path | None = None) -> tuple[int, str, str]:
    """Exit code, standard output, standard error of a fresh process."""
    command = [sys.executable, "-m", "tcpflow_scapy", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, input=stdin or b"", capture_output=True, cwd=cwd, env=environment, timeout=60, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code and the one line that a failing call leaves."""
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("tcpflow-scapy: ")
    return code, err


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("-V", "--version"):
        assert main([option]) == 0
        assert capsys.readouterr().out == f"tcpflow-scapy {tcpflow_scapy.__version__}\n"
    assert main(["-h"]) == 0
    text = capsys.readouterr().out
    assert "usage: tcpflow-scapy -r FILE" in text
    assert all(len(line) <= 110 for line in text.splitlines())


def test_a_capture_becomes_files(tmp_path: Path, sample_pcaps: Path) -> None:
    code, out, err = run("-r", sample_pcaps / "mem.pcap", "-o", "out", cwd=tmp_path)
    assert (code, out) == (0, "")
    files = sorted(os.listdir(tmp_path / "out"))
    assert files.pop() == "report.xml"
    assert len(files) == 14
    assert all(name[0].isdigit() for name in files)
    assert err.startswith("tcpflow-scapy: ")
    assert "7 flows" in err
    assert "14 files" in err


def test_files_go_to_this_folder_unless_told(tmp_path: Path, sample_pcaps: Path) -> None:
    assert run("-q", "-r", sample_pcaps / "redis.pcap", cwd=tmp_path) == (0, "", "")
    assert os.listdir(tmp_path)


def test_an_expression_selects(
    tmp_path: Path, sample_pcaps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-r", str(sample_pcaps / "mem.pcap"), "-o", str(tmp_path), "tcp", "port", "6379"]) == 0
    assert "1 flow;" in capsys.readouterr().err
    assert all("06379" in name or name == "report.xml" for name in os.listdir(tmp_path))


def test_standard_input(tmp_path: Path, sample_pcaps: Path) -> None:
    code, _, err = run("-r", "-", "-o", tmp_path / "out", stdin=(sample_pcaps / "redis.pcap").read_bytes())
    assert code == 0, err
    main(["-q", "-r", str(sample_pcaps / "redis.pcap"), "-o", str(tmp_path / "file")])
    assert sorted(os.listdir(tmp_path / "out")) == sorted(os.listdir(tmp_path / "file"))


def test_several_captures_with_l(
    tmp_path: Path, sample_pcaps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(sample_pcaps / name) for name in ("redis.pcap", "http_ipv6.pcap")]
    assert main(["-l", "-FX", *names]) == 0
    together = capsys.readouterr().err
    assert main(["-FX", "-r", names[0], "-r", names[1]]) == 0
    assert capsys.readouterr().err == together


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "No such file"),
        ("folder", "directory"),
        ("empty", ""),
        ("text", ""),
    ],
)
def test_captures_that_are_none(
    kind: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "capture"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_bytes(b"this is no capture, but a text of some length\n" * 20)
    code, err = refused(capsys, "-r", path, "-o", tmp_path / "out")
    assert code == 1
    assert str(path) in err
    assert words.lower() in err.lower()
    assert not (tmp_path / "out").exists()


def test_a_wrong_expression(sample_pcaps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, err = refused(capsys, "-r", sample_pcaps / "mem.pcap", "tcp", "prot", "80")
    assert code == 2
    assert "tcp prot 80" in err


@pytest.mark.parametrize(
    "arguments",
    [["-y"], ["-T", "%q"], ["-T", "../x"], ["--overlap", "best"], ["-L", "x"], ["-e", "x"], []],
    ids=" ".join,
)
def test_wrong_command_lines(
    arguments: list[str], sample_pcaps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    captures = ["-r", str(sample_pcaps / "mem.pcap")] if arguments else []
    code, err = refused(capsys, *captures, *arguments)
    assert code == 2
    assert "-h prints help" in err


def test_an_output_folder_that_cannot_be(
    tmp_path: Path, sample_pcaps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for out in (tmp_path / "file", tmp_path / "link", tmp_path / "file" / "below", Path("/proc/self")):
        code, err = refused(capsys, "-r", sample_pcaps / "redis.pcap", "-o", out)
        assert code == 1
        assert str(out) in err


def test_table_files_that_cannot_be(
    tmp_path: Path, sample_pcaps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--csv", "--json", "--parquet"):
        code, err = refused(capsys, "-r", sample_pcaps / "redis.pcap", option, tmp_path)
        assert code == 1
        assert "is a folder" in err


def test_a_capture_cut_short_is_used_and_said(
    tmp_path: Path, sample_pcaps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (sample_pcaps / "redis.pcap").read_bytes()
    (tmp_path / "cut.pcap").write_bytes(whole[:-5])
    code = main(["-r", str(tmp_path / "cut.pcap"), "-o", str(tmp_path / "out")])
    err = capsys.readouterr().err
    assert code == 1
    assert "cut.pcap" in err
    assert os.listdir(tmp_path / "out")


def test_nothing_but_other_traffic(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.helpers.traffic import Capture, RawFrame

    arp = bytes.fromhex("ffffffffffff0200000000010806") + bytes(28)
    Capture([RawFrame(arp), RawFrame(arp)]).write(tmp_path / "arp.pcap")
    assert main(["-r", str(tmp_path / "arp.pcap"), "-o", str(tmp_path / "out")]) == 0
    err = capsys.readouterr().err
    assert "0 flows" in err
    assert "2 arp" in err
    assert os.listdir(tmp_path / "out") == ["report.xml"]


def test_a_hostile_file_name_cannot_command_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, err = refused(capsys, "-r", tmp_path / "\x1b[2Jevil\n.pcap")
    assert "\x1b" not in err
    assert "\\x1b[2Jevil\\n.pcap" in err


def test_a_reader_that_has_gone(sample_pcaps: Path) -> None:
    command = [sys.executable, "-m", "tcpflow_scapy", "-r", str(sample_pcaps / "mem.pcap"), "-C", "-B"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(timeout=60) == 141


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_it_cleanly(number: int, code: int, tmp_path: Path) -> None:
    """Interrupted while it waits for its input, which is when it always can be."""
    command = [sys.executable, "-m", "tcpflow_scapy", "-r", "-", "-o", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        # A shell lets what it runs in the background ignore interrupts, and that is inherited.
        preexec_fn=_heed_interrupts,
    )
    assert child.stdin is not None
    # A capture's header: once it is taken, the job waits for frames.
    child.stdin.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    child.stdin.flush()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not _reads_a_pipe(child.pid):
        time.sleep(0.05)
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert child.returncode == code
    assert out == b""
    assert b"Traceback" not in err
    assert not (tmp_path / "out").exists()


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _reads_a_pipe(pid: int) -> bool:
    """True once the process has nothing to do but wait."""
    modules = Path(f"/proc/{pid}/maps").read_text()
    return "numpy" in modules and "pipe" in Path(f"/proc/{pid}/wchan").read_text()


@pytest.mark.parametrize(
    ("arguments", "closed", "words"),
    [
        (["-r", "-", "--table"], "<&-", "<stdin>: closed"),
        (["-r", SAMPLE, "-c"], ">&-", "standard output is closed"),
        (["-r", SAMPLE, "--csv", "-"], ">&-", "standard output is closed"),
        (["--version"], ">&-", "standard output is closed"),
        (["-r", "absent"], "2>&-", ""),
    ],
)
def test_closed_standard_streams(arguments: list[str], closed: str, words: str) -> None:
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "tcpflow_scapy", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == (f"tcpflow-scapy: {words}\n" if words else "")
    assert done.stdout == ""


def test_captures_in_the_place_of_the_expression(capsys: pytest.CaptureFixture[str]) -> None:
    code, err = refused(capsys, "-r", SAMPLE, SAMPLE, SAMPLE)
    assert code == 2
    assert "these are files: -l reads several captures" in err


def test_captures_of_streams_are_counted_without_payload(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-r", SAMPLE, "-K", "-o", str(tmp_path)]) == 0
    assert f"2 files in {tmp_path}" in capsys.readouterr().err


def test_the_summary_counts_what_is_left_of_the_captures_that_only_finish(
    tmp_path: Path, sample_pcaps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gaps = str(sample_pcaps / "missed_frames.pcap")
    assert main(["-r", gaps, "-o", str(tmp_path / "gaps")]) == 0
    assert "no gaps" not in capsys.readouterr().err
    assert main(["-r", SAMPLE, "-R", gaps, "-o", str(tmp_path / "none")]) == 0
    assert "no gaps" in capsys.readouterr().err


THREADS = """
import os, sys
from tcpflow_scapy.cli import main
code = main(sys.argv[1:])
print(code, len(os.listdir("/proc/self/task")), "OPENBLAS_NUM_THREADS" in os.environ)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted as Linux shows them")
def test_numpy_starts_no_threads_that_nobody_needs(tmp_path: Path, sample_pcaps: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    arguments = ["-q", "-r", str(sample_pcaps / "mem.pcap"), "-o", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", THREADS, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stdout.split() == ["0", "1", "False"]
