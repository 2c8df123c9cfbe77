"""-i on real traffic in namespaces: files that grow, signals, rights, and what tcpflow makes of the same."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tcpflow_scapy.cli import main
from tcpflow_scapy.cli.arguments import parse
from tcpflow_scapy.cli.settings import UsageError
from tests.helpers.netns import inside, ip, pair

PROGRAM = [sys.executable, "-m", "tcpflow_scapy"]
NAMES = ["010.030.000.001.41000-010.030.000.002.05000", "010.030.000.002.05000-010.030.000.001.41000"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-i", "lo", "-r", "x.pcap"], "-i and -r exclude each other"),
        (["-i", ""], "needs the name"),
        (["-i", "lo", "--rotate-size", "0"], "positive"),
        (["-i", "lo", "--rotate-size", "x"], "whole number"),
        (["-i", "lo", "--duration", "-1"], "positive number of seconds"),
        (["-i", "lo", "--count", "-1"], "positive"),
        (["-i", "lo", "-S", "tdelta=5"], "tdelta"),
        ([], "-i NAME an interface"),
    ],
)
def test_what_cannot_be_asked_for(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(words)


def test_options_that_do_nothing_are_named() -> None:
    settings = parse(["-r", "x.pcap", "-p", "--spool", "y", "-U", "nobody"])
    assert settings.notes == ["-p, -U, --spool says how to capture and does nothing without -i"]
    settings = parse(["-i", "eth0", "-i", "lo", "-p", "tcp", "port", "80"])
    assert (settings.interfaces, settings.promiscuous, settings.expression) == (
        ["eth0", "lo"],
        False,
        "tcp port 80",
    )


def test_interfaces_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list-interfaces"]) == 0
    assert any(line.startswith("lo\tup\tloopback") for line in capsys.readouterr().out.splitlines())


@pytest.fixture
def spaces(need_root: Callable[[], None], need_tool: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    need_root()
    need_tool("ip")
    with pair() as names:
        yield names


def _usual_signals() -> None:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class Run:
    """A command in a namespace, once it listens."""

    def __init__(
        self,
        space: str,
        command: list[str],
        folder: Path,
        *,
        before: Sequence[str] = (),
        apart: bool = False,
    ) -> None:
        self._out = folder / "out0"
        self._log = folder / f"log{len(list(folder.glob('log*')))}"
        with self._log.open("wb") as log, self._out.open("wb") if apart else nullcontext(log) as out:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", space, *before, *command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                # Whoever started the tests may have signals ignored (nohup, a job in the background).
                preexec_fn=_usual_signals,
            )
        try:
            wait_for(lambda: b"listening on" in self.said())
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def printed(self) -> bytes:
        return self._out.read_bytes()

    def said(self) -> bytes:
        text = self._log.read_bytes()
        assert self.process.poll() is None or b"listening" in text, text
        return text

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        return code, self.said().decode()


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@contextmanager
def talk(left: str, right: str) -> Iterator[Callable[[bytes, bytes], None]]:
    """A connection from port 41000 to port 5000: each call says something in both directions."""
    with inside(right):
        listener = socket.create_server(("10.30.0.2", 5000))
    with inside(left):
        client = socket.create_connection(("10.30.0.2", 5000), 30, ("10.30.0.1", 41000))
    server = listener.accept()[0]
    listener.close()

    def say(one: bytes, other: bytes) -> None:
        for sender, receiver, words in ((client, server, one), (server, client, other)):
            thread = threading.Thread(target=sender.sendall, args=(words,))
            thread.start()
            left_over = len(words)
            while left_over:
                left_over -= len(receiver.recv(left_over))
            thread.join()

    with client, server:
        yield say


@pytest.mark.peer
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_files_grow_and_a_signal_ends_all_orderly(name: str, spaces: tuple[str, str], tmp_path: Path) -> None:
    left, right = spaces
    options = ["-i", "eth0", "-o", "out", "--spool", "e.pcapng", "tcp", "port", "5000"]
    run = Run(right, [*PROGRAM, *options], tmp_path)
    out = tmp_path / "out"
    with talk(left, right) as say:
        say(b"first" * 1000, b"answer" * 1000)
        wait_for(lambda: out.is_dir() and sorted(p.name for p in out.iterdir()) == NAMES)
        wait_for(lambda: (out / NAMES[1]).read_bytes() == b"answer" * 1000)
        say(b"second" * 20_000, b"reply" * 50_000)
        wait_for(lambda: (out / NAMES[1]).stat().st_size == 256_000)
        say(b"last", b"words")
        code, text = run.end(getattr(signal, name))
    assert code == 0, text
    assert (out / NAMES[0]).read_bytes() == b"first" * 1000 + b"second" * 20_000 + b"last"
    assert (out / NAMES[1]).read_bytes() == b"answer" * 1000 + b"reply" * 50_000 + b"words"
    assert (out / "report.xml").read_text().rstrip().endswith("</dfxml>")
    assert "terminating orderly" in text
    assert "; 0 dropped by the kernel" in text
    [flow] = reassemble(tmp_path / "e.pcapng")
    assert flow.server.data == (out / NAMES[1]).read_bytes()
    assert main(["--verify-spool", str(tmp_path / "e.pcapng")]) == 0
    with (tmp_path / "e.pcapng").open("r+b") as file:
        file.seek(1000)
        file.write(b"X")
    assert main(["--verify-spool", str(tmp_path / "e.pcapng")]) == 1


@pytest.mark.peer
def test_nohup_is_heeded(spaces: tuple[str, str], tmp_path: Path, need_tool: Callable[[str], str]) -> None:
    run = Run(spaces[1], [*PROGRAM, "-i", "eth0", "-o", "out"], tmp_path, before=[need_tool("nohup")])
    run.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert run.process.poll() is None
    assert run.end(signal.SIGTERM)[0] == 0


@pytest.mark.peer
def test_the_same_files_as_tcpflow(
    spaces: tuple[str, str], tmp_path: Path, need_tool: Callable[[str], str]
) -> None:
    left, right = spaces
    need_tool("tcpflow")
    filter = ["tcp", "port", "5000"]
    theirs = Run(right, [shutil.which("tcpflow") or "", "-i", "eth0", "-o", "theirs", *filter], tmp_path)
    ours = Run(right, [*PROGRAM, "-i", "eth0", "-o", "ours", *filter], tmp_path)
    time.sleep(0.3)
    for number in range(3):
        with talk(left, right) as say:
            say(b"question %d" % number, b"answer" * 10_000)
        time.sleep(0.1)
    wait_for(lambda: len(list((tmp_path / "ours").glob("*"))) == 6)
    for run in (theirs, ours):
        code, text = run.end(signal.SIGINT)
        assert code == 0, text
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir() if path.suffix != ".xml"}
        for folder in ("ours", "theirs")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == 6


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can reach; pytest's own is its owner's alone."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        yield Path(name)


@pytest.mark.peer
def test_rights_are_given_up(spaces: tuple[str, str], open_folder: Path) -> None:
    left, right = spaces
    options = ["-i", "eth0", "-U", "nobody", "-o", "out", "--spool", "e.pcapng", "--rotate-size", "65536"]
    run = Run(right, [*PROGRAM, *options], open_folder)
    status = Path(f"/proc/{run.process.pid}/status").read_text()
    uids = next(line.split()[1:] for line in status.splitlines() if line.startswith("Uid:"))
    assert set(uids) == {str(65534)}
    with talk(left, right) as say:
        say(b"x" * 200_000, b"y")
        time.sleep(0.5)
    code, text = run.end(signal.SIGINT)
    assert code == 0, text
    made = [*open_folder.glob("e*"), *(open_folder / "out").iterdir()]
    assert {path.stat().st_uid for path in made} == {65534}
    assert len(list(open_folder.glob("e-*.pcapng"))) > 1
    assert (open_folder / "out" / NAMES[0]).stat().st_size == 200_000


@pytest.mark.peer
def test_without_the_right_one_line_says_what_is_missing(spaces: tuple[str, str], nobody: list[str]) -> None:
    code = f"import sys; sys.path[:0] = {sys.path!r}; from tcpflow_scapy.cli import main; sys.exit(main())"
    found = subprocess.run(
        ["ip", "netns", "exec", spaces[1], *nobody, sys.executable, "-c", code, "-i", "eth0"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
    )
    assert found.returncode == 1
    [line] = found.stderr.splitlines()
    assert line.startswith("tcpflow-scapy: eth0: no permission: capturing needs the right CAP_NET_RAW")
    assert not os.path.exists("/report.xml")


@pytest.mark.peer
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["-i", "nope0"], 1, "nope0: there is no such interface; there are: "),
        (["-i", "eth0", "tcp", "prot", "80"], 2, "filter 'tcp prot 80': can't parse"),
        (["-i", "eth0", "-U", "nosuchuser"], 1, "there is no user 'nosuchuser'"),
        (["-i", "eth0", "--spool", "there"], 1, "there: already exists"),
        (["-i", "eth0", "--rotate-size", "5"], 2, "rotate_bytes must be at least"),
        (["-i", "eth0", "--overlap", "wrong"], 2, "--overlap knows"),
    ],
)
def test_failures_are_one_line(
    options: list[str], code: int, message: str, spaces: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "there").write_bytes(b"evidence")
    found = subprocess.run(
        ["ip", "netns", "exec", spaces[1], *PROGRAM, *options],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    [line] = found.stderr.splitlines()
    assert message in line
    assert found.returncode == code
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


@pytest.mark.peer
def test_count_and_duration_end_it(spaces: tuple[str, str], tmp_path: Path) -> None:
    left, right = spaces
    run = Run(right, [*PROGRAM, "-i", "eth0", "-o", "out", "--count", "5", "tcp"], tmp_path)
    with talk(left, right) as say:
        say(b"x" * 100_000, b"y" * 100_000)
        run.process.wait(timeout=60)
    assert b"captured 5 frames" in run.said()
    started = time.monotonic()
    run = Run(right, [*PROGRAM, "-i", "eth0", "-o", "out2", "--duration", "0.5"], tmp_path)
    assert run.process.wait(timeout=60) == 0
    assert time.monotonic() - started < 8


@pytest.mark.peer
@pytest.mark.parametrize(
    "options", [["-c"], ["-C", "-B"], ["-c", "-D"], ["-c", "-g"], ["-C", "-0", "-b", "9"]]
)
def test_payload_is_printed_as_it_comes(options: list[str], spaces: tuple[str, str], tmp_path: Path) -> None:
    left, right = spaces
    both = ["--spool", "e.pcapng", "tcp", "port", "5000"]
    run = Run(right, [*PROGRAM, "-i", "eth0", *options, *both], tmp_path, apart=True)
    with talk(left, right) as say:
        say(b"question one\n", b"answer\0one\n")
        wait_for(lambda: len(run.printed()) > 0)
        early = run.printed()
        say(b"question two\n", b"answer\x1b[2Jtwo\n")
        time.sleep(0.5)
    assert run.end(signal.SIGINT)[0] == 0
    again = subprocess.run(
        [*PROGRAM, "-r", "e.pcapng", *options], cwd=tmp_path, capture_output=True, timeout=60
    )
    assert run.printed() == again.stdout
    assert again.stdout.startswith(early)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["e.pcapng", "e.pcapng.chain", "log0", "out0"]


@pytest.mark.peer
@pytest.mark.parametrize("options", [["-J"], ["-c", "--order", "stream"], ["-c", "--order", "conversation"]])
def test_flows_are_printed_as_they_end(options: list[str], spaces: tuple[str, str], tmp_path: Path) -> None:
    left, right = spaces
    run = Run(right, [*PROGRAM, "-i", "eth0", *options, "--spool", "e.pcapng", "tcp"], tmp_path, apart=True)
    for number in range(2):
        with talk(left, right) as say:
            say(b"question %d\n" % number, b"answer\n")
        time.sleep(0.1)
    if "-J" in options:  # while it runs, some seconds after they ended; the others at its end
        wait_for(lambda: run.printed().count(b"\n") >= 4, 15)
    assert run.end(signal.SIGINT)[0] == 0
    again = subprocess.run(
        [*PROGRAM, "-r", "e.pcapng", *options], cwd=tmp_path, capture_output=True, timeout=60
    )
    assert sorted(run.printed().splitlines()) == sorted(again.stdout.splitlines())


@pytest.mark.peer
def test_when_nobody_reads_any_more_it_ends(spaces: tuple[str, str], tmp_path: Path) -> None:
    left, right = spaces
    command = ["ip", "netns", "exec", right, *PROGRAM, "-i", "eth0", "-C", "tcp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"listening" in process.stderr.readline()
        process.stdout.close()
        with talk(left, right) as say:
            say(b"one", b"two")
            assert process.wait(timeout=60) == 128 + 13


@pytest.mark.peer
def test_an_interface_that_vanishes_is_told_at_once(spaces: tuple[str, str], tmp_path: Path) -> None:
    right = spaces[1]
    ip("-n", right, "link", "add", "gone0", "type", "veth", "peer", "name", "gone1")
    for name in ("gone0", "gone1"):
        ip("-n", right, "link", "set", name, "up")
    run = Run(right, [*PROGRAM, "-i", "eth0", "-i", "gone0", "-o", "out"], tmp_path)
    ip("-n", right, "link", "del", "gone0")
    wait_for(lambda: b"gone0: the interface is gone" in run.said())
    ip("-n", right, "link", "set", "eth0", "down")
    wait_for(lambda: b"eth0: the interface was set down" in run.said())
    ip("-n", right, "link", "set", "eth0", "up")
    wait_for(lambda: b"eth0: is back" in run.said())
    assert run.process.poll() is None
    code, said = run.end(signal.SIGINT)
    assert code == 0
    # All of it was told before the end.
    told, _, summary = said.partition("terminating orderly")
    assert "gone" in told
    assert "captured" in summary
