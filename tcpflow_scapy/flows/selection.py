"""Filters that people think in: host, port, time."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

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
    inside = np.array([ip_address(text) in network for text in column.cat.categories], bool)
    codes = column.cat.codes.to_numpy()
    return inside[codes] if len(inside) else np.zeros(len(codes), bool)


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
