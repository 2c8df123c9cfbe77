"""Every column of `FlowTable.df`: name, dtype, unit, meaning. The docs and the tests read this table.

The grammar is ``<side>_<measure>[_<unit>]``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    dtype: str
    unit: str
    meaning: str


def _side(measure: str, dtype: str, unit: str, meaning: str) -> tuple[Column, Column]:
    return (
        Column(f"client_{measure}", dtype, unit, meaning.format("client", "server")),
        Column(f"server_{measure}", dtype, unit, meaning.format("server", "client")),
    )


FLOW_COLUMNS: tuple[Column, ...] = (
    Column("client", "category", "", "address of the side that opened the connection"),
    Column("client_port", "uint16", "", "its port"),
    Column("server", "category", "", "address of the side that answered"),
    Column("server_port", "uint16", "", "its port"),
    Column("start", "datetime64[ns, UTC]", "UTC", "earliest packet"),
    Column("end", "datetime64[ns, UTC]", "UTC", "latest packet"),
    Column("duration_s", "float64", "s", "end - start"),
    Column("state", "category", "", "how far it came and how it ended, in Zeek's words (conn_state)"),
    Column("open", "bool", "", "neither closed by both sides nor reset: more may have followed, or will"),
    Column("client_evidence", "category", "", "from what the client is known"),
    *_side("bytes", "int64", "bytes", "distinct payload bytes of the {0} that were captured"),
    *_side("packets", "int64", "packets", "TCP segments sent by the {0}, all kinds"),
    *_side("missing_bytes", "int64", "bytes", "bytes of the {0}'s stream that were not captured"),
    *_side("gaps", "int64", "gaps", "runs of missing bytes in the {0}'s stream"),
    *_side("retransmitted_bytes", "int64", "bytes", "payload the {0} sent again"),
    *_side("out_of_order", "int64", "segments", "segments of the {0} that came late"),
    *_side("conflicts", "int64", "runs", "runs of the {0}'s stream seen with different contents"),
    Column("bytes", "int64", "bytes", "captured payload of both sides"),
    Column("packets", "int64", "packets", "TCP segments of both sides"),
    Column("missing_bytes", "int64", "bytes", "missing bytes of both sides"),
    Column("gaps", "int64", "gaps", "gaps of both sides"),
    Column("conflicts", "int64", "runs", "conflicts of both sides"),
    Column("complete", "bool", "", "both streams from SYN to FIN without a gap"),
    Column(
        "rtt_ms",
        "float64",
        "ms",
        "handshake: the SYN that was answered to the ACK of the answer; NaN without",
    ),
    Column("vlan", "category", "", "VLAN ids, outermost first, joined by a dot; empty without a tag"),
    Column("encap", "category", "", "layers around the packets; of both ways, where they differ"),
    Column("client_encap", "category", "", "layers around the client's first packet"),
    Column("server_encap", "category", "", "layers around the server's first packet"),
)
"""All columns, in order."""

COLUMN_NAMES: tuple[str, ...] = tuple(column.name for column in FLOW_COLUMNS)
