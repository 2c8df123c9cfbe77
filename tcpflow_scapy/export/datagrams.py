"""UDP conversations as files: the payloads of each side end to end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tcpflow_scapy.export.folder import OutputFolder, telling
from tcpflow_scapy.export.names import NameFields, Template, name_column
from tcpflow_scapy.export.payload import set_time, write_at

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.datagrams import Conversation, Conversations


def export_datagrams(
    conversations: Conversations,
    outdir: str | os.PathLike[str],
    *,
    template: str | None = None,
    overwrite: bool = False,
) -> pd.DataFrame:
    """Write each side that sent payload as one file; see `Conversations.export`.

    Raises
    ------
    ExportError
        A file cannot be written. Nothing half-written stays; its `files` is the table of whole ones.
    """
    chosen = Template(template) if template is not None else Template()
    files: list[_Written] = []
    made = partial(_frame, files, os.fspath(outdir))
    with OutputFolder(outdir, overwrite=overwrite) as folder, telling(made):
        for each in conversations:
            for direction in ("client", "server"):
                payloads = each.payloads(direction)
                if not any(payloads):
                    continue
                for file in _write(folder, each, direction, payloads, chosen):
                    files.append(file)
    return made()


class _Written(NamedTuple):
    """One file that was written."""

    conversation: int
    direction: str
    name: str
    size: int
    datagrams: int


def _frame(files: list[_Written], outdir: str) -> pd.DataFrame:
    import pandas as pd

    columns = {
        "conversation": np.array([file.conversation for file in files], np.int64),
        "direction": pd.array([file.direction for file in files], dtype="str"),
        "name": name_column([file.name for file in files]),
        "path": name_column([os.path.join(outdir, file.name) for file in files]),
        "size": np.array([file.size for file in files], np.int64),
        "datagrams": np.array([file.datagrams for file in files], np.int64),
    }
    return pd.DataFrame(columns)


def _write(
    folder: OutputFolder, each: Conversation, direction: str, payloads: list[bytes], template: Template
) -> Iterator[_Written]:
    name_for = partial(_name, template, _fields(each, direction))
    with folder.writing(name_for(0)) as file:
        at = 0
        for payload in payloads:
            write_at(file.descriptor, payload, at)
            at += len(payload)
        set_time(file.descriptor, each.first_time(direction))
    told = partial(_Written, each.id, direction, size=at, datagrams=len(payloads))
    return folder.published(file, name_for, told)


def _name(template: Template, fields: NameFields, count: int) -> str:
    return f"{template.expand(fields, count)}.udp"


def _fields(each: Conversation, direction: str) -> NameFields:
    source, destination = each.ends(direction)
    time = each.first_time(direction)
    known = time if time != np.iinfo(np.int64).min else 0
    return NameFields(*source[:1], *destination[:1], source[1], destination[1], known, each.vlan)
