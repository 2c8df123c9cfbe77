"""The table of flows as Parquet, CSV or JSON.

Each is written under a temporary name and renamed when whole. Nothing in these tables comes from payload,
but what people open in a spreadsheet is guarded all the same.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from tcpflow_scapy.export.whole_file import write_whole
from tcpflow_scapy.render.escape import csv_cell

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.table import FlowTable


def to_csv(
    flows: FlowTable, path: str | os.PathLike[str] | None = None, *, overwrite: bool = False
) -> str | None:
    """Write the table as CSV: UTF-8, a header line, times as ISO 8601 in UTC with nanoseconds.

    Parameters
    ----------
    flows : FlowTable
    path : path, optional
        ``-`` is standard output; without a path the text is returned.
    overwrite : bool
        Replace an existing file; otherwise it is an error.

    Returns
    -------
    str or None
        The text, where no path was given.
    """
    table = _harmless(_flat(flows))

    def write(file: BinaryIO) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        table.to_csv(text, index=False, lineterminator="\n")
        text.flush()
        text.detach()

    return _deliver(flows, path, write, overwrite)


def to_json(
    flows: FlowTable,
    path: str | os.PathLike[str] | None = None,
    *,
    lines: bool = True,
    overwrite: bool = False,
) -> str | None:
    """Write the table as JSON: one object for each flow, times as ISO 8601 in UTC with nanoseconds.

    Parameters
    ----------
    flows : FlowTable
    path : path, optional
        ``-`` is standard output; without a path the text is returned.
    lines : bool
        One object on each line (JSON Lines); otherwise one array of objects.
    overwrite : bool
        Replace an existing file; otherwise it is an error.

    Returns
    -------
    str or None
        The text, where no path was given.
    """
    table = _flat(flows)

    def write(file: BinaryIO) -> None:
        text = table.to_json(orient="records", lines=lines)
        file.write(text.encode())
        if text and not text.endswith("\n"):
            file.write(b"\n")

    return _deliver(flows, path, write, overwrite)


def to_parquet(
    flows: FlowTable, path: str | os.PathLike[str] | None = None, *, overwrite: bool = False
) -> bytes | None:
    """Write the table as Parquet, with its column types, compressed with zstd.

    Parameters
    ----------
    flows : FlowTable
    path : path, optional
        Without a path the bytes are returned.
    overwrite : bool
        Replace an existing file; otherwise it is an error.

    Returns
    -------
    bytes or None
        The file's bytes, where no path was given.

    Raises
    ------
    ImportError
        pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError("Parquet needs pyarrow: pip install 'tcpflow-scapy[parquet]'") from error
    table = flows.df

    def write(file: BinaryIO) -> None:
        # pyarrow closes what it writes to; the temporary file has to stay open until it is named.
        buffer = io.BytesIO()
        table.to_parquet(buffer, engine="pyarrow", compression="zstd")
        file.write(buffer.getbuffer())

    if path is None:
        whole = io.BytesIO()
        write(whole)
        return whole.getvalue()
    write_whole(path, write, overwrite=overwrite, sources=flows.capture.paths)
    return None


def _flat(flows: FlowTable) -> pd.DataFrame:
    """The table with the flow number as its first column and times as text, nanoseconds included."""
    import numpy as np
    import pandas as pd

    table = flows.df.rename_axis("flow").reset_index()
    for name in table.select_dtypes("datetimetz"):
        times = table[name].dt.tz_localize(None)
        texts = np.char.add(np.datetime_as_string(times.to_numpy("datetime64[ns]"), unit="ns"), "Z")
        table[name] = pd.Series(texts, index=table.index, dtype="str").where(times.notna())
    return table


def _harmless(table: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before texts that a spreadsheet would run."""
    table = table.copy()
    for name in table.columns:
        column = table[name]
        if column.dtype == "category":
            texts = [csv_cell(text) for text in column.cat.categories]
            table[name] = column.cat.rename_categories(texts)
        elif column.dtype in ("object", "str"):
            table[name] = column.map(csv_cell)
    return table


def _deliver(
    flows: FlowTable,
    path: str | os.PathLike[str] | None,
    write: Callable[[BinaryIO], None],
    overwrite: bool,
) -> str | None:
    if path is None:
        whole = io.BytesIO()
        write(whole)
        return whole.getvalue().decode()
    write_whole(path, write, overwrite=overwrite, sources=flows.capture.paths)
    return None
