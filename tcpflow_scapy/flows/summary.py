"""The table of flows: columns of reassembly to a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.capture.frames import NO_TIME
from tcpflow_scapy.flows.addresses import address_category
from tcpflow_scapy.flows.categories import categorical, compact, labelled
from tcpflow_scapy.flows.columns import COLUMN_NAMES
from tcpflow_scapy.flows.round_trips import round_trips
from tcpflow_scapy.flows.state import OPEN, STATES, connection_states
from tcpflow_scapy.reassembly.tables import ClientEvidence, ConnectionTable

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]


def datetimes(times: Array) -> pd.DatetimeIndex:
    """ns since the epoch to UTC times; `NO_TIME` becomes NaT (numpy uses the same number)."""
    import pandas as pd

    return pd.DatetimeIndex(times.view("datetime64[ns]")).tz_localize("UTC")


def summarize(evidence: Evidence) -> pd.DataFrame:
    """One row for each flow.

    Returns
    -------
    pandas.DataFrame
        Columns as in `flows.columns.FLOW_COLUMNS`, indexed by flow number.
    """
    import pandas as pd

    found = evidence.reassembly
    streams, connections = found.streams, found.connections
    count = len(connections)
    book = evidence.packets.addresses
    states = connection_states(streams)
    gaps = _counts(streams.gap_start)
    layers = evidence.packets.encapsulations
    whole = (streams.isn >= 0) & (streams.fin >= 0) & (gaps == 0)
    columns: dict[str, Any] = {
        "client": address_category(book, _codes(streams.address[0::2])),
        "client_port": streams.address[0::2].astype(np.uint16),
        "server": address_category(book, _codes(streams.address[1::2])),
        "server_port": streams.address[1::2].astype(np.uint16),
        "start": datetimes(connections.start),
        "end": datetimes(connections.end),
        "duration_s": _durations(connections),
        "state": categorical(states, list(STATES)),
        "open": OPEN[states],
        "client_evidence": labelled(connections.client_evidence, ClientEvidence),
        "rtt_ms": round_trips(evidence),
        "vlan": compact(connections.encapsulation, layers.vlan_texts()),
        **_encapsulations(evidence),
        "complete": whole[0::2] & whole[1::2],
    }
    measures = {
        "bytes": streams.captured,
        "packets": streams.packets,
        "missing_bytes": _less(streams.size, streams.captured),
        "gaps": gaps,
        "retransmitted_bytes": streams.retransmitted,
        "out_of_order": streams.out_of_order,
        "conflicts": _counts(streams.conflict_start),
    }
    for name, values in measures.items():
        columns[f"client_{name}"], columns[f"server_{name}"], columns[name] = _by_side(values)
    table = pd.DataFrame(
        {name: columns[name] for name in COLUMN_NAMES},
        index=pd.RangeIndex(count, name="flow"),
        copy=False,
    )
    return evidence.told(table)


def _codes(addresses: Array) -> Array:
    """Address codes of endpoints: the port, below, falls off."""
    return (addresses >> np.uint64(16)).view(np.int64)


def _durations(connections: ConnectionTable) -> Array:
    """Seconds; NaN where there are no times."""
    out = (connections.end - connections.start) / 1e9
    out[(connections.start == NO_TIME) | (connections.end == NO_TIME)] = np.nan
    return out


# Columns of a value that is the same for all streams come without memory of their own (stride 0), and most
# columns of a capture full of unanswered SYNs are such. They are not spelled out here before somebody looks.


def _less(one: Array, two: Array) -> Array:
    """One column less another."""
    if one.strides == two.strides == (0,):
        return np.broadcast_to(one[:1] - two[:1], one.shape)
    return one - two


def _counts(starts: Array) -> Array:
    """How many rows each stream has, from where they begin."""
    if starts.strides == (0,):
        return np.broadcast_to(starts[:1] - starts[:1], (len(starts) - 1,))
    return np.diff(starts)


def _by_side(values: Array) -> tuple[Array, Array, Array]:
    """Of the client, of the server, of both: with memory of their own, for people write into their tables."""
    if values.strides == (0,) and len(values):
        value, count = values[0], len(values) // 2
        return _filled(count, value), _filled(count, value), _filled(count, 2 * value)
    client, server = values[0::2].copy(), values[1::2].copy()
    return client, server, client + server


def _filled(count: int, value: Any) -> Array:
    """int64: a value many times; memory of zeros comes from the system when it is first touched."""
    return np.full(count, value, np.int64) if value else np.zeros(count, np.int64)


def _encapsulations(evidence: Evidence) -> dict[str, Any]:
    """The layers around the packets of each flow, and of each way."""
    found, packets = evidence.reassembly, evidence.packets
    texts = packets.encapsulations.path_texts()
    client = server = found.connections.encapsulation
    if len(texts) > 1:
        ways = np.repeat(client, 2)
        sent = np.flatnonzero(np.diff(found.streams.packet_start))
        ways[sent] = packets.encapsulation[found.order[found.streams.packet_start[:-1][sent]]]
        client, server = ways[0::2], ways[1::2]
    both = client
    if client is not server and (client != server).any():
        count = len(texts)
        pairs, both = np.unique(client.astype(np.int64) * count + server, return_inverse=True)
        ways_of = [divmod(pair, count) for pair in pairs.tolist()]
        joined = [texts[one] if one == two else f"{texts[one]} | {texts[two]}" for one, two in ways_of]
    else:
        joined = texts
    return {
        "encap": compact(both, joined),
        "client_encap": compact(client, texts),
        "server_encap": compact(server, texts),
    }
