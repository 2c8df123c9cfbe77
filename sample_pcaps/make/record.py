"""Keeps `truth.json` and the table of `README.md`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .catalogue import Sample
from .truth import Story

Truth = dict[str, list[Story]]

BEGIN, END = "<!-- table: made by make.py -->\n", "<!-- end of table -->\n"


def read_truth(folder: Path) -> Truth:
    """`truth.json`, or nothing yet."""
    path = folder / "truth.json"
    return json.loads(path.read_text()) if path.exists() else {}


def write_truth(folder: Path, truth: Truth, order: Iterable[str]) -> None:
    """One flow a line, so that differences can be read."""
    blocks = []
    for name in order:
        if name in truth:
            flows = ",\n".join("  " + json.dumps(flow) for flow in truth[name])
            blocks.append(f"{json.dumps(name)}: [\n{flows}\n]")
    (folder / "truth.json").write_text("{\n" + ",\n".join(blocks) + "\n}\n")


def write_readme(folder: Path, samples: Iterable[Sample]) -> None:
    """Put the table between its two marks."""
    path, truth = folder / "README.md", read_truth(folder)
    text = path.read_text()
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    lines = ["| file | what it shows | how it was made | flows | bytes sent | of them in no frame |\n"]
    lines.append("|---|---|---|---:|---:|---:|\n")
    lines += [_line(sample, truth[sample.file]) for sample in samples if sample.file in truth]
    path.write_text(head + BEGIN + "".join(lines) + END + tail)


def _line(sample: Sample, flows: list[Story]) -> str:
    streams = [flow[side] for flow in flows for side in ("client_stream", "server_stream")]
    sent = sum(stream["sent"]["length"] for stream in streams)
    missing = sum(s["sent"]["length"] - s["data"]["length"] for s in streams)
    missing += sum(end - start for s in streams for start, end, _ in s["gaps"] if end <= s["data"]["length"])
    return f"| `{sample.file}` | {sample.shows} | {sample.how} | {len(flows)} | {sent:,} | {missing:,} |\n"
