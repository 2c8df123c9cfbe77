"""One TCP connection: two streams between two endpoints."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy._accessors import verb
from tcpflow_scapy.flows.frames import conflict_frame, gap_frame, packet_frame
from tcpflow_scapy.flows.stream import Stream

if TYPE_CHECKING:
    import os

    import pandas as pd
    from scapy.plist import PacketList

    from tcpflow_scapy.flows.conversation import Conversation
    from tcpflow_scapy.flows.evidence import Evidence
    from tcpflow_scapy.plot.accessor import Plots


class Flow:
    """A connection as the analyst holds it. Obtained from a `FlowTable`."""

    __slots__ = ("_evidence", "id")

    def __init__(self, evidence: Evidence, number: int) -> None:
        self._evidence = evidence
        self.id = number

    # -- parts --------------------------------------------------------------------------------------

    @property
    def client(self) -> Stream:
        """What the side that opened the connection sent."""
        return Stream(self._evidence, 2 * self.id)

    @property
    def server(self) -> Stream:
        """What the side that answered sent."""
        return Stream(self._evidence, 2 * self.id + 1)

    @property
    def streams(self) -> tuple[Stream, Stream]:
        """Client, server."""
        return self.client, self.server

    # -- facts --------------------------------------------------------------------------------------

    @property
    def summary(self) -> Any:
        """Its row of `FlowTable.df` (pandas.Series)."""
        return self._evidence.summary.loc[self.id]

    @property
    def start(self) -> Any:
        """Earliest packet (pandas.Timestamp, UTC)."""
        return self.summary["start"]

    @property
    def end(self) -> Any:
        """Latest packet (pandas.Timestamp, UTC)."""
        return self.summary["end"]

    @property
    def duration(self) -> Any:
        """`end` - `start` (pandas.Timedelta)."""
        return self.end - self.start

    @property
    def complete(self) -> bool:
        """True if every byte of both streams, from SYN to FIN, was captured."""
        return all(stream.complete for stream in self.streams)

    @property
    def vlan(self) -> tuple[int, ...]:
        """VLAN ids of its first packet, outermost first."""
        vlan: tuple[int, ...] = self._encapsulation.vlan
        return vlan

    @property
    def encap(self) -> str:
        """Layers around its packets, such as ``eth/vlan:42/ip``; of both ways, where they differ."""
        return str(self.summary["encap"])

    @property
    def _encapsulation(self) -> Any:
        found = self._evidence.reassembly.connections.encapsulation[self.id]
        return self._evidence.packets.encapsulations.rows[int(found)]

    @property
    def state(self) -> str:
        """Zeek's conn_state."""
        return str(self.summary["state"])

    @property
    def client_evidence(self) -> str:
        """From what the client is known: ``syn``, ``syn_ack``, ``port`` or ``first_packet``."""
        return str(self.summary["client_evidence"])

    @property
    def history(self) -> str:
        """Zeek's history string; upper case for the client."""
        from tcpflow_scapy.flows.state import history

        rows = self.packets
        flags = self._evidence.packets.flags[self._packet_rows()]
        return history(
            (rows["direction"] == "server").to_numpy().astype(np.int64),
            flags,
            rows["wire_length"].to_numpy(),
            rows["window"].to_numpy(),
            rows["offset"].to_numpy(),
        )

    def _packet_rows(self) -> Any:
        found = self._evidence.reassembly
        low, high = found.streams.packet_start[[2 * self.id, 2 * self.id + 2]].tolist()
        return np.sort(found.order[low:high])

    @property
    def community_id(self) -> str:
        """Community ID version 1, seed 0 (corelight/community-id-spec)."""
        packed = self._evidence.packets.addresses.packed
        ends = []
        for stream in self.streams:
            key = int(self._evidence.reassembly.streams.address[stream._number])
            ends.append((packed(key >> 16), (key & 0xFFFF).to_bytes(2, "big")))
        (a, p), (b, q) = sorted(ends)
        digest = sha1(b"\0\0" + a + b + b"\x06\0" + p + q, usedforsecurity=False).digest()
        return "1:" + b64encode(digest).decode()

    # -- tables -------------------------------------------------------------------------------------

    @property
    def _numbers(self) -> Any:
        return np.array([2 * self.id, 2 * self.id + 1])

    @property
    def packets(self) -> pd.DataFrame:
        """Every TCP segment of both sides, in order of capture (columns as `FlowTable.packets`)."""
        return packet_frame(self._evidence, self._numbers)

    def timeline(self) -> pd.DataFrame:
        """Every segment of both sides in order of time, indexed by time."""
        return self.packets.sort_values("time", kind="stable").set_index("time")

    @property
    def gaps(self) -> pd.DataFrame:
        """What the capture never had of both streams."""
        return gap_frame(self._evidence, self._numbers)

    @property
    def conflicts(self) -> pd.DataFrame:
        """What was seen with different contents, in both streams."""
        return conflict_frame(self._evidence, self._numbers)

    # -- views and outputs --------------------------------------------------------------------------

    def follow(self, *, form: str = "text", limit: int | None = 65536) -> Conversation:
        """The conversation in order of time, both sides, with gaps and conflicts marked.

        Parameters
        ----------
        form : {"text", "hex"}
        limit : int or None
            Bytes of payload to show.
        """
        from tcpflow_scapy.flows.conversation import Conversation

        return Conversation(self, form=form, limit=limit)

    @property
    def http(self) -> Any:
        """Its HTTP/1 exchanges: a list of requests with their responses, with ``.df``."""
        return verb("http_exchanges")(self)

    def scapy(self) -> PacketList:
        """Its frames as Scapy packets, dissected, with their times."""
        from tcpflow_scapy.flows.scapy_packets import packet_list

        return packet_list(self._evidence, np.array([self.id]))

    def _alone(self) -> Any:
        from tcpflow_scapy.flows.table import FlowTable

        return FlowTable(self._evidence, np.array([self.id]))

    def export(self, outdir: str | os.PathLike[str], **options: Any) -> pd.DataFrame:
        """Write its streams as tcpflow would; see `FlowTable.export`."""
        table: pd.DataFrame = self._alone().export(outdir, **options)
        return table

    def to_pcap(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Write its frames as a capture file; see `FlowTable.to_pcap`."""
        return self._alone().to_pcap(path, **options)

    @property
    def plot(self) -> Plots:
        """Pictures: ``time_sequence()``, ``throughput()``, ``rtt()``, ``coverage()`` (see its `repr`)."""
        plots: Plots = verb("plots_of_flow")(self)
        return plots

    # -- looks --------------------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """``client:port-server:port``, as `FlowTable` takes it in brackets."""
        return f"{self.client.address}:{self.client.port}-{self.server.address}:{self.server.port}"

    def __repr__(self) -> str:
        client, server = self.streams
        return (
            f"<Flow {self.id} {self.key} {self.state} "
            f"{client.captured} bytes out, {server.captured} bytes back, "
            f"{client.missing + server.missing} missing>"
        )

    def _repr_html_(self) -> str:
        from tcpflow_scapy.flows.looks import flow_card

        html: str = flow_card(self).to_html()
        return html

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        from tcpflow_scapy.flows.looks import flow_card, pretty

        pretty(flow_card(self), repr(self), printer, cycle)

    def __rich__(self) -> Any:
        from tcpflow_scapy.flows.looks import flow_card

        return flow_card(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Flow) and other._evidence is self._evidence and other.id == self.id

    def __hash__(self) -> int:
        return hash((id(self._evidence), self.id))
