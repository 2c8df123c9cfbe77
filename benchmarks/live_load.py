"""The rate at which nothing is lost, side by side: ``sudo python benchmarks/live_load.py [--seconds S] ...``.

tcpreplay sends a capture over a veth pair at rising rates; at the other end one program after the other
captures it. Nothing was lost where what the program made of it is, byte for byte, what it makes of the same
frames in a file (flow files by their hashes; frames by their number). Sender and receiver share the machine:
only the ratios mean something, and only in one run.

Programs: tcpflow and ours (flow files), tcpdump and ours (frames into a file), Scapy's plain ``sniff``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from children import environment
from make_captures import make
from wire import DEVICE, Wire, first_frames

PACKAGE = [sys.executable, "-m", "tcpflow_scapy"]
PLAIN = """
from scapy.all import AsyncSniffer, conf
import signal, sys
count = 0
def note(packet):
    global count
    count += 1
sniffer = AsyncSniffer(iface="eth0", prn=note, store=False)
sniffer.start()
print("listening on eth0", file=sys.stderr, flush=True)
signal.sigwait({signal.SIGINT})
sniffer.stop()
print(count)
"""


@dataclass
class Program:
    """Something that captures."""

    name: str
    command: Callable[[Path], list[str]]
    files: bool = False
    """whether it writes flow files, by which it is judged"""
    count: Callable[[str], int] = field(default=lambda said: -1)
    ready: str = "listening on"


def _tcpdump_count(said: str) -> int:
    return next((int(line.split()[0]) for line in said.splitlines() if "packets captured" in line), -1)


def _our_count(said: str) -> int:
    words = said.partition("captured ")[2].split()
    return int(words[0].replace(",", "")) if words else -1


def programs() -> list[Program]:
    """All that are here."""
    found = [
        Program(
            "ours: flow files",
            lambda folder: [*PACKAGE, "-i", DEVICE, "-o", str(folder / "out")],
            files=True,
            count=_our_count,
        ),
        Program(
            "tcpflow: flow files",
            lambda folder: ["tcpflow", "-i", DEVICE, "-o", str(folder / "out")],
            files=True,
        ),
        Program(
            "ours: spool and flows",
            lambda folder: [
                *[*PACKAGE, "-i", DEVICE, "-FX", "-S", "enable_report=NO"],
                *["--spool", str(folder / "e.pcapng")],
            ],
            count=_our_count,
        ),
        Program(
            "tcpdump: frames",
            lambda folder: ["tcpdump", "-i", DEVICE, "-B", "65536", "-w", str(folder / "e.pcap")],
            count=_tcpdump_count,
        ),
        Program(
            "Scapy: plain sniff",
            lambda folder: [sys.executable, "-c", PLAIN],
            count=lambda said: int(said.split()[-1]) if said.split()[-1].isdigit() else -1,
        ),
    ]  # fmt: skip
    return [each for each in found if shutil.which(each.command(Path())[0])]


def hashes(folder: Path) -> dict[str, str]:
    """Flow files by name."""
    return {
        path.name: hashlib.md5(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.suffix != ".xml"
    }


def reference(program: Program, capture: Path, folder: Path) -> dict[str, str]:
    """What the program makes of the same frames in a file."""
    command = program.command(folder)
    at = command.index("-i")
    command[at : at + 2] = ["-r", str(capture)]
    subprocess.run(command, check=True, capture_output=True, env=environment(), timeout=600)
    return hashes(folder / "out")


def attempt(wire: Wire, program: Program, capture: Path, frames: int, pps: int | None) -> tuple[float, float]:
    """One replay: the rate that was reached, and the share that was lost (flow files: of the files)."""
    with tempfile.TemporaryDirectory(prefix="live-load-") as name:
        folder = Path(name)
        with (folder / "log").open("w+") as log:
            process = subprocess.Popen(
                [*wire.inside(wire.receiver), *program.command(folder)],
                stdout=log, stderr=log, cwd=folder, env=environment(),
            )  # fmt: skip
            _wait_for(process, folder / "log", program.ready)
            time.sleep(0.5)
            rate = wire.replay(capture, pps, frames)
            _wait_until_idle(process)
            process.send_signal(signal.SIGINT)
            process.wait(timeout=600)
            said = (folder / "log").read_text()
        if program.files:
            (folder / "again").mkdir()
            expected = reference(program, capture, folder / "again")
            got = hashes(folder / "out")
            wrong = sum(got.get(each) != digest for each, digest in expected.items())
            return rate, wrong / max(len(expected), 1)
        return rate, 1 - program.count(said) / frames


def _wait_until_idle(process: subprocess.Popen[bytes]) -> None:
    """Until it has worked off what it has: what counts is whether frames were lost, not how late they are."""
    before, until = -1, time.monotonic() + 120
    while time.monotonic() < until:
        # user and system time, in ticks of a hundredth of a second
        ticks = sum(map(int, Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
        if before >= 0 and ticks - before <= 5:
            return
        before = ticks
        time.sleep(1.0)


def _wait_for(process: subprocess.Popen[bytes], log: Path, words: str) -> None:
    until = time.monotonic() + 30
    while words not in log.read_text():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"it does not capture: {log.read_text()}")
        time.sleep(0.05)


def climb(wire: Wire, program: Program, source: Path, seconds: float, rates: tuple[int, int, float]) -> float:
    """Rising rates until something is lost; the highest at which nothing was."""
    pps, highest, growth = rates
    best = 0.0
    with tempfile.TemporaryDirectory(prefix="live-load-") as name:
        capture = Path(name) / "part.pcap"
        while pps <= highest:
            frames = first_frames(source, capture, int(pps * seconds))
            rate, lost = attempt(wire, program, capture, frames, pps)
            print(
                f"  {program.name:24} {rate:10,.0f} packets/s  {frames:9,} frames  lost {lost:8.4%}",
                flush=True,
            )
            if lost > 0:
                break
            best = max(best, rate)
            if rate < 0.8 * pps:
                # tcpreplay can do no more.
                break
            pps = int(pps * growth)
    return best


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--capture", type=Path, help="a classic Ethernet capture (default: small.pcap, made)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each replay")
    parser.add_argument("--lowest", type=int, default=250, help="packets a second to begin with")
    parser.add_argument("--highest", type=int, default=200_000)
    parser.add_argument("--growth", type=float, default=1.5, help="from one rate to the next")
    parser.add_argument("--only", nargs="*", default=[], help="words in the names of programs")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    source = arguments.capture or make("small.pcap", Path(__file__).parent / "data")
    rates = (arguments.lowest, arguments.highest, arguments.growth)
    chosen = [p for p in programs() if not arguments.only or any(word in p.name for word in arguments.only)]
    with Wire() as wire:
        best = {p.name: climb(wire, p, source, arguments.seconds, rates) for p in chosen}
    report(best)
    if arguments.json:
        arguments.json.write_text(json.dumps(best, indent=1))


def report(best: dict[str, float]) -> None:
    """The table, and the promises."""
    print("\nhighest rate without loss, packets a second")
    for name, rate in best.items():
        print(f"  {name:24} {rate:10,.0f}")
    ours = {name.removeprefix("ours: "): rate for name, rate in best.items() if name.startswith("ours")}
    for mine, other, promised in (
        ("flow files", "tcpflow: flow files", 1.0),
        ("spool and flows", "tcpdump: frames", None),
        ("spool and flows", "Scapy: plain sniff", 10.0),
        ("flow files", "Scapy: plain sniff", 10.0),
    ):
        if mine in ours and best.get(other):
            ratio = ours[mine] / best[other]
            verdict = (
                ""
                if promised is None
                else f", promised {promised:g}: {'pass' if ratio >= promised else 'FAIL'}"
            )
            print(f"  ours ({mine}) / {other}: {ratio:.1f}{verdict}")


if __name__ == "__main__":
    main()
