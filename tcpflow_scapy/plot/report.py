"""`flows.report(path)`: one page about a capture, for paper or for a browser."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO

from tcpflow_scapy._accessors import verb
from tcpflow_scapy.plot.picture import need
from tcpflow_scapy.plot.report_pictures import report_pictures
from tcpflow_scapy.plot.report_tables import report_tables
from tcpflow_scapy.render.quantity import instant

if TYPE_CHECKING:
    from tcpflow_scapy.flows.table import FlowTable

FORMS = (".pdf", ".html", ".htm")


def report(
    flows: FlowTable, path: str | os.PathLike[str], *, sha256: bool = False, overwrite: bool = False
) -> None:
    """Write one page about these flows: traffic over time by service, addresses, ports, sizes of frames, what
    is missing and why, and what was not used.

    Parameters
    ----------
    flows : FlowTable
    path : path
        ``.pdf`` is a page of A4; ``.html`` is one file without scripts or links, with tables.
    sha256 : bool
        Hash the sources, too.
    overwrite : bool
        Replace an existing file; otherwise it is an error.

    Raises
    ------
    ValueError
        If the name ends otherwise.
    ImportError
        If matplotlib is not installed.
    ExportError
        If the file cannot be written.
    """
    from datetime import UTC, datetime

    form = PurePath(os.fspath(path)).suffix.lower()
    if form not in FORMS:
        raise ValueError(f"a report is .pdf or .html, not {form or 'a file without a suffix'!r}")
    need("matplotlib", "reports")
    options = {"overwrite": overwrite, "sources": flows.capture.paths}
    verb("check_target")(path, **options)
    tables = report_tables(flows, sha256=sha256)
    pictures = report_pictures(flows, tables)
    heading = f"TCP report: {_names(flows)}"
    if form == ".pdf":
        from tcpflow_scapy.plot.report_pdf import report_pdf

        made = report_pdf(heading, tables, pictures)
    else:
        from tcpflow_scapy import __version__
        from tcpflow_scapy.plot.report_html import report_html

        now = instant(int(datetime.now(UTC).timestamp()) * 10**9)
        made = report_html(heading, f"made by tcpflow_scapy {__version__}, {now}", tables, pictures)

    def write(file: BinaryIO) -> None:
        file.write(made)

    verb("write_whole")(path, write, **options)


def _names(flows: FlowTable) -> str:
    """The first source and how many more."""
    names = [PurePath(path).name or path for path in flows.capture.paths] or ["no source"]
    more = len(names) - 1
    return names[0] + (f" and {more} more" if more else "")
