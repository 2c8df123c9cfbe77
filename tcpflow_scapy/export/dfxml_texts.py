"""The columns of a report as text, so that each of a million elements is one formatting and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.export.streams import StreamRows, heads_of_rows

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]
Attributes = Mapping[str, object]
Texts = Iterable[str]

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


def xml_text(value: object) -> str:
    """Text with every character that XML 1.0 cannot hold written as ``\\xNN`` or ``\\uNNNN``."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c
        if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000"
        else f"\\x{ord(c):02x}"
        if ord(c) < 256
        else f"\\u{ord(c):04x}"
        for c in text
    )


def escaped(value: object) -> str:
    """Any text as the contents of an element."""
    return escape(xml_text(value))


def all_escaped(texts: Sequence[str]) -> Sequence[str]:
    """The same for many, of which hardly any needs it."""
    together = "".join(texts)
    return texts if escaped(together) == together else [escaped(text) for text in texts]


def attributes(values: Attributes) -> str:
    """Of an element; those that are None are left out."""
    given = {name: xml_text(value) for name, value in values.items() if value is not None}
    return "".join(f" {name}={quoteattr(value)}" for name, value in given.items())


def file_texts(rows: StreamRows, files: FileList | None) -> tuple[Texts, list[int], Texts]:
    """Of each row: the element with the file's name, the file's size, the elements with its digests."""
    sizes: list[int] = rows.column("end").tolist()
    if files is None or not len(files.stream):
        return repeat("", len(sizes)), sizes, repeat("", len(sizes))
    names, digests = [""] * len(sizes), [""] * len(sizes)
    places = rows.row_of_stream()[np.array(files.stream, np.int64)].tolist()
    for row, path, size in zip(places, all_escaped(files.path), files.size, strict=True):
        if row >= 0:
            names[row] = f"\n      <filename>{path}</filename>"
            sizes[row] = size
    for name, label in DIGESTS.items():
        for row, digest in zip(places, files.digests.get(name, ()), strict=False):
            if row >= 0 and digest:
                digests[row] += f"\n      <hashdigest type='{label}'>{escaped(digest)}</hashdigest>"
    return names, sizes, digests


def time_texts(name: str, times: Array) -> list[str]:
    """An attribute with a time; empty where there is none."""
    seconds, micros = np.divmod(times // 1000, 1_000_000)
    distinct, number = np.unique(seconds, return_inverse=True)
    begins = [f" {name}='{_second(second)}" for second in distinct.tolist()]
    return [
        (f"{begins[second]}.{micro:06d}Z'" if micro else f"{begins[second]}Z'") if known else ""
        for second, micro, known in zip(
            number.tolist(), micros.tolist(), (times != NO_TIME).tolist(), strict=True
        )
    ]


def count_texts(name: str, counts: Array) -> Texts:
    """An attribute with a number; empty where it is zero, for tcpflow has none of these."""
    if not counts.any():
        return repeat("", len(counts))
    return [f" {name}='{count}'" if count else "" for count in counts.tolist()]


def picked_texts(keys: Array, text: Callable[[int], str]) -> list[str]:
    """A text for each key; equal keys, of which there are many, share theirs."""
    found = {key: text(key) for key in np.unique(keys).tolist()}
    return [found[key] for key in keys.tolist()]


def mac_texts(rows: StreamRows) -> list[str]:
    """Attributes with the MAC addresses of each direction's first frame; zeros are no address."""
    heads = heads_of_rows(rows)
    found = {head: _mac_attributes(head) for head in set(heads)}
    return [found[head] for head in heads]


def _mac_attributes(head: bytes) -> str:
    return "".join(
        f" {name}='{address.hex(':')}'"
        for name, address in (("mac_daddr", head[:6]), ("mac_saddr", head[6:]))
        if any(address)
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
