"""-c and its relatives: every record that both programs print, frame by frame."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable
from ipaddress import ip_address

from .side_evidence import Evidence, OurFrame, key_text
from .side_files import UNEXPLAINED, Finding
from .side_runs import OUT, Run
from .tcpflow_flows import Record, address

Style = Callable[[str, bytes, bool], bytes]
"""Name, payload, whether a client sent it"""


def printable(payload: bytes) -> bytes:
    """Dots for what cannot be shown."""
    return bytes(c if 32 <= c < 127 or c in b"\r\n" else 46 for c in payload)


def cr_shown(payload: bytes) -> bytes:
    """A CR without LF as ``\\r``, which tcpflow prints as it is: the terminal writes over the line."""
    return re.sub(rb"\r(?!\n)", rb"\\r", payload)


def dumped(payload: bytes) -> bytes:
    """tcpflow's hexadecimal dump."""
    lines = []
    for at in range(0, len(payload), 32):
        row = payload[at : at + 32]
        pairs = row.hex(" ", -2) + ("" if len(row) % 2 else " ")
        if at:  # a first line that is not full is not padded
            pairs = pairs.ljust(80)
        text = "".join(chr(c) if 32 <= c < 127 else "." for c in row)
        lines.append(f"{at:04x}: {pairs} {text}\n")
    return "".join(lines).encode()


STYLES: dict[str, Style] = {
    "-c": lambda name, payload, client: name.encode() + b": " + printable(payload) + b"\n",
    "-C": lambda name, payload, client: printable(payload) + b"\n",
    "-c -B": lambda name, payload, client: name.encode() + b": " + payload + b"\n",
    "-C -B -0": lambda name, payload, client: payload,
    "-c -s -0": lambda name, payload, client: name.encode() + b": " + printable(payload),
    "-C -g": lambda name, payload, client: (
        b"\x1b[0;%dm" % (34 if client else 31) + printable(payload) + b"\x1b[0m\n"
    ),
    "-c -D": lambda name, payload, client: name.encode() + b": \n" + dumped(payload) + b"\n",
}
"""How each set of options prints a record."""


def our_records(evidence: Evidence) -> list[tuple[OurFrame, str]]:
    """What we print, from our tables: packets with payload in capture order, with names."""
    found = []
    for each in sorted((f for f in evidence.ours if f.payload), key=lambda f: f.frame):
        source, destination, sport, dport = each.key
        vlan = f"--{each.vlan[0]}" if each.vlan else ""
        found.append((each, f"{OUT}/{address(source)}.{sport:05d}-{address(destination)}.{dport:05d}{vlan}"))
    return found


def compare_console(evidence: Evidence, their: Run, our: Run, words: str) -> list[Finding]:
    """Both outputs are what the records say, and the records are the same or a fault tells why not."""
    style = STYLES[words]
    model = evidence.model(console=True)
    told = [(r, f"{OUT}/{r.name}") for r in model.records]
    found = []
    memory = any(len(r.payload) > r.true_length and r.name.count(":") for r, _ in told)
    if not memory and their.output != b"".join(style(name, r.payload, r.from_client) for r, name in told):
        found.append(Finding(UNEXPLAINED, evidence.name, words, "", "tcpflow's output is not as modelled"))
    mine = our_records(evidence)
    exact = "-B" in words or "-D" in words
    shown = [each.payload if exact else cr_shown(each.payload) for each, _ in mine]
    if our.output != b"".join(
        style(name, payload, each.from_client) for (each, name), payload in zip(mine, shown, strict=True)
    ):
        found.append(Finding(UNEXPLAINED, evidence.name, words, "", "our output is not what our tables say"))
    return found + _records(evidence, told, mine, words)


def _records(
    evidence: Evidence, theirs: list[tuple[Record, str]], ours: list[tuple[OurFrame, str]], words: str
) -> list[Finding]:
    one = {record.frame: (record, name) for record, name in theirs}
    other = {each.frame: (each, name) for each, name in ours}
    found = []
    for frame in sorted(one.keys() | other.keys()):
        kind = _kind(evidence, frame, one.get(frame), other.get(frame), words)
        if kind:
            key = evidence.segments[frame].key if frame in evidence.segments else other[frame][0].key
            found.append(Finding(kind, evidence.name, words, key_text(key), f"frame {frame}"))
    return found


def _kind(
    evidence: Evidence,
    frame: int,
    one: tuple[Record, str] | None,
    other: tuple[OurFrame, str] | None,
    words: str,
) -> str:
    """The class in which one record differs; empty where it does not."""
    if other is None:
        assert one is not None
        if evidence.segments[frame].data_offset < 20:
            return "data_offset"
        return "padding" if one[0].true_length <= 0 else UNEXPLAINED
    each, name = other
    if one is None:
        if frame in evidence.model(console=True).ignored:
            return "reuse"
        why = "" if evidence._same(each) else evidence.why_unseen(each)
        return why if why and not why.startswith(("unseen", "other")) else UNEXPLAINED
    record, their_name = one
    if record.payload == each.payload:
        if name != their_name:
            return _name_kind(evidence, each)
        if not words.endswith("-g") or record.from_client == each.from_client:
            return ""
        # It takes who sent no SYN that it saw for a server, never the other way round.
        return "colour" if each.from_client else UNEXPLAINED
    if record.payload[: record.true_length] == each.payload:
        return "memory" if ":" in record.name else "padding"
    return evidence.why_unseen(each) if not evidence._same(each) else UNEXPLAINED


def _name_kind(evidence: Evidence, each: OurFrame) -> str:
    """Names of a record differ in the tag only."""
    segment = evidence.segments[each.frame]
    first = each.vlan[0] if each.vlan else None
    if segment.vlan != first:
        return "vlan_name"
    return "vlan_merged"


def compare_json(evidence: Evidence, their: Run, our: Run, words: str) -> list[Finding]:
    """-J: the same records; theirs in tcpflow's form, ours with more and payload in Base64."""
    found = []
    records = evidence.model(console=True).records
    lines = their.output.decode("utf-8", "replace").splitlines()
    memory = any(len(r.payload) > r.true_length and ":" in r.name for r in records)
    if len(lines) != len(records) and not memory:
        found.append(
            Finding(UNEXPLAINED, evidence.name, words, "", f"{len(lines)} lines, {len(records)} records")
        )
    wrong = next(
        (i for i, line in enumerate(lines[: len(records)]) if _host(line) != _wanted(evidence, records[i])),
        None,
    )
    if wrong is not None:
        key = evidence.segments[records[wrong].frame].key
        six = len(key[0]) == 16
        kind = "json_host" if six else UNEXPLAINED
        what = f"frame {records[wrong].frame}: src_host {_host(lines[wrong])}"
        found.append(Finding(kind, evidence.name, words, key_text(key), what))
    mine = [(each.frame, each.key[2], each.payload) for each, _ in our_records(evidence)]
    told = [json.loads(line) for line in our.output.splitlines()]
    if [(t["frame"], t["src_port"], b64decode(t["payload"])) for t in told] != mine:
        found.append(Finding(UNEXPLAINED, evidence.name, words, "", "our lines are not what our tables say"))
    if any(
        t["src_host"] != str(ip_address(evidence_key[0]))
        for t, evidence_key in zip(told, [e.key for e, _ in our_records(evidence)], strict=False)
    ):
        found.append(
            Finding(UNEXPLAINED, evidence.name, words, "", "our addresses are not what our tables say")
        )
    if lines and told:
        found.append(
            Finding(
                "json_form",
                evidence.name,
                words,
                "",
                f"frame {told[0]['frame']}: payload in Base64, with time, offset, flow",
            )
        )
    return found


def _host(line: str) -> str:
    try:
        return str(json.loads(line)["src_host"])
    except (ValueError, KeyError):
        return "none"


def _wanted(evidence: Evidence, record: Record) -> str:
    return str(ip_address(evidence.segments[record.frame].key[0]))
