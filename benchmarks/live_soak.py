"""Memory of a long capture: ``sudo python benchmarks/live_soak.py --minutes 20 --out soak``.

Connections of random sizes are opened and closed over a veth pair, by real sockets and the kernel's TCP, at a
steady rate, some always open and some that are never closed, while a capture runs in a process of its own and
its flows are taken as they end. The private memory of that process (``smaps_rollup``: private pages of no
file) is noted every second; a CSV and a picture (SVG) of it are written.

The verdict compares the last third of the time with the middle third: memory that does not grow is flat.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from children import environment
from wire import DEVICE, Wire, ip

PORT = 9000
ADDRESSES = 16
"""of each side, so that ports do not run out: a closed connection holds its own for a minute"""

ALLOWED_GROWTH = 0.03
"""of the mean from the middle third to the last; what sorts and merges in the background comes and goes"""

CAPTURE = """
import json, signal, sys, threading, time
from tcpflow_scapy import sniff
ended = set()
counts = dict(flows=0, again=0, bytes=0)
def note(flow):
    counts["again" if flow.again else "flows"] += 1
    counts["bytes"] += flow.client.captured + flow.server.captured
stop = threading.Event()
signal.signal(signal.SIGINT, lambda *_: stop.set())
live = sniff("eth0", filter="tcp", spool=sys.argv[1], on_flow=note, rotate_bytes=1 << 28)
print("listening", flush=True)
while not stop.wait(0.5):
    print(json.dumps({**counts, **live.stats._asdict(), "pairs": live.engine.hot}), flush=True)
live.end()
print(json.dumps({**counts, **live.stats._asdict(), "pairs": live.engine.hot,
                  "events": live.events.kind.value_counts().to_dict()}), flush=True)
"""


def serve(stop: threading.Event) -> None:
    """In the receiver: answer every connection with as many bytes as its first eight say, close."""

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            head = connection.recv(8, socket.MSG_WAITALL)
            asked, size = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
            while asked > 0 and (data := connection.recv(65536)):
                asked -= len(data)
            connection.sendall(bytes(size))

    with socket.create_server(("0.0.0.0", PORT), backlog=1024) as listener:
        listener.settimeout(0.5)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()


def call(rate: float, stop: threading.Event, seed: int) -> None:
    """In the sender: so many connections a second, most of them small; every 500th is never closed."""
    rng = random.Random(seed)
    due, number, kept = time.monotonic(), 0, []
    while not stop.is_set():
        due += 1 / rate
        time.sleep(max(0.0, due - time.monotonic()))
        number += 1
        own, other = rng.randrange(ADDRESSES), rng.randrange(ADDRESSES)
        with contextlib.suppress(OSError):
            caller = socket.create_connection((f"10.40.1.{other + 1}", PORT), 2, (f"10.40.0.{own + 1}", 0))
            asked, size = rng.choice([(100, 500), (300, 3_000), (50, 20_000), (2_000, 100)])
            caller.sendall(asked.to_bytes(4, "big") + size.to_bytes(4, "big") + bytes(asked))
            if number % 500 == 0:
                kept = [*kept[-20:], caller]
                continue
            while size > 0 and (data := caller.recv(65536)):
                size -= len(data)
            caller.close()


def worker(role: str, rate: float) -> None:
    """What runs in a namespace, until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if role == "serve":
        serve(stop)
        return
    callers = 4
    threads = [threading.Thread(target=call, args=(rate / callers, stop, n)) for n in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def private_bytes(process: int) -> int:
    """Private memory that belongs to no file (pages of the spool that are mapped are the page cache's)."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    return 0


def soak(minutes: float, rate: float, out: Path) -> list[dict[str, float]]:
    """Run it; a row for each second."""
    rows: list[dict[str, float]] = []
    with Wire() as wire, contextlib.ExitStack() as stack:
        for number, space in enumerate((wire.sender, wire.receiver)):
            ip("-n", space, "link", "set", DEVICE, "arp", "on")
            for host in range(ADDRESSES):
                ip("-n", space, "address", "add", f"10.40.{number}.{host + 1}/16", "dev", DEVICE)
        spool = out.with_suffix(".pcapng")
        capture = start(
            stack, wire.inside(wire.receiver), [sys.executable, "-c", CAPTURE, str(spool)], output=True
        )
        assert capture.stdout is not None
        assert capture.stdout.readline() == b"listening\n"
        latest: dict[str, float] = {}
        threading.Thread(target=follow, args=(capture, latest), daemon=True).start()
        own = [sys.executable, __file__, "--rate", str(rate), "--role"]
        start(stack, wire.inside(wire.receiver), [*own, "serve"])
        time.sleep(0.5)
        start(stack, wire.inside(wire.sender), [*own, "call"])
        began = time.monotonic()
        while (seconds := time.monotonic() - began) < minutes * 60 and capture.poll() is None:
            time.sleep(1)
            private = private_bytes(inner(capture.pid))
            rows.append({"seconds": round(seconds, 1), "private_bytes": private, **latest})
        capture.send_signal(signal.SIGINT)
        capture.wait(timeout=300)
        time.sleep(0.2)
        rows.append({"seconds": round(time.monotonic() - began, 1), "private_bytes": 0, **latest})
    return rows


def inner(process: int) -> int:
    """``ip netns exec`` becomes the program itself."""
    return process


def start(
    stack: contextlib.ExitStack, before: list[str], command: list[str], *, output: bool = False
) -> subprocess.Popen[bytes]:
    """Start a program that ends with the stack at the latest."""
    process = subprocess.Popen(
        [*before, *command], stdout=subprocess.PIPE if output else None, env=environment()
    )

    def end() -> None:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()

    stack.callback(end)
    return process


def follow(process: subprocess.Popen[bytes], latest: dict[str, float]) -> None:
    """Keep what the capture said last."""
    assert process.stdout is not None
    for line in process.stdout:
        with contextlib.suppress(ValueError):
            latest.update(json.loads(line))


def write_csv(rows: list[dict[str, float]], path: Path) -> None:
    """One line for each second."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "events"))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def write_svg(rows: list[dict[str, float]], path: Path) -> None:
    """Private memory over time, with the number of flows that had ended."""
    width, height, left, bottom = 800, 300, 60, 40
    seconds = max(row["seconds"] for row in rows) or 1
    most = max(row["private_bytes"] for row in rows) * 1.1 or 1
    flows = max(row.get("flows", 0) for row in rows) or 1

    def line(name: str, top: float, colour: str) -> str:
        across, down = (width - left) / seconds, height / top
        points = " ".join(
            f"{left + row['seconds'] * across:.1f},{height - row.get(name, 0) * down:.1f}"
            for row in rows[:-1]
        )
        return f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>'

    ticks = ""
    for part in (0, 0.25, 0.5, 0.75, 1):
        at = f"{height - part * height:.0f}"
        ticks += f'<text x="{left - 6}" y="{at}" text-anchor="end">{most * part / 1e6:.0f} MB</text>'
        ticks += f'<line x1="{left}" x2="{width}" y1="{at}" y2="{at}" stroke="#ddd"/>'
    words = (
        f"private memory (blue) over {seconds / 60:.0f} minutes; flows that ended (grey), {flows:,.0f} in all"
    )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -10 {width + 10} {height + bottom + 10}"'
        f' font-family="sans-serif" font-size="12">{ticks}{line("flows", flows, "#999")}'
        f'{line("private_bytes", most, "#0366d6")}<text x="{left}" y="{height + 25}">{words}</text></svg>\n'
    )


def verdict(rows: list[dict[str, float]]) -> bool:
    """Print what came of it; whether memory is flat."""
    third = len(rows) // 3
    parts = [rows[i * third : (i + 1) * third] for i in range(3)]
    means = [sum(row["private_bytes"] for row in part) / max(len(part), 1) for part in parts]
    last = rows[-1]
    flows, seconds = last.get("flows", 0), last["seconds"]
    print(f"{flows:,} flows in {seconds:.0f} s: {flows / seconds * 3600:,.0f} an hour")
    dropped = last.get("kernel_dropped", 0)
    print(f"frames {last.get('frames', 0):,}, dropped {dropped:,}, events {last.get('events')}")
    print("private memory, mean of each third: " + ", ".join(f"{mean / 1e6:.1f} MB" for mean in means))
    flat = means[2] <= means[1] * (1 + ALLOWED_GROWTH)
    print(f"from the middle third to the last: {means[2] / means[1] - 1:+.1%}: {'flat' if flat else 'GROWS'}")
    return flat


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument(
        "--rate", type=float, default=60, help="connections a second (30 are 108,000 an hour)"
    )
    parser.add_argument("--out", type=Path, default=Path("soak"), help="names of the files, without suffix")
    parser.add_argument("--keep", action="store_true", help="keep the spool")
    parser.add_argument("--role", choices=("serve", "call"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role:
        worker(arguments.role, arguments.rate)
        return 0
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    rows = soak(arguments.minutes, arguments.rate, arguments.out)
    write_csv(rows, arguments.out.with_suffix(".csv"))
    write_svg(rows, arguments.out.with_suffix(".svg"))
    if not arguments.keep:
        for path in arguments.out.parent.glob(f"{arguments.out.name}*.pcapng*"):
            os.unlink(path)
    return 0 if verdict(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
