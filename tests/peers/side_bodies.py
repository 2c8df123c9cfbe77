"""-e http and -a: HTTP bodies and hashes of all streams whose files are equal."""

from __future__ import annotations

import hashlib
import re
import zlib
from typing import Any

from .side_evidence import Evidence, key_text
from .side_files import UNEXPLAINED, Finding, key_of
from .side_report import entries
from .side_runs import Run
from .tcpflow_flows import Key

NUMBER = re.compile(r"(?P<stream>.*)-HTTPBODY-(?P<number>\d+)(?:\.\w+)?")

UNDONE = (b"gzip", b"deflate")
"""Codings that tcpflow undoes, written exactly so"""


def bodies(run: Run) -> dict[str, dict[str, bytes]]:
    """By stream: name of each body, its bytes."""
    found: dict[str, dict[str, bytes]] = {}
    for name, file in run.files.items():
        told = NUMBER.fullmatch(name)
        if told:
            found.setdefault(told["stream"], {})[name] = file.data
    return found


def compare_bodies(evidence: Evidence, their: Run, our: Run, words: str) -> list[Finding]:
    """Every body of every stream that both programs wrote alike."""
    found = []
    one, other = their.streams(), our.streams()
    theirs, ours = bodies(their), bodies(our)
    by_key = {key_of(name): file.data for name, file in other.items()}
    for stream in sorted(theirs.keys() | ours.keys()):
        if stream not in one or stream not in other or one[stream].data != other[stream].data:
            continue  # the stream itself differs, and says why
        if theirs.get(stream, {}) == ours.get(stream, {}):
            continue
        key = key_of(stream)
        asked = by_key.get(_back(key), b"") if key else b""
        copies = [n for n, f in one.items() if n != stream and f.data == one[stream].data]
        kind, what = _body_kind(
            other[stream].data, asked, copies, theirs.get(stream, {}), ours.get(stream, {})
        )
        found.append(Finding(kind, evidence.name, words, key_text(key) if key else stream, what))
    return found


def _back(key: Key) -> Key:
    return key[1], key[0], key[3], key[2]


def _body_kind(
    stream: bytes, asked: bytes, copies: list[str], theirs: dict[str, bytes], ours: dict[str, bytes]
) -> tuple[str, str]:
    """Why bodies of one stream differ."""
    told = f"{len(theirs)} bodies, ours {len(ours)}"
    if not theirs and len(stream) < 80:
        return "body_short", f"a stream of {len(stream)} bytes; {told}"
    if not theirs and not stream.startswith(b"HTTP/1."):
        return "body_start", f"the stream begins with {stream[:12]!r}; {told}"
    if not theirs and copies:
        return "repeated", f"the same bytes as {copies[0]}"
    head = stream.partition(b"\r\n\r\n")[0]
    broken = [
        line for line in head.split(b"\r\n")[1:] if b":" not in line and not line.startswith((b" ", b"\t"))
    ]
    if not theirs and broken:
        return "body_header", f"the line {broken[0][:30]!r}"
    if re.search(rb"(?m)^HEAD ", asked) and theirs.keys() != ours.keys():
        return "body_head", "the request is HEAD: its response has no body"
    coded = _coded(stream, theirs, ours)
    return coded or (UNEXPLAINED, told)


def _coded(stream: bytes, theirs: dict[str, bytes], ours: dict[str, bytes]) -> tuple[str, str] | None:
    """A coding that tcpflow does not undo, or only for plain data; ours must be what zlib gives."""
    found = re.search(rb"(?im)^content-encoding:[ \t]*([^\r\n]+)", stream)
    if found is None:
        return None
    name, sent = found[1], stream.partition(b"\r\n\r\n")[2]
    if name not in UNDONE:
        return "body_coding", f"Content-Encoding: {name.decode(errors='replace')}"
    mine = next(iter(ours.values()), b"")
    if not theirs and mine in (_inflated(sent), _inflated(sent, -15), sent):
        return "body_lost", f"Content-Encoding: {name.decode()}, {len(mine)} bytes"
    return None


def _inflated(data: bytes, bits: int = 47) -> bytes:
    """All members of a gzip or zlib stream, or raw deflate."""
    out = b""
    while data:
        machine = zlib.decompressobj(bits)
        try:
            out += machine.decompress(data)
        except zlib.error:
            return out
        data = machine.unused_data
    return out


def compare_hashes(evidence: Evidence, their: Run, our: Run, words: str) -> list[Finding]:
    """MD5 of every file in both reports."""
    found: list[Finding] = []
    one, other = (
        entries(r.files["report.xml"].data) if "report.xml" in r.files else None for r in (their, our)
    )
    if one is None or other is None:
        return found  # says why already
    for run, report in ((their, one), (our, other)):
        for entry in report:
            name = entry.filename.rpartition("/")[2]
            file = run.files.get(name)
            if file is not None and entry.md5 != hashlib.md5(file.data).hexdigest():
                kind, what = _hash_kind(run is their, name, entry.md5, file.data, their)
                found.append(Finding(kind, evidence.name, words, key_text(entry.key), what))
    return found


def _hash_kind(is_theirs: bool, name: str, md5: str, data: bytes, run: Any) -> tuple[str, str]:
    if not is_theirs or md5:
        return UNEXPLAINED, f"{name}: {md5 or 'no MD5'}"
    if len(data) <= 9:
        return "repeated", f"{name}: {len(data)} bytes"
    copies = [n for n, f in run.streams().items() if n != name and f.data == data]
    if copies:
        return "repeated", f"{name}: the same bytes as {copies[0]}"
    period = next((n for n in range(1, 10) if data[n:] == data[:-n]), 0)
    if period:
        return "repeated", f"{name}: repeats after {period} bytes"
    return UNEXPLAINED, f"{name}: no MD5"
