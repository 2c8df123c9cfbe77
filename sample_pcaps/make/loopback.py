"""The loopback sample: nothing between the programs but the kernel; captured as ``-i any`` does."""

from __future__ import annotations

from .lab import Lab
from .network import CLIENT
from .plan import read_ledger
from .programs import curl


def any_device(lab: Lab) -> None:
    """A web server asked by a client on the same machine."""
    with lab.network() as net:
        lab.serve(net, 80, "127.0.0.1", side=CLIENT).nginx(lab.site(2200))
        ledger = lab.folder / "ledger"
        with net.helper(CLIENT, "make.cooked", str(lab.target), str(ledger), "80"):
            curl(net, "127.0.0.1", ["/", "/log.txt", "/logo.png"])
        lab.rows += read_ledger(ledger)
