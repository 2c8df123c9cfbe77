"""Which flows somebody means: by host, port, time; by mask, place, name or number; by rows of a DataFrame."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]


def select(
    table: pd.DataFrame, *, host: str | None = None, port: int | None = None, time: Any = None
) -> Array:
    """bool for each row of a flow table.

    Raises
    ------
    ValueError
        If `host` is no address or network, `port` no number of a port, or a time cannot be understood.
    """
    keep = np.ones(len(table), bool)
    if host is not None:
        keep &= _hosts(table["client"], host) | _hosts(table["server"], host)
    if port is not None:
        number = _port(port)
        keep &= ((table["client_port"] == number) | (table["server_port"] == number)).to_numpy()
    if time is not None:
        low, high = time if isinstance(time, (tuple, list)) else (time, time)
        if low is not None:
            keep &= (table["end"] >= _utc(low)).to_numpy()
        if high is not None:
            keep &= (table["start"] <= _utc(high)).to_numpy()
    return keep


def _hosts(column: pd.Series, host: str) -> Array:
    network = ip_network(str(host), strict=False)
    inside = _inside(column.cat.categories.tolist(), network)
    codes = column.cat.codes.to_numpy()
    return inside[codes] if len(inside) else np.zeros(len(codes), bool)


def _inside(texts: list[str], network: IPv4Network | IPv6Network) -> Array:
    """bool for each address: compared as bytes, since there may be a million of them."""
    kind, size = (AF_INET, 4) if network.version == 4 else (AF_INET6, 16)
    alike = np.array([(":" in text) == (size == 16) for text in texts], bool)
    packed = b"".join([inet_pton(kind, text) for text in texts if (":" in text) == (size == 16)])
    values = np.frombuffer(packed, np.uint8).reshape(-1, size)
    mask, base = (np.frombuffer(each.packed, np.uint8) for each in (network.netmask, network.network_address))
    inside = np.zeros(len(texts), bool)
    inside[alike] = ((values & mask) == base).all(axis=1)
    return inside


def _port(port: Any) -> int:
    """A port that no flow can have is a slip, not an empty answer."""
    text = str(port)
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 16):
        raise ValueError(f"port is a number from 0 to 65535, not {port!r}")
    return int(text)


def _utc(value: Any) -> pd.Timestamp:
    import pandas as pd

    stamp = pd.Timestamp(value)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def endpoint(text: str) -> tuple[bytes, int] | None:
    """``address:port`` as packed address and port; IPv6 with or without brackets."""
    address, _, port = text.strip().rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        return None
    try:
        return ip_address(address.strip("[]")).packed, int(port)
    except ValueError:
        return None


def positions(table: pd.DataFrame, key: Any) -> Array:
    """A mask or a list of positions as an index array; a pandas mask is aligned by flow number."""
    import pandas as pd
    from pandas.api.types import is_bool_dtype

    if isinstance(key, pd.Series) and is_bool_dtype(key) and not key.index.equals(table.index):
        key = key.reindex(table.index)
        if key.isna().any():
            raise IndexError("the mask does not cover every flow of this table")
        key = key.astype(bool)
    array = np.asarray(key)
    kind = type(key).__name__
    if array.ndim != 1:
        hint = "; of a DataFrame: FlowTable.from_frame" if isinstance(key, pd.DataFrame) else ""
        raise TypeError(f"flows are selected by number, slice, mask, list or name, not by {kind}{hint}")
    if array.dtype == object and all(isinstance(x, (bool, np.bool_)) for x in array):
        array = array.astype(bool)
    if array.dtype == bool:
        if len(array) != len(table):
            raise IndexError(f"mask of {len(array)} values for {len(table)} flows")
        return np.flatnonzero(array)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"flows are selected by number, slice, mask, list or name, not by {kind}")
    return array


def named(evidence: Evidence, index: Array, name: str) -> Array:
    """Numbers of the flows between two endpoints, in either direction; at least one.

    Raises
    ------
    KeyError
        If the name is none, or there is no such flow among those of `index`.
    """
    left, dash, right = name.rpartition("-")
    ends = [endpoint(text) for text in (left, right)]
    if not dash or None in ends:
        raise KeyError(f"{name!r} is not of the form address:port-address:port")
    keys = np.array([_endpoint_key(evidence, *e) for e in ends if e is not None], np.int64)
    sender = evidence.reassembly.streams.address.astype(np.int64)
    one, two = sender[2 * index], sender[2 * index + 1]
    hit = ((one == keys[0]) & (two == keys[1])) | ((one == keys[1]) & (two == keys[0]))
    found: Array = index[hit]
    if not len(found):
        raise KeyError(f"no flow between {left!r} and {right!r}")
    return found


def _endpoint_key(evidence: Evidence, address: bytes, port: int) -> int:
    book = evidence.packets.addresses
    known = book.knows(address)
    return book.code(address) << 16 | port if known else -1


def numbers(table: pd.DataFrame, key: Any) -> int | Array:
    """Flow numbers for what pandas' ``loc`` takes: one, or several in the order asked for."""
    found = table.loc[key]
    if found.ndim == 1 and not isinstance(key, (slice, list, np.ndarray)) and np.ndim(key) == 0:
        return int(key)
    return np.asarray(found.index)


def numbers_of(frame: pd.DataFrame, capture: Any = None) -> Array:
    """Flow numbers that a DataFrame speaks of, in its order, each once.

    Parameters
    ----------
    frame : pandas.DataFrame
        With ``flow`` as index, as a level of the index, or as a column.
    capture : optional
        Only rows whose first level of the index is this.

    Raises
    ------
    ValueError
        If flow numbers are nowhere, or are no numbers.
    """
    import pandas as pd

    if capture is not None:
        if frame.index.nlevels < 2:
            raise ValueError(
                "a table of several captures names them in its index: pd.concat({name: table.df ...})"
            )
        frame = frame[frame.index.get_level_values(0) == capture]
    if "flow" in frame.index.names:
        found = frame.index.get_level_values("flow")
    elif "flow" in frame.columns:
        found = pd.Index(frame["flow"])
    else:
        raise ValueError("no flow numbers: neither the index nor a column of this table is named flow")
    found = found.dropna().unique()
    try:
        return found.to_numpy(np.int64)
    except (TypeError, ValueError):
        raise ValueError("the column or index named flow holds no flow numbers") from None
