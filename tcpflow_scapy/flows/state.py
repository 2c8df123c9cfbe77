"""How far a connection came and how it ended, in Zeek's words.

``conn_state`` as Zeek's documentation of conn.log describes it, judged from what was seen of each side, and
``history``: one letter for each kind of event, upper case for the client.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tcpflow_scapy.decode.packets import ACK, FIN, RST, SYN
from tcpflow_scapy.reassembly.tables import StreamTable

Array = np.ndarray[Any, np.dtype[Any]]

STATES: dict[str, str] = {
    "S0": "SYN, no answer",
    "S1": "established, not closed",
    "SF": "established and closed by both sides",
    "REJ": "SYN, answered by a reset",
    "S2": "established, only the client closed",
    "S3": "established, only the server closed",
    "RSTO": "established, reset by the client",
    "RSTR": "reset by the server",
    "RSTOS0": "SYN, then a reset by the client; no answer seen",
    "RSTRH": "SYN-ACK, then a reset by the server; no SYN seen",
    "SH": "closed by the client; no handshake of the server seen",
    "SHR": "closed by the server; no handshake of the client seen",
    "OTH": "no handshake seen, not closed",
}
"""Every state and its meaning."""

_NAMES = list(STATES)

_ENDED = ("SF", "REJ", "RSTO", "RSTR", "RSTOS0", "RSTRH")

OPEN: Array = np.array([name not in _ENDED for name in _NAMES])
"""bool, by index into `STATES`: nothing says that both sides are done."""


def connection_states(streams: StreamTable) -> Array:
    """Index into `STATES` for each connection: int8[n]."""
    flags = streams.flags
    client, server = flags[0::2], flags[1::2]
    asked = (client & SYN) != 0
    answered = (server & SYN) != 0
    established = asked & answered
    client_fin, server_fin = (client & FIN) != 0, (server & FIN) != 0
    closed = client_fin & server_fin
    client_rst, server_rst = ((client & RST) != 0) & ~closed, ((server & RST) != 0) & ~closed
    empty = (streams.wire_bytes[0::2] == 0) & (streams.wire_bytes[1::2] == 0)
    # Zeek's INACTIVE or PARTIAL: nothing, or nothing that opens or ends a connection.
    client_vague = ~asked & ~client_fin & ~client_rst
    server_vague = ~answered & ~server_fin & ~server_rst
    rules = [
        (server_rst & ((asked & ~answered & ~client_fin & ~client_rst) | (client_rst & empty)), "REJ"),
        (server_rst & client_vague, "RSTRH"),
        (server_rst, "RSTR"),
        (client_rst & server_vague & asked & empty, "RSTOS0"),
        (client_rst & server_vague, "OTH"),
        (client_rst, "RSTO"),
        (closed, "SF"),
        (client_fin & server_vague, "SH"),
        (client_fin, "S2"),
        (server_fin & client_vague, "SHR"),
        (server_fin, "S3"),
        # A bare ACK is no answer to a SYN.
        (asked & ~answered & (streams.data_packets[1::2] == 0), "S0"),
        (established, "S1"),
    ]
    out = np.full(len(client), _NAMES.index("OTH"), np.int8)
    for condition, name in reversed(rules):
        out[condition] = _NAMES.index(name)
    return out


def history(direction: Array, flags: Array, length: Array, window: Array, relative: Array) -> str:
    """Zeek's history string of one connection.

    Parameters
    ----------
    direction : ndarray of int
        0 client, 1 server, for each packet in order of arrival.
    flags, length, window : ndarray
        Of each packet; `length` is payload on the wire.
    relative : ndarray of int64
        Stream offset of each packet.

    Returns
    -------
    str
        S SYN, H SYN-ACK, A bare ACK, D data, F FIN, R RST, T retransmitted data, W zero window, I FIN and
        RST, Q other combinations; lower case for the server. T and W appear at the 1st, 10th, 100th time.
    """
    letters: list[str] = []
    once: set[str] = set()
    places: dict[str, int] = {}
    counts: dict[str, int] = {}
    reach = [0, 0]
    closed, reset = [False, False], [False, False]

    def note(letter: str, side: int) -> None:
        letters.append(letter if side == 0 else letter.lower())

    def counted(letter: str, side: int) -> None:
        key = f"{letter}{side}"
        counts[key] = counts.get(key, 0) + 1
        if counts[key] in (1, 10, 100, 1000, 10_000, 100_000, 1_000_000):
            note(letter, side)

    columns = (direction, flags, length, window, relative)
    for side, bits, size, room, at in zip(*(c.tolist() for c in columns), strict=True):
        kinds = bool(bits & SYN) + bool(bits & FIN) + bool(bits & RST)
        if kinds > 1:
            letter = "I" if bits & FIN and bits & RST else "Q"
        elif bits & SYN:
            letter = "H" if bits & ACK else "S"
        elif bits & FIN:
            letter = "F"
        elif bits & RST:
            letter = "R"
        else:
            letter = "D" if size else "A" if bits & ACK else ""
        key = f"{letter}{side}"
        if letter in ("A", "D", "I", "Q"):
            if key not in once:
                once.add(key)
                note(letter, side)
        elif letter:
            place = at + size if letter == "F" else at
            # SYN and SYN-ACK share a place: who opens at the same time as the other notes only the first.
            key = f"S{side}" if letter == "H" else key
            if places.get(key) != place:
                places[key] = place
                note(letter, side)
        closed[side] = closed[side] or bool(bits & FIN)
        reset[side] = reset[side] or bool(bits & RST)
        if room == 0 and not reset[side] and not closed[1 - side]:
            counted("W", side)
        if size and not bits & RST:
            if at + size <= reach[side]:
                counted("T", side)
            reach[side] = max(reach[side], at + size)
    return "".join(letters)
