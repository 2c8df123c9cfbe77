"""The acceptance list: what tcpflow 1.6.1 wrote for small captures, and what our command line writes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tcpflow_scapy.cli import main

from .deviations import DEVIATIONS, EXIT_CODES

CASES = Path(__file__).parent / "cases"
GOLDEN: dict[str, Any] = json.loads((CASES / "golden.json").read_text())

Facts = dict[str, tuple[int, str | None]]


def theirs(name: str) -> Facts:
    """Size and sha256 (None where it was not recorded) of each stream file that tcpflow wrote."""
    files = GOLDEN[name]["files"].items()
    return {n: (f["size"], f.get("sha256")) for n, f in files if "-HTTPBODY-" not in n}


def expected(name: str) -> Facts:
    """The same, with our deviations."""
    facts = theirs(name)
    for file, data in DEVIATIONS[name].files.items() if name in DEVIATIONS else ():
        facts.pop(file, None)
        if data is not None:
            facts[file] = (len(data), hashlib.sha256(data).hexdigest())
    return facts


def written(folder: Path) -> Facts:
    facts: Facts = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "report.xml":
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            facts[path.relative_to(folder).as_posix()] = (path.stat().st_size, digest)
    return facts


def same(ours: Facts, other: Facts) -> bool:
    """Equal; a hash that was not recorded equals any."""
    return ours.keys() == other.keys() and all(
        ours[name][0] == size and digest in (None, ours[name][1]) for name, (size, digest) in other.items()
    )


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_files_are_tcpflows_or_a_deviation_that_says_why(name: str, tmp_path: Path) -> None:
    code = main(["-q", "-r", str(CASES / name), "-o", str(tmp_path)])
    ours = written(tmp_path)
    assert same(ours, expected(name))
    assert code == EXIT_CODES.get(name, GOLDEN[name]["rc"])
    if name in DEVIATIONS:
        # A deviation that is none any more must leave the list.
        assert not same(ours, theirs(name)) or name in EXIT_CODES


@pytest.mark.parametrize("name", ["overlap.pcap", "syn_data.pcap"])
def test_the_last_byte_can_count_as_in_tcpflow(name: str, tmp_path: Path) -> None:
    assert main(["-q", "-r", str(CASES / name), "-o", str(tmp_path), "--overlap", "last"]) == 0
    assert same(written(tmp_path), theirs(name))


def test_every_deviation_is_a_case_and_has_a_reason() -> None:
    assert DEVIATIONS.keys() <= GOLDEN.keys()
    assert all(len(deviation.reason) > 15 for deviation in DEVIATIONS.values())
    assert {path.name for path in CASES.glob("*.pcap")} == GOLDEN.keys()
