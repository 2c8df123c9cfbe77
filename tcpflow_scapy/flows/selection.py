"""Which flows are meant: by host, port, time; by mask, place, name or number; by rows of a DataFrame."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]

_FIRST_YEAR = 1677
"""64 bits of ns begin here; an hour without a date is parsed as one of the year 1"""


def select(
    table: pd.DataFrame, *, host: str | None = None, port: int | None = None, time: Any = None
) -> Array:
    """bool for each row of a flow table.

    Raises
    ------
    ValueError
        If `host` is not an address or network, `port` not the number of a port, or `time` not a time; if it
        ends before it begins, or the flows have no times.
    """
    keep = np.ones(len(table), bool)
    if host is not None:
        keep &= _hosts(table["client"], host) | _hosts(table["server"], host)
    if port is not None:
        number = _port(port)
        keep &= ((table["client_port"] == number) | (table["server_port"] == number)).to_numpy()
    if time is not None:
        keep &= _active(table, time)
    return keep


def _active(table: pd.DataFrame, time: Any) -> Array:
    """bool for each flow: active at some moment of a time or of a range of times."""
    pair = time if isinstance(time, (tuple, list)) else (time, time)
    if len(pair) != 2:
        raise ValueError(f"time is one time or a pair of times, not {len(pair)} of them")
    low, high = (None if each is None else _span(each) for each in pair)
    keep = np.ones(len(table), bool)
    if low is None and high is None:
        return keep
    if len(table) and table["start"].isna().all():
        raise ValueError("these flows cannot be selected by time: their capture has no clock")
    if low is not None and high is not None and low[0] >= high[1]:
        raise ValueError(f"time ends ({pair[1]}) before it begins ({pair[0]})")
    if low is not None:
        keep &= (table["end"] >= low[0]).to_numpy()
    if high is not None:
        keep &= (table["start"] < high[1]).to_numpy()
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
    if not _is_port(text):
        raise ValueError(f"port is a number from 0 to 65535, not {port!r}")
    return int(text)


def _is_port(text: str) -> bool:
    """Whether digits are the number of a port; Python refuses to read numbers of thousands of digits."""
    return text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 1 << 16


def _span(value: Any) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The first moment of a time, and the one after its last: text lasts as long as its precision."""
    import pandas as pd

    # A number could mean seconds or nanoseconds.
    if isinstance(value, (int, float, np.number)):
        raise ValueError(f"a time is text such as 2015-07-12 10:30, or a Timestamp, not the number {value!r}")
    if isinstance(value, (datetime, pd.Timestamp)) or not isinstance(
        value, (str, date, np.datetime64, pd.Period)
    ):
        stamp, length = pd.Timestamp(value), pd.Timedelta(1, "ns")
    else:
        period = pd.Period(value if isinstance(value, pd.Period) else str(value))
        if not period.year >= _FIRST_YEAR:  # that of NaT is NaN
            raise ValueError(f"{value!r} is not a time with a date, such as 2015-07-12 10:30")
        # A period knows how precise a text is, but drops its zone.
        stamp = period.start_time if isinstance(value, pd.Period) else pd.Timestamp(str(value))
        length = (period + 1).start_time - period.start_time
    if pd.isna(stamp):
        raise ValueError(f"{value!r} is not a time")
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return stamp, stamp + length


def endpoint(text: str) -> tuple[bytes, int] | None:
    """``address:port`` as packed address and port; IPv6 with or without brackets."""
    address, _, port = text.strip().rpartition(":")
    if not _is_port(port):
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
        If it is not a name of a flow, or there is no such flow among those of `index`.
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


def true_or_false(found: Any, expression: str, count: int) -> Array:
    """What an expression gave for `count` flows, if that is a condition.

    Raises
    ------
    ValueError
        If it is not true or false of each flow.
    """
    mask = np.asarray(found)
    if mask.dtype != bool or mask.shape != (count,):
        raise ValueError(f"{expression!r} is not a condition: it is not true or false of each flow")
    return mask


def numbers_by_name(frame: pd.DataFrame, names: Collection[Any]) -> dict[Any, Array]:
    """Flow numbers of a DataFrame of several captures, by the name in the first level of its index.

    Raises
    ------
    ValueError
        As `numbers_of`.
    KeyError
        If the frame gives a name that is not among `names`.
    """
    strangers = set(frame.index.unique(0)) - set(names) if frame.index.nlevels > 1 else ()
    if strangers:
        raise KeyError(f"no table of flows is named {', '.join(map(repr, strangers))}")
    found = {name: numbers_of(frame, name) for name in names}
    return {name: rows for name, rows in found.items() if len(rows)}


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
        If there are no flow numbers, or they are not numbers.
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
