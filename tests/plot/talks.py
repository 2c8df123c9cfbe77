"""Conversations worth a picture, and how to look at one."""

from __future__ import annotations

import random
from typing import Any

from tcpflow_scapy.flows.flow import Flow
from tcpflow_scapy.flows.table import FlowTable
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.traffic import Capture, Conversation

MS = 1_000_000


def damaged() -> Conversation:
    """Gap, retransmission, partial overlap with a conflict, out of order, closed window, FIN."""
    c = Conversation()
    c.handshake()
    c.client(b"GET / HTTP/1.1\r\n\r\n")
    c.server(b"a" * 100)  # 0
    c.ack()
    c.server(b"b" * 100)  # 100: in no frame
    c.lose()
    c.server(b"c" * 100)  # 200
    c.ack()
    c.server(b"c" * 100, at=200)  # again
    c.server(b"e" * 100, at=400)  # 300 is late
    c.server(b"d" * 100, at=300)
    c.server(b"X" * 50 + b"f" * 100, at=450)  # other contents in 450 to 500
    c.client(window=0)
    c.ack()
    c.close()
    return c


def damaged_flow(**options: Any) -> Flow:
    return flow_of(damaged(), **options)


def several(count: int = 5) -> FlowTable:
    """Flow n: client 10.0.0.n, one of three services, n bytes lost."""
    parts = []
    for n in range(count):
        c = Conversation(f"10.0.0.{n}:{1000 + n}", f"192.168.0.{n % 2}:{(80, 443, 5000)[n % 3]}")
        c.handshake()
        c.client(b"q" * (10 + n))
        c.server(b"r" * 100 * (n + 1))
        c.skip("server", n)
        c.server(b"end")
        c.close()
        parts.append(c)
    return flows_of(*parts)


def nothing() -> FlowTable:
    return several(2)[:0]


def clockless() -> FlowTable:
    return flows_of(Capture(damaged()).without_times())


def random_talk(seed: int) -> Conversation:
    """Data and acknowledgments of both sides, some lost, some twice, some late."""
    rng = random.Random(seed)
    c = Conversation(isn=rng.choice([5, 2**32 - 300]), server_isn=rng.choice([9, 2**32 - 700]))
    c.handshake()
    sent = {"client": 0, "server": 0}
    for _ in range(60):
        side = rng.choice(["client", "server"])
        kind = rng.random()
        if kind < 0.45:
            size = rng.randrange(1, 60)
            c.send(side, bytes(size))
            sent[side] += size
            if rng.random() < 0.1:
                c.lose()
        elif kind < 0.55 and sent[side] > 20:
            at = rng.randrange(0, sent[side] - 10)
            c.send(side, bytes(min(10, sent[side] - at)), at=at)
        else:
            other = "server" if side == "client" else "client"
            upto = sent[other] if rng.random() < 0.7 else rng.randrange(0, sent[other] + 1)
            c.ack(side, upto)
    if rng.random() < 0.5:
        c.close()
    time = 1_700_000_000 * 10**9
    for frame in c.frames:
        time += rng.randrange(1, 20 * MS)
        frame.time = time
    return c


def axes() -> Any:
    """Axes of a small figure, which is drawn quickly."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3), dpi=40)
    FigureCanvasAgg(figure)
    return figure.subplots()


def texts(ax: Any, *, drawn: bool = False) -> str:
    """All words of the figure of these axes; numbers along the axes only when it was drawn."""
    from matplotlib.text import Text

    if drawn:
        ax.figure.canvas.draw()
    return "\n".join(t.get_text() for t in ax.figure.findobj(Text))


def legend(ax: Any) -> list[str]:
    found = ax.get_legend()
    return [] if found is None else [t.get_text() for t in found.get_texts()]
