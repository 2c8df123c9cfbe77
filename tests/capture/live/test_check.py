"""A chain tells what was done to a spool."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tcpflow_scapy import verify_spool
from tcpflow_scapy.capture.live.chain import HashChain, chain_path
from tcpflow_scapy.capture.live.check import check_spool
from tcpflow_scapy.errors import CaptureFormatError, CaptureOSError


def make(folder: Path, *, end: bool = True) -> Path:
    """Two files, three links each, of ten bytes."""
    path = folder / "e.pcapng"
    chain = HashChain(chain_path(path))
    for name in ("e.pcapng", "e-00001.pcapng"):
        chain.begin(name)
        with (folder / name).open("wb") as file:
            for letter in b"abc":
                data = bytes([letter]) * 10
                file.write(data)
                chain.add(memoryview(data))
                chain.close_link()
    if end:
        chain.end("complete")
    else:
        chain.abandon()
    return path


def faults(path: Path) -> list[tuple[str, int, int, str]]:
    return [(x.file, x.start, x.end, x.status) for x in check_spool(path) if x.status != "intact"]


def edit(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def lines(path: Path) -> list[bytes]:
    return chain_path(path).read_bytes().splitlines(keepends=True)


def test_untouched(tmp_path: Path) -> None:
    path = make(tmp_path)
    assert faults(path) == []
    table = verify_spool(path)
    assert table.status.tolist() == ["intact"] * 6
    assert table.length.sum() == 60
    assert str(table.time.dtype) == "datetime64[ns, UTC]"
    assert verify_spool(chain_path(path)).equals(table)


def test_a_changed_byte_is_found_where_it_is(tmp_path: Path) -> None:
    path = make(tmp_path)
    edit(tmp_path / "e-00001.pcapng", 14, b"X")
    assert faults(path) == [("e-00001.pcapng", 10, 20, "changed")]


def test_a_file_cut_short(tmp_path: Path) -> None:
    path = make(tmp_path)
    path.write_bytes(path.read_bytes()[:13])
    assert faults(path) == [("e.pcapng", 13, 20, "missing"), ("e.pcapng", 20, 30, "missing")]


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    path = make(tmp_path)
    (tmp_path / "e-00001.pcapng").unlink()
    assert [(name, status) for name, _, _, status in faults(path)] == [("e-00001.pcapng", "missing")] * 3


def test_bytes_that_were_added(tmp_path: Path) -> None:
    path = make(tmp_path)
    with path.open("ab") as file:
        file.write(b"more")
    assert faults(path) == [("e.pcapng", 30, 34, "not covered")]


def test_links_taken_away(tmp_path: Path) -> None:
    path = make(tmp_path)
    all_lines = lines(path)
    chain_path(path).write_bytes(b"".join(all_lines[:2] + all_lines[3:]))
    assert ("e.pcapng", 10, 20, "not covered") in faults(path)
    assert "chain broken" in {status for *_, status in faults(path)}
    chain_path(path).write_bytes(b"".join(all_lines[:-2]))
    found = faults(path)
    assert [status for *_, status in found] == ["not covered", "chain open"]


def test_links_changed_and_made_up(tmp_path: Path) -> None:
    path = make(tmp_path)
    all_lines = lines(path)
    link = json.loads(all_lines[2])
    link["time"] += 1
    forged = [*all_lines[:2], json.dumps(link, separators=(",", ":")).encode() + b"\n", *all_lines[3:]]
    chain_path(path).write_bytes(b"".join(forged))
    assert faults(path) == [("e.pcapng", 10, 20, "changed")]
    chain_path(path).write_bytes(b"".join([*all_lines, all_lines[-2]]))
    assert {status for *_, status in faults(path)} == {"chain broken"}
    for junk in (b"{}\n", b"[1]\n", b"\xff\n", b"[" * 5000 + b"\n", b'{"sha256":"x","file":5}\n'):
        chain_path(path).write_bytes(b"".join([*all_lines[:1], junk, *all_lines[1:]]))
        assert {status for *_, status in faults(path)} == {"chain broken"}


def test_a_forged_chain_leads_nowhere_else(tmp_path: Path) -> None:
    path = make(tmp_path)
    (tmp_path / "secret").write_bytes(b"s" * 10)
    for name in ("../secret", "/etc/passwd", "a/b", "..", ".", "", "a\0b", "\ud800"):
        link = {"file": name, "offset": 0, "length": 10, "time": 1, "previous": "", "sha256": ""}
        chain_path(path).write_bytes(lines(path)[0] + json.dumps(link).encode() + b"\n")
        assert not any(x.file == name for x in check_spool(path))


def test_places_that_are_no_files(tmp_path: Path) -> None:
    path = make(tmp_path)
    later = tmp_path / "e-00001.pcapng"
    later.unlink()
    later.mkdir()
    assert {(x.file, x.status, x.note) for x in check_spool(path) if x.status != "intact"} == {
        (later.name, "missing", "is not a regular file")
    }
    later.rmdir()
    # Nobody writes into this pipe: it must not be waited for.
    os.mkfifo(later)
    assert [x.status for x in check_spool(path)] == ["intact"] * 3 + ["missing"] * 3


def test_names_too_long_for_any_file(tmp_path: Path) -> None:
    path = make(tmp_path)
    link = {"file": "x" * 5000, "offset": 0, "length": 10, "time": 1, "previous": "", "sha256": ""}
    with chain_path(path).open("ab") as file:
        file.write(json.dumps(link).encode() + b"\n")
    assert "missing" in {status for *_, status in faults(path)}


@pytest.mark.parametrize("number", [1 << 63, -1, 10**4000, True, "x", None])
def test_impossible_numbers(tmp_path: Path, number: object) -> None:
    path = make(tmp_path)
    good = {"file": "e.pcapng", "offset": 0, "length": 10, "time": 1, "previous": "", "sha256": ""}
    for name in ("offset", "length", "time", "file", "end"):
        with chain_path(path).open("ab") as file:
            file.write(json.dumps({**good, name: number}).encode() + b"\n")
    assert "chain broken" in set(verify_spool(path).status)


def test_files_that_were_put_among_those_of_the_spool(tmp_path: Path) -> None:
    path = make(tmp_path)
    for name in ("e-00002.pcapng", "e-1.pcapng", "f-00001.pcapng"):
        (tmp_path / name).write_bytes(b"12345")
    assert faults(path) == [("e-00002.pcapng", 0, 5, "not covered")]


def test_names_that_were_exchanged(tmp_path: Path) -> None:
    path = make(tmp_path)
    first, second = path, tmp_path / "e-00001.pcapng"
    edit(second, 0, b"z")
    os.rename(first, tmp_path / "x")
    os.rename(second, first)
    os.rename(tmp_path / "x", second)
    assert ("e.pcapng", 0, 10, "changed") in faults(path)
    assert {status for *_, status in faults(path)} == {"changed"}


def test_a_capture_that_goes_on(tmp_path: Path) -> None:
    assert [status for *_, status in faults(make(tmp_path, end=False))] == ["chain open"]


def test_the_last_line_torn(tmp_path: Path) -> None:
    path = make(tmp_path, end=False)
    with chain_path(path).open("ab") as file:
        file.write(b'{"file":"e-00001.pc')
    assert [status for *_, status in faults(path)] == ["chain broken", "chain open"]


def test_no_chain(tmp_path: Path) -> None:
    with pytest.raises(CaptureOSError, match="No such file"):
        check_spool(tmp_path / "e.pcapng")
    (tmp_path / "e.pcapng.chain").write_text("hello\n")
    with pytest.raises(CaptureFormatError, match="not the hash chain"):
        check_spool(tmp_path / "e.pcapng")
    (tmp_path / "e.pcapng.chain").write_text('{"format":"tcpflow-scapy chain","version":99}\n')
    with pytest.raises(CaptureFormatError, match="another version"):
        check_spool(tmp_path / "e.pcapng")


def test_a_link_is_closed_by_size_and_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpflow_scapy.capture.live.chain.LINK_BYTES", 100)
    clock = [5.0]
    monkeypatch.setattr("tcpflow_scapy.capture.live.chain.time.monotonic", lambda: clock[0])
    chain = HashChain(tmp_path / "x.chain")
    chain.begin("x")
    chain.add(memoryview(bytes(60)))
    assert len((tmp_path / "x.chain").read_bytes().splitlines()) == 1
    chain.add(memoryview(bytes(60)))
    assert len((tmp_path / "x.chain").read_bytes().splitlines()) == 2
    chain.add(memoryview(bytes(5)))
    chain.tick()
    assert len((tmp_path / "x.chain").read_bytes().splitlines()) == 2
    clock[0] += 2
    chain.tick()
    assert len((tmp_path / "x.chain").read_bytes().splitlines()) == 3
    assert chain.head in (tmp_path / "x.chain").read_text()
    chain.abandon()
