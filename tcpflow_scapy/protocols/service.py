"""The service of a flow: `identify` for flows and tables of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .flow_stream import FlowStream
from .identify import LOOK, Guess, identify
from .stream_bytes import first_bytes

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.stream import Stream

CONFIDENT = 0.5
"""Guesses of less confidence are no answer."""


def guess_service(flow: Flow) -> Guess:
    """What protocol a flow speaks, by the first bytes of both sides; an empty name if that is not known.

    Parameters
    ----------
    flow : Flow
    """
    guess = identify(_head(flow.client), _head(flow.server))
    return guess if guess.confidence >= CONFIDENT else Guess("", guess.confidence)


def _head(stream: Stream) -> bytes:
    """The first captured bytes of a stream, up to the first gap behind them."""
    return first_bytes(FlowStream(stream), LOOK) if stream.end else b""


def guess_services(flows: Iterable[Flow]) -> pd.Series:
    """The service of each flow as text, by flow number; empty where it is not known.

    Parameters
    ----------
    flows : FlowTable or iterable of Flow
    """
    import pandas as pd

    names = {flow.id: guess_service(flow).name for flow in flows}
    return pd.Series(
        list(names.values()), index=pd.Index(list(names), dtype="int64"), name="service", dtype=str
    )
