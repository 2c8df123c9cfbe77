"""A cable between two network namespaces, and what is sent over it, for the measurements of live capture."""

from __future__ import annotations

import os
import re
import struct
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

DEVICE = "eth0"


def ip(*words: str) -> None:
    """Run ``ip``."""
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)


class Wire:
    """Two namespaces joined by a veth pair, ``eth0`` in each; nobody says anything of himself on it."""

    def __init__(self) -> None:
        self.sender, self.receiver = f"tfsw{os.getpid()}a", f"tfsw{os.getpid()}b"

    def __enter__(self) -> Self:
        for space in (self.sender, self.receiver):
            ip("netns", "add", space)
            self.run(space, "sysctl", "-q", "-w", "net.ipv6.conf.default.disable_ipv6=1")
            self.run(space, "sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1")
        ip(
            "-n",
            self.sender,
            "link",
            "add",
            DEVICE,
            "type",
            "veth",
            "peer",
            "name",
            DEVICE,
            "netns",
            self.receiver,
        )
        for space in (self.sender, self.receiver):
            ip("-n", space, "link", "set", DEVICE, "up", "arp", "off")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for space in (self.sender, self.receiver):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True, timeout=10)

    @staticmethod
    def inside(space: str) -> list[str]:
        """The words in front of a command that runs in a namespace."""
        return ["ip", "netns", "exec", space]

    def run(self, space: str, *command: str) -> str:
        """Run a command in a namespace to its end."""
        done = subprocess.run(
            [*self.inside(space), *command], check=True, capture_output=True, text=True, timeout=600
        )
        return done.stdout

    def replay(self, capture: Path, pps: int | None, limit: int, loop: int = 1) -> float:
        """Send the frames of a capture; the rate that was reached, in packets a second.

        Parameters
        ----------
        capture : Path
        pps : int, optional
            None: as fast as it goes.
        limit : int
            Frames to send.
        loop : int
            Times.
        """
        rate = ["--topspeed"] if pps is None else [f"--pps={pps}"]
        said = self.run(
            self.sender,
            "tcpreplay",
            "-i",
            DEVICE,
            "--preload-pcap",
            *rate,
            f"--limit={limit}",
            f"--loop={loop}",
            str(capture),
        )
        found = re.search(r"([\d.]+) pps", said)
        return float(found[1]) if found else 0.0


def first_frames(source: Path, target: Path, count: int) -> int:
    """Copy the first frames of a classic capture; how many there were."""
    data = source.open("rb")
    with data, target.open("wb") as out:
        head = data.read(24)
        out.write(head)
        order = "<" if head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        done = 0
        while done < count and len(header := data.read(16)) == 16:
            length = struct.unpack_from(order + "I", header, 8)[0]
            out.write(header + data.read(length))
            done += 1
    return done
