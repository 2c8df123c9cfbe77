"""One file for each direction of a connection, as tcpflow writes them.

A direction without data gets no file; a gap is a hole that reads as zeros; the file ends with the last
captured byte and carries the time of the direction's first packet. Existing files are left alone: a name
that is taken gets ``c1``, ``c2``, ...
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.export.folder import OutputFolder, telling
from tcpflow_scapy.export.names import DEFAULT_TEMPLATE, Template, TemplateChoice, name_column
from tcpflow_scapy.export.stream_writer import Written, write_streams
from tcpflow_scapy.export.streams import StreamRows

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.table import FlowTable


def make_template(template: str | Template | None, prefix_flags: str) -> Template:
    """The template that options ask for.

    Raises
    ------
    ValueError
        A template or a letter that is none.
    """
    if isinstance(template, Template):
        if prefix_flags:
            raise ValueError("prefix_flags goes with a template given as text")
        return template
    choice = TemplateChoice(DEFAULT_TEMPLATE if template is None else template)
    choice.edit(prefix_flags)
    return choice.template()


def check_options(max_bytes: int | None, hashes: Sequence[str]) -> None:
    """Refuse what could only fail later.

    Raises
    ------
    ValueError
        A negative limit, or a hash that `hashlib` does not know or that has no fixed length.
    """
    if max_bytes is not None and max_bytes < 0:
        raise ValueError(f"max_bytes must not be negative: {max_bytes}")
    if isinstance(hashes, str):
        raise ValueError(f"hashes is a list of names: [{hashes!r}]")
    for name in hashes:
        if name not in hashlib.algorithms_available or name.startswith("shake"):
            known = ", ".join(sorted(hashlib.algorithms_guaranteed))
            raise ValueError(f"unknown hash {name!r}; known: {known}")


def export_flows(
    flows: FlowTable,
    outdir: str | os.PathLike[str],
    *,
    template: str | Template | None = None,
    prefix_flags: str = "",
    max_bytes: int | None = None,
    overwrite: bool = False,
    hashes: Sequence[str] = ("sha256", "md5"),
    on_file: Callable[[Written], object] | None = None,
    on_flow: Callable[[Flow, pd.DataFrame], object] | None = None,
) -> pd.DataFrame:
    """Write the streams of `flows` as tcpflow would: one file for each direction with data.

    Parameters
    ----------
    flows : FlowTable
    outdir : path
        The folder; made where it is absent.
    template : str, optional
        File names in tcpflow's language, ``%A.%a-%B.%b%V%v%C%c`` if not given; see `export.names`.
    prefix_flags : str
        Letters of tcpflow's ``-F``: ``t``, ``T``, ``k``, ``m``, ``g``, ``c``.
    max_bytes : int, optional
        Leave out everything at stream offsets from here on.
    overwrite : bool
        Replace files of an earlier run instead of numbering new ones ``c1``, ``c2``, ...
    hashes : sequence of str
        Hashes of each file, by `hashlib`'s names; ``()`` for none.
    on_file : callable, optional
        Called after each file, for progress.
    on_flow : callable, optional
        Called with each flow that has files, and their rows of the table, when all are written.

    Returns
    -------
    pandas.DataFrame
        One row for each file, in order of the streams' first packets: ``flow``, ``direction`` (client or
        server), ``name`` (relative to `outdir`), ``path``, ``size`` (bytes, holes included),
        ``captured_bytes``, ``missing_bytes`` and ``gaps`` of the stream (a gap after the last captured byte
        included), the hashes of the file as it reads (``not hashed`` where gaps are more than twice what was
        captured, and beyond the 4 MiB of these that an export hashes), and ``start`` (UTC, the direction's
        first packet).

    Raises
    ------
    ExportError
        A file cannot be written. Nothing half-written stays; the error's `files` is the table of those that
        were whole.
    ValueError
        A template, limit or hash that is none.
    """
    chosen = make_template(template, prefix_flags)
    check_options(max_bytes, hashes)
    rows = StreamRows.of(flows._evidence, flows._index).with_data()
    files: list[Written] = []
    made = partial(files_frame, rows, files, os.fspath(outdir), hashes)
    with OutputFolder(outdir, overwrite=overwrite) as folder, telling(made):
        for file in write_streams(rows, folder, chosen, max_bytes=max_bytes, hashes=hashes):
            files.append(file)
            if on_file is not None:
                on_file(file)
    table = made()
    if on_flow is not None:
        for number, mine in table.groupby("flow", sort=True):
            on_flow(flows.loc[number], mine)
    return table


def files_frame(rows: StreamRows, files: list[Written], outdir: str, hashes: Sequence[str]) -> pd.DataFrame:
    """What was written as a DataFrame; see `export_flows`."""
    import pandas as pd

    from tcpflow_scapy.flows.summary import datetimes

    picked = StreamRows(rows.evidence, np.array([file.stream for file in files], np.int64))
    sides = pd.Categorical.from_codes(
        picked.from_server.astype(np.int8), categories=pd.Index(["client", "server"])
    )
    names = [file.name for file in files]
    columns: dict[str, Any] = {
        "flow": picked.flow,
        "direction": sides,
        "name": name_column(names),
        "path": name_column([os.path.join(outdir, name) for name in names]),
        "size": np.array([file.size for file in files], np.int64),
        "captured_bytes": np.array([file.captured for file in files], np.int64),
        "missing_bytes": picked.column("size") - picked.column("captured"),
        "gaps": picked.gaps(),
    }
    for position, name in enumerate(hashes):
        columns[name] = pd.array([file.digests[position] for file in files], dtype="str")
    columns["start"] = datetimes(picked.column("first_time"))
    return pd.DataFrame(columns)
