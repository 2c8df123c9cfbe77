"""The whole capture so far, as `reassemble` would see it: from the columns, without decoding frames again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tcpflow_scapy.capture.info import CaptureInfo
from tcpflow_scapy.capture.store import Store
from tcpflow_scapy.decode import Decoder
from tcpflow_scapy.flows.table import FlowTable
from tcpflow_scapy.live.engine_fragments import LiveFragments
from tcpflow_scapy.live.engine_frames import LiveFrames
from tcpflow_scapy.live.engine_hot import pair_keys
from tcpflow_scapy.live.engine_rows import FinalLate, PacketRows
from tcpflow_scapy.live.engine_store import LiveStore
from tcpflow_scapy.pipeline import find_flows


def whole_table(
    decoder: Decoder,
    store: LiveStore,
    frames: LiveFrames,
    rows: PacketRows,
    fragments: LiveFragments,
    info: CaptureInfo,
    options: dict[str, Any],
) -> FlowTable:
    """Every flow so far. Fragments are put together anew: later ones may change what earlier ones meant."""
    own = store.snapshot()
    table = frames.table()
    if len(fragments):
        table.reason = table.reason.copy()
    packets = decoder.table(rows.columns(), frames.datagrams(), fragments.everything(own), table)
    lists = {name: list(getattr(info, name)) for name in info.__dataclass_fields__}
    return FlowTable(find_flows(replace(info, **lists), own, table, packets, dict(options)))


def final_late(
    decoder: Decoder, store: LiveStore, frames: LiveFrames, fragments: LiveFragments, salt: int
) -> tuple[FinalLate, Store]:
    """Segments out of IP fragments as the end of the capture shows them, and the store with their bytes."""
    own = store.snapshot()
    reassembler = fragments.everything(own)
    segments, _datagrams, missing = decoder.late(reassembler)
    rows = segments.build()
    key = pair_keys(rows["source"], rows["destination"], salt)
    rows.update(time=frames.times(rows["frame"]), missing=missing, key=key)
    order = np.argsort(key, kind="stable")
    origins = reassembler.origins() if len(key) else None
    return FinalLate({name: column[order] for name, column in rows.items()}, origins), own
