"""UDP conversations as files: the payloads of each side end to end."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tcpflow_scapy.export.folder import OutputFolder, telling
from tcpflow_scapy.export.names import NameFields, Template
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
    import pandas as pd

    chosen = Template(template) if template is not None else Template()
    rows: list[tuple[object, ...]] = []
    columns = ["conversation", "direction", "name", "path", "size", "datagrams"]
    made = partial(pd.DataFrame, rows, columns=columns)
    with OutputFolder(outdir, overwrite=overwrite) as folder, telling(made):
        for each in conversations:
            for direction in ("client", "server"):
                payloads = each.payloads(direction)
                if not any(payloads):
                    continue
                name = _write(folder, each, direction, payloads, chosen)
                size = sum(map(len, payloads))
                path = os.path.join(folder.path, name)
                rows.append((each.id, direction, name, path, size, len(payloads)))
    return made()


def _write(
    folder: OutputFolder, each: Conversation, direction: str, payloads: list[bytes], template: Template
) -> str:
    name_for = partial(_name, template, _fields(each, direction))
    with folder.writing(name_for(0)) as file:
        at = 0
        for payload in payloads:
            write_at(file.descriptor, payload, at)
            at += len(payload)
        set_time(file.descriptor, each.first_time(direction))
    return folder.publish(file, name_for)


def _name(template: Template, fields: NameFields, count: int) -> str:
    return f"{template.expand(fields, count)}.udp"


def _fields(each: Conversation, direction: str) -> NameFields:
    source, destination = each.ends(direction)
    time = each.first_time(direction)
    known = time if time != np.iinfo(np.int64).min else 0
    return NameFields(*source[:1], *destination[:1], source[1], destination[1], known, each.vlan)
