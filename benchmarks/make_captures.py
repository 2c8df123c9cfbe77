"""Make the captures that the benchmarks time: ``python benchmarks/make_captures.py [--dir DIR] [NAME ...]``.

Deterministic: the same seed gives the same bytes. Two captures carry the comparison with other tools:

- ``large.pcap``: few large flows, 650 MB, some 625,000 packets, 400 connections;
- ``small.pcap``: many small flows, 225 MB, some 761,000 packets, 40,000 connections.

Others by name: ``large.pcapng``, ``small.pcapng``; ``small-vlan-gre.pcap``, ``small-vxlan.pcap``,
``small-fragments.pcap`` and the same for ``large`` and for pcapng; ``grow-N.pcap`` with exactly N packets
of ordinary flows. Without names: ``large.pcap`` and ``small.pcap``; ``all`` for everything but the
growth series, ``growth`` for that (9 GB).
"""

from __future__ import annotations

import argparse
import time
from functools import cache
from pathlib import Path

from frame_writer import WRAPS, write_capture
from made_traffic import LARGE, MIXED, SMALL, Traffic, make_traffic

SEED = 20_240_117
GROWTH = (1_000, 10_000, 100_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000)
MIXED_PACKETS = 15
"""Fewest packets that a connection of the growth series has on average (measured: some 25)."""


@cache
def traffic_of(base: str) -> Traffic:
    """The traffic of ``large``, ``small`` or ``grow-N``."""
    if base == "large":
        return make_traffic(LARGE, 400, seed=SEED)
    if base == "small":
        return make_traffic(SMALL, 40_000, seed=SEED + 1)
    packets = int(base.removeprefix("grow-"))
    return make_traffic(MIXED, packets // MIXED_PACKETS + 50, seed=SEED + 2, packets=packets)


def make(name: str, directory: Path) -> Path:
    """Make one capture, named as above, unless it is there.

    Raises
    ------
    ValueError
        If the name means nothing.
    """
    path = directory / name
    stem, _, form = name.rpartition(".")
    base, wrap = stem, "plain"
    for known in WRAPS:
        if stem.endswith("-" + known):
            base, wrap = stem.removesuffix("-" + known), known
    grows = base.startswith("grow-") and base[5:].isdigit()
    if form not in ("pcap", "pcapng") or not (base in ("large", "small") or grows):
        raise ValueError(f"no such capture: {name}")
    if not path.exists():
        partial = path.with_suffix(path.suffix + ".part")
        write_capture(partial, traffic_of(base), wrap=wrap, form=form)
        partial.rename(path)
    return path


def expand(names: list[str]) -> list[str]:
    """The names that ``all`` and ``growth`` stand for, and the rest as they are."""
    found: list[str] = []
    for name in names or ["large.pcap", "small.pcap"]:
        if name == "growth":
            found += [f"grow-{n}.pcap" for n in GROWTH]
        elif name == "all":
            wraps = ["", *(f"-{w}" for w in WRAPS if w != "plain")]
            found += [f"{b}{w}.{f}" for b in ("large", "small") for w in wraps for f in ("pcap", "pcapng")]
        else:
            found.append(name)
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, default=Path(__file__).parent / "data")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    arguments.dir.mkdir(parents=True, exist_ok=True)
    for name in expand(arguments.names):
        began = time.perf_counter()
        path = make(name, arguments.dir)
        print(f"{path}  {path.stat().st_size:,} bytes  {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
