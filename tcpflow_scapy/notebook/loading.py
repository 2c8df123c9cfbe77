"""Options typed behind ``%flows``, and in the cell of ``%%flows``, to a table of flows."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from tcpflow_scapy.errors import FilterError
from tcpflow_scapy.flows.table import FlowTable
from tcpflow_scapy.notebook.arguments import (
    BadArguments,
    number,
    parse_cell,
    parse_line,
    reason,
    split_words,
    truth,
    whole,
)
from tcpflow_scapy.pipeline import reassemble
from tcpflow_scapy.reassembly import POLICIES

LINE_OPTIONS: dict[str, bool] = {
    "overlap": True,
    "timeout": True,
    "ignore-vlan": False,
    "ignore-encapsulation": False,
    "verify-checksums": False,
    "max-gap": True,
    "as": True,
}
"""Options of the line, and whether they take a value."""

CELL_KEYS: dict[str, str] = {
    "source": "one capture or several, in the order in which they are to be read",
    "filter": "a BPF expression",
    "overlap": "which version of a byte is delivered",
    "timeout": "seconds of idleness after which a flow ends",
    "ignore_vlan": "yes or no",
    "ignore_encapsulation": "yes or no",
    "verify_checksums": "yes or no",
    "max_gap": "bytes; a longer jump begins a new flow",
    "query": "a pandas expression over the columns: only these flows",
    "sort": "columns to order by; a minus in front for descending",
    "as": "the variable to bind (default: flows)",
}
"""Keys of the cell, and what they mean."""

_READERS: dict[str, Callable[[str, str], Any]] = {
    "timeout": number,
    "ignore_vlan": truth,
    "ignore_encapsulation": truth,
    "verify_checksums": truth,
    "max_gap": whole,
}


def request(line: str, cell: str = "") -> dict[str, str]:
    """Everything that was asked for, by key of the cell; empty if nothing was.

    Raises
    ------
    BadArguments
    """
    arguments = parse_line(line, LINE_OPTIONS)
    found = {name.replace("-", "_"): value for name, value in arguments.options.items()}
    if arguments.words:
        source, *rest = arguments.words
        found["source"] = _quoted(source)
        if rest:
            found["filter"] = " ".join(rest)
    for key, value in parse_cell(cell, CELL_KEYS).items():
        if key in found:
            raise BadArguments(f"{key} is given on the line and in the cell")
        found[key] = value
    name = found.setdefault("as", "flows")
    if not name.isidentifier():
        raise BadArguments(f"{name!r} cannot be the name of a variable")
    return found


def _quoted(word: str) -> str:
    """A word that `split_words` gives back as it is."""
    quote = "'" if '"' in word else '"'
    if "'" in word and '"' in word:
        raise BadArguments("a path with both kinds of quotes can only be given to reassemble()")
    return f"{quote}{word}{quote}"


def load(asked: Mapping[str, str], names: Mapping[str, Any]) -> FlowTable:
    """The flows that were asked for.

    Parameters
    ----------
    asked : mapping
        From `request`.
    names : mapping
        Variables that a query may use as ``@name``.

    Raises
    ------
    BadArguments
    CaptureError, ValueError
        As `reassemble`.
    """
    paths = [os.path.expanduser(word) for word in split_words(asked.get("source", ""))]
    if not paths:
        raise BadArguments("no source: which capture shall be read?")
    if "-" in paths:
        raise BadArguments("standard input belongs to the prompt; give a file")
    overlap = asked.get("overlap", "first")
    if overlap not in POLICIES:
        raise BadArguments(f"unknown overlap policy {overlap!r}; there are: {', '.join(POLICIES)}")
    options = {key: read(asked[key], key) for key, read in _READERS.items() if key in asked}
    source = paths[0] if len(paths) == 1 else paths
    expression = asked.get("filter") or None
    try:
        flows = reassemble(source, filter=expression, overlap=overlap, **options)
    except FilterError as error:
        raise BadArguments(f"filter {expression!r}: {error}") from error
    return arranged(flows, asked.get("query", ""), asked.get("sort", ""), names)


def arranged(flows: FlowTable, query: str, sort: str, names: Mapping[str, Any]) -> FlowTable:
    """Those for which `query` is true, in the order of `sort`."""
    if query:
        try:
            flows = flows.query(query, local_dict=dict(names))
        except Exception as error:  # pandas raises whatever its parser, numpy or a column raises
            raise BadArguments(f"query {query!r}: {reason(error)}") from error
    keys = split_words(sort.replace(",", " "))
    columns = [key.lstrip("-") for key in keys]
    for column in columns:
        if column not in flows.df.columns:
            raise BadArguments(f"cannot sort by {column!r}: there is no such column")
    if columns:
        flows = flows.sort_values(columns, ascending=[not key.startswith("-") for key in keys])
    return flows
