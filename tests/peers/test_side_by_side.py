"""tcpflow and our command line side by side: nothing is unexplained, no rule explains what it should not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from .corpus import CORPUS, captures, small
from .peer_cases import CASES
from .programs import SAMPLES, require
from .side_bodies import compare_bodies, compare_hashes
from .side_by_side import Capture, main
from .side_captures import compare_split, compare_unused
from .side_classes import CLASSES
from .side_console import compare_console, compare_json
from .side_files import UNEXPLAINED, Finding, compare_files
from .side_index import compare_indexes
from .side_names import TEMPLATES, compare_names
from .side_report import compare_reports
from .side_runs import Run, Written

pytestmark = pytest.mark.peer


def explained(found: list[Finding]) -> set[str]:
    """The classes; fails where something is in none."""
    nothing = [f for f in found if f.kind == UNEXPLAINED or f.kind not in CLASSES]
    assert not nothing
    return {f.kind for f in found}


def quick(name: str, path: Path) -> set[str]:
    require("tcpflow")
    return explained(list(Capture(name, path, None).compare(quick=True)))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.name)
def test_samples(sample: Path) -> None:
    quick(sample.name, sample)


CLASS_OF_CASE = {
    "contradiction": "overwrite",
    "padding": "padding",
    "keep_alive_late": "overwrite",
    "reuse_without_close": "reuse",
    "stray_reset": "far",
    "reset_payload": "reset_payload",
    "before_the_isn": "before_isn",
    "late_syn": "late_syn",
    "midstream_backwards": "stale",
}
"""The class in which each traffic script must be found."""


@pytest.mark.parametrize("case", CASES)
def test_traffic_scripts(case: str, tmp_path: Path) -> None:
    path = CASES[case]().write(tmp_path / "x.pcap")
    found = quick(case, path)
    wanted = CLASS_OF_CASE.get(case)
    assert wanted is None or wanted in found


@pytest.mark.skipif(CORPUS is None, reason="the corpus of real captures is not here")
def test_a_handful_of_real_captures() -> None:
    for path in small(8_000)[::6]:
        quick(path.relative_to(captures()[0]).as_posix(), path)


def spoiled(run: Run, ending: str, change: Callable[[Written], Written | None]) -> Run:
    """A run in which one file is another."""
    name = sorted(n for n in run.files if n.endswith(ending))[0]
    files = dict(run.files)
    made = change(files.pop(name))
    if made is not None:
        files[name] = made
    return replace(run, files=files)


def flipped(file: Written) -> Written:
    return replace(file, data=file.data[:-1] + bytes([file.data[-1] ^ 1]))


CHANGES: dict[str, Callable[[Written], Written | None]] = {
    "another byte": flipped,
    "a byte more": lambda f: replace(f, data=f.data + b"\0"),
    "a byte less": lambda f: replace(f, data=f.data[:-1]),
    "not there": lambda f: None,
    "another time": lambda f: replace(f, mtime=f.mtime + 1_000_000),
}


@pytest.mark.parametrize("side", ["theirs", "ours"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("case", ["plain", "contradiction", "padding", "reuse_without_close", "gap"])
def test_a_spoiled_file_is_explained_by_nothing(case: str, change: str, side: str, tmp_path: Path) -> None:
    """Also in captures in which tcpflow has a fault that explains another difference."""
    require("tcpflow")
    capture = Capture(case, CASES[case]().write(tmp_path / "x.pcap"), None)
    runs = dict(zip(("theirs", "ours"), capture.both(""), strict=True))
    if change == "another time" and runs["theirs"].streams() != runs["ours"].streams() and case != "gap":
        pytest.skip("times are compared where files are equal")
    runs[side] = spoiled(runs[side], ".00080", CHANGES[change])
    found = compare_files(capture.evidence, runs["theirs"], runs["ours"], "")
    assert UNEXPLAINED in {f.kind for f in found}


def test_other_spoiled_outputs_are_explained_by_nothing(tmp_path: Path) -> None:
    require("tcpflow")
    capture = Capture("several", CASES["retransmission"]().write(tmp_path / "x.pcap"), None)
    evidence = capture.evidence

    def kinds(found: list[Finding]) -> set[str]:
        return {f.kind for f in found}

    for side in (0, 1):

        def spoil(words: str, ending: str, change: Callable[[Written], Written | None]) -> tuple[Run, Run]:
            runs = list(capture.both(words))
            runs[side] = spoiled(runs[side], ending, change)  # noqa: B023
            return runs[0], runs[1]

        def less(file: Written) -> Written:
            return replace(file, data=file.data.replace(b"packets='", b"packets='9"))

        def line(file: Written) -> Written:
            return replace(file, data=file.data.replace(b"0|", b"1|", 1))

        assert UNEXPLAINED in kinds(compare_reports(evidence, *spoil("", "report.xml", less), "", set()))
        assert UNEXPLAINED in kinds(compare_indexes(evidence, *spoil("-I", ".findx", line), "-I"))
        assert UNEXPLAINED in kinds(compare_split(evidence, *spoil("-K", ".pcap", flipped), "-K"))
        runs = list(capture.both("-c"))
        runs[side] = replace(runs[side], output=runs[side].output.replace(b"a", b"b", 1))
        assert UNEXPLAINED in kinds(compare_console(evidence, runs[0], runs[1], "-c"))
        words = next(iter(TEMPLATES))
        runs = list(capture.both(words))
        runs[side] = replace(runs[side], files={f"x{n}": f for n, f in runs[side].files.items()})
        assert UNEXPLAINED in kinds(compare_names(evidence, runs[0], runs[1], words, set()))


def test_spoiled_bodies_hashes_lines_and_rests_are_explained_by_nothing(sample_pcaps: Path) -> None:
    require("tcpflow")
    capture = Capture("http", sample_pcaps / "http_ipv4.pcap", None)
    evidence = capture.evidence
    their, our = capture.both("-e http -e md5")
    assert not compare_bodies(evidence, their, our, "")
    assert not compare_hashes(evidence, their, our, "")
    body = sorted(n for n in our.files if "-HTTPBODY-" in n)[0]
    broken = replace(our, files={**our.files, body: flipped(our.files[body])})
    assert [f.kind for f in compare_bodies(evidence, their, broken, "")] == [UNEXPLAINED]
    report = our.files["report.xml"]
    md5 = report.data.replace(b"type='MD5'>", b"type='MD5'>0", 1)
    broken = replace(our, files={**our.files, "report.xml": replace(report, data=md5)})
    assert [f.kind for f in compare_hashes(evidence, their, broken, "")] == [UNEXPLAINED]
    their, our = capture.both("-C -J")
    lines = our.output.replace(b'"src_port": ', b'"src_port": 1', 1)
    assert UNEXPLAINED in {f.kind for f in compare_json(evidence, their, replace(our, output=lines), "")}
    capture = Capture("mem", sample_pcaps / "mem.pcap", None)
    their, our = capture.both("-w rest.pcap")
    lost = replace(our, files={n: f for n, f in our.files.items() if n != "rest.pcap"})
    assert UNEXPLAINED in {f.kind for f in compare_unused(capture.evidence, their, lost, "")}


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require("tcpflow")
    CASES["contradiction"]().write(tmp_path / "x.pcap")
    assert main([str(tmp_path), "--jobs", "1"]) == 0
    told = capsys.readouterr().out
    assert "1 captures" in told
    assert "overwrite:" in told
    assert "0 unexplained" in told
    with pytest.raises(SystemExit):
        main([str(tmp_path / "none")])
