"""Where one sample is made: folders, addresses, orders for the bridge, and the truth at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import content
from .network import Network, mtu_for
from .plan import Plan, Row
from .programs import Server
from .truth import Sent, read_relay

IPV4 = ("10.20.0.1", "10.20.0.2")
IPV6 = ("fd00:20::1", "fd00:20::2")


@dataclass
class Lab:
    """One sample's workspace."""

    target: Path
    """the capture to make"""
    folder: Path
    """for everything else; goes away"""
    keep: Path
    """`sample_pcaps/` itself, for what belongs beside the capture"""
    rows: list[Row] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)
    _plans: int = 0

    @property
    def server(self) -> str:
        """Address of the server."""
        return IPV4[1]

    @contextlib.contextmanager
    def network(
        self, wrap: str = "plain", clients: tuple[str, ...] = IPV4[:1], stamps: bool = True
    ) -> Iterator[Network]:
        """Client and server, IPv4 and IPv6; with TCP timestamps or without."""
        left = [*(f"{c}/24" for c in clients), IPV6[0] + "/64"]
        right = [IPV4[1] + "/24", IPV6[1] + "/64"]
        with Network(left, right, mtu_for(wrap), stamps) as net:
            yield net

    @contextlib.contextmanager
    def capture(self, net: Network, path: Path | None = None, **orders: Any) -> Iterator[None]:
        """A bridge that captures to the sample (or to `path`), with fields of `Plan` as orders."""
        self._plans += 1
        ledger = self.folder / f"ledger{self._plans}"
        plan = Plan(str(path or self.target), str(ledger), left="client", right="server", **orders)
        with net.bridge(plan) as rows:
            yield
        self.rows += rows

    def serve(self, net: Network, port: int, *addresses: str, side: str = "server") -> Server:
        """A place for a server program (see `programs.Server`)."""
        server = Server(net, self.folder, port, list(addresses or IPV4[1:]), side)
        self.servers.append(server)
        return server

    def site(self, log_lines: int = 300) -> Path:
        """A web site to serve."""
        return content.site(self.folder / "site", log_lines)

    def sent(self) -> list[Sent]:
        """What all programs sent."""
        return [sent for server in self.servers for logs in server.logs for sent in read_relay(logs)]
