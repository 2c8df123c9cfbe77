"""What the elements of a report are made of: escaped text, and attributes of many rows as characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.errors import CaptureError
from tcpflow_scapy.export.payload import NOT_HASHED
from tcpflow_scapy.export.streams import StreamRows, heads_of_rows
from tcpflow_scapy.export.text_columns import beside, decimals, hexadecimals, picked
from tcpflow_scapy.render.escape import one_line

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]
Attributes = Mapping[str, object]

DIGESTS = {"md5": "MD5", "sha1": "SHA1", "sha256": "SHA256"}


class FileList(NamedTuple):
    """Files that were written, by column: one entry for each in all lists."""

    stream: Sequence[int]
    """number of the stream: twice the flow's, plus one for the server"""
    path: Sequence[str]
    size: Sequence[int]
    """bytes, holes included"""
    digests: Mapping[str, Sequence[str]] = {}
    """by `hashlib`'s names"""

    @classmethod
    def of(cls, table: pd.DataFrame) -> FileList:
        """From what `FlowTable.export` returned."""
        stream = table["flow"].to_numpy() * 2 + (table["direction"] == "server").to_numpy().astype(np.int64)
        digests = {name: table[name].tolist() for name in DIGESTS if name in table}
        return cls(stream.tolist(), table["path"].tolist(), table["size"].tolist(), digests)


def escaped(value: object) -> str:
    """Any text as the contents of an element; what XML cannot hold or a terminal would obey is an escape."""
    return escape(one_line(value))


def all_escaped(texts: Sequence[str]) -> Sequence[str]:
    """The same for many, of which hardly any needs it."""
    together = "".join(texts)
    return texts if escaped(together) == together else [escaped(text) for text in texts]


def attributes(values: Attributes) -> str:
    """Of an element; those that are None are left out."""
    given = {name: one_line(value) for name, value in values.items() if value is not None}
    return "".join(f" {name}={quoteattr(value)}" for name, value in given.items())


def digest_texts(files: FileList) -> list[str]:
    """Elements with the digests of each file; an element that says so where gaps were too large for that."""
    texts = [""] * len(files.stream)
    for name, label in DIGESTS.items():
        for place, digest in enumerate(files.digests.get(name, ())):
            if digest == NOT_HASHED:
                texts[place] += f"\n      <not_hashed type='{label}'/>"
            elif digest:
                texts[place] += f"\n      <hashdigest type='{label}'>{escaped(digest)}</hashdigest>"
    return texts


def time_attribute(name: str, times: Array) -> Array:
    """An attribute with a time; nothing where there is none. As characters, like the following."""
    seconds, micros = np.divmod(times // 1000, 1_000_000)
    distinct, rows = np.unique(seconds, return_inverse=True)
    second = picked(rows, [_second(each) for each in distinct.tolist()])
    fraction = beside(".", decimals(micros, 6), present=micros != 0)
    return beside(f" {name}='", second, fraction, "Z'", present=times != NO_TIME)


def count_attribute(name: str, counts: Array) -> Array:
    """An attribute with a number; nothing where it is zero, for tcpflow has none of these."""
    if not counts.any():
        return np.empty((len(counts), 0), np.uint8)
    return beside(f" {name}='", decimals(counts), "'", present=counts != 0)


def mac_attributes(rows: StreamRows) -> Array:
    """Attributes with the MAC addresses of each direction's first frame; zeros are no address."""
    try:
        heads = heads_of_rows(rows)
    except CaptureError:
        # The capture has changed; what was written of it before can be listed all the same.
        return np.empty((len(rows), 0), np.uint8)
    target, source = heads[:, :6], heads[:, 6:]
    return beside(
        beside(" mac_daddr='", hexadecimals(target), "'", present=np.any(target != 0, axis=1)),
        beside(" mac_saddr='", hexadecimals(source), "'", present=np.any(source != 0, axis=1)),
    )


def iso(time: int) -> str | None:
    """tcpflow's form of a time: UTC, microseconds only where there are any."""
    if time == NO_TIME:
        return None
    seconds, rest = divmod(time // 1000, 1_000_000)
    text = _second(seconds)
    return f"{text}.{rest:06d}Z" if rest else f"{text}Z"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return str(seconds)
