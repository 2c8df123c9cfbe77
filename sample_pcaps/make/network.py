"""Two namespaces with programs, one between them with the bridge; gone afterwards, whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .plan import Plan, Row, read_ledger
from .wrap import OVERHEAD

HERE = Path(__file__).resolve().parent.parent

CLIENT, SERVER = "client", "server"
MACS = {CLIENT: "02:00:00:00:00:01", SERVER: "02:00:00:00:00:02"}

QUIET = (
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.default.router_solicitations=0",
    "net.ipv6.conf.default.autoconf=0",
    "net.ipv4.tcp_ecn=0",
)
"""Kernel settings of a namespace: no IPv6 chatter that has nothing to do with the sample."""


def run(*command: str | Path, check: bool = True) -> str:
    """Run a command to its end (10 s at most), give back what it wrote to stdout."""
    done = subprocess.run(list(command), check=check, capture_output=True, text=True, timeout=10)
    return done.stdout


class Network:
    """The namespaces, as a context. `client` and `server` are lists of addresses with prefix length."""

    def __init__(
        self, client: Sequence[str], server: Sequence[str], mtu: int = 1500, stamps: bool = True
    ) -> None:
        self._prefix = f"tfs{os.getpid()}"
        self._addresses = {CLIENT: client, SERVER: server}
        self._mtu = mtu
        self._settings = (*QUIET, f"net.ipv4.tcp_timestamps={int(stamps)}")
        self._programs: list[subprocess.Popen[bytes]] = []

    def name(self, side: str) -> str:
        """Full name of a namespace."""
        return f"{self._prefix}-{side}"

    def __enter__(self) -> Network:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for program in reversed(self._programs):
            stop(program)
        for side in (CLIENT, SERVER, "middle"):
            run("ip", "netns", "del", self.name(side), check=False)

    def _build(self) -> None:
        for side in ("middle", CLIENT, SERVER):
            run("ip", "netns", "add", self.name(side))
            for setting in self._settings:
                run(*self.inside(side), "sysctl", "-q", "-w", setting)
            run(*self.inside(side), "ip", "link", "set", "lo", "up")
        run(*self.inside("middle"), "sysctl", "-q", "-w", "net.ipv6.conf.default.disable_ipv6=1")
        for side in (CLIENT, SERVER):
            self._join(side)

    def _join(self, side: str) -> None:
        inside, middle = self.inside(side), self.inside("middle")
        run(
            *middle,
            "ip",
            "link",
            "add",
            side,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            self.name(side),
        )
        run(*inside, "ip", "link", "set", "eth0", "address", MACS[side])
        for where, device in ((middle, side), (inside, "eth0")):
            run(*where, sys.executable, HERE / "make" / "offload.py", device)
            run(*where, "ip", "link", "set", device, "up")
        run(*inside, "ip", "link", "set", "eth0", "mtu", str(self._mtu))
        for address in self._addresses[side]:
            extra = ["nodad"] if ":" in address else []
            run(*inside, "ip", "address", "add", address, "dev", "eth0", *extra)

    def inside(self, side: str) -> list[str]:
        """The words in front of a command that runs in a namespace."""
        return ["ip", "netns", "exec", self.name(side)]

    def start(
        self, side: str, *command: str | Path, log: Path | None = None, folder: Path = HERE
    ) -> subprocess.Popen[bytes]:
        """Start a program in `folder`; it is ended with the network at the latest."""
        with contextlib.ExitStack() as stack:
            out = stack.enter_context(log.open("ab")) if log else subprocess.DEVNULL
            program = subprocess.Popen(
                [*self.inside(side), *command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=folder,
                start_new_session=True,
            )
        self._programs.append(program)
        return program

    def call(self, side: str, *command: str | Path, text: bytes = b"", seconds: float = 30.0) -> bytes:
        """Run a program in a namespace to its end; what it wrote to stdout comes back."""
        done = subprocess.run(
            [*self.inside(side), *command],
            input=text,
            capture_output=True,
            timeout=seconds,
            cwd=HERE,
            check=False,
        )
        return done.stdout

    def wait_for(self, side: str, port: int, seconds: float = 5.0) -> None:
        """Until something listens on a TCP port there.

        Raises
        ------
        TimeoutError
            If nothing does.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if f":{port} " in run(*self.inside(side), "ss", "-Hltn"):
                return
            time.sleep(0.05)
        raise TimeoutError(f"nothing listens on port {port} of the {side}")

    @contextlib.contextmanager
    def helper(self, side: str, module: str, *arguments: str) -> Iterator[None]:
        """One of our modules at work in a namespace: it says "ready" and ends when its stdin closes."""
        command = [*self.inside(side), sys.executable, "-m", module, *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HERE)
        try:
            if not process.stdout or process.stdout.readline() != b"ready\n":
                raise RuntimeError(f"{module} did not start")
            yield
            time.sleep(0.3)
            if process.stdin:
                process.stdin.close()
            process.wait(timeout=60)
        finally:
            stop(process)

    @contextlib.contextmanager
    def bridge(self, plan: Plan) -> Iterator[list[Row]]:
        """A bridge for a while; its ledger is in the list once the block is left."""
        rows: list[Row] = []
        with self.helper("middle", "make.bridge", plan.dump()):
            yield rows
        rows += read_ledger(Path(plan.ledger))


def stop(program: subprocess.Popen[bytes]) -> None:
    """End a program that we started, and what it started in its session."""
    if program.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(program.pid) == program.pid:
                os.killpg(program.pid, signal.SIGTERM)
            else:
                program.terminate()
        try:
            program.wait(timeout=3)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait(timeout=3)
    for pipe in (program.stdin, program.stdout):
        if pipe:
            pipe.close()


def mtu_for(wrap: str) -> int:
    """MTU of the programs' devices where the road wraps frames."""
    return 1500 - OVERHEAD.get(wrap, 0)
