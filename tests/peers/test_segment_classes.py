"""What each segment was, as the installed tshark's TCP analysis sees it."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from tcpflow_scapy import reassemble
from tests.helpers.traffic import ACK, FIN, SYN, Capture, Conversation

from .programs import SAMPLES, require, run

pytestmark = pytest.mark.peer

WORDS = {
    "keep_alive": "keep_alive",
    "out_of_order": "out_of_order",
    "retransmission": "retransmission",
    "fast_retransmission": "retransmission",
    "spurious_retransmission": "retransmission",
}
"""What tshark says, first come first, and our word for it."""

OTHERS: dict[str, Counter[tuple[str, str]]] = {
    "injected_redirect.pcap": Counter({("partial_overlap", "retransmission"): 1}),
    "loss_reordering.pcap": Counter({("retransmission", "out_of_order"): 6}),
    "sequence_wrap.pcap": Counter({("retransmission", "out_of_order"): 1}),
}
"""Samples in which we differ: a word that tshark has not; bytes seen before, or sent later by the sender's
clock, which tshark does not ask."""

LEFT_OUT = ("mem.pcap", "ip_fragments.pcap")
"""Shuffled, without a clock; a datagram that is counted with another of its fragments."""

MS = 10**6
RTT = 10 * MS


def analysed(path: Path) -> dict[int, str]:
    """tshark's word for each TCP frame."""
    fields = [x for name in WORDS for x in ("-e", f"tcp.analysis.{name}")]
    told = run(require("tshark"), "-r", path, "-Y", "tcp", "-T", "fields", "-e", "frame.number", *fields)
    found = {}
    for line in told.splitlines():
        number, *flags = line.split("\t")
        found[int(number)] = next(
            (word for word, flag in zip(WORDS.values(), flags, strict=True) if flag), "plain"
        )
    return found


def differences(path: Path) -> Counter[tuple[str, str]]:
    """(ours, tshark's) where the words differ."""
    theirs = analysed(path)
    packets = reassemble(path, progress=False).packets
    ours = dict(zip(packets["frame"].tolist(), packets["class"].tolist(), strict=True))
    words = {frame: word if word in WORDS.values() else "plain" for frame, word in ours.items()}
    return Counter((ours[f], theirs[f]) for f in ours if words[f] != theirs[f])


def transfer(seed: int) -> Capture:
    """Windows of four segments before the tap lose and overtake some; the sender waits, and sends again."""
    rng = random.Random(seed)
    c = Conversation(isn=rng.randrange(1 << 32), server_isn=rng.randrange(1 << 32))
    now = 1_700_000_000 * 10**9

    def say(
        side: str, data: bytes = b"", flags: int | None = None, at: int | None = None, wait: int = 0
    ) -> None:
        nonlocal now
        now += wait
        c.send(side, data, flags, at=at).time = now

    for _ in range(rng.choice((1, 1, 2))):
        say("client", flags=SYN, wait=1000 * MS)
    say("server", flags=SYN | ACK, wait=RTT)
    say("client", wait=MS // 10)
    sent = 0
    for _ in range(rng.randrange(1, 5)):
        places = [sent + 10 * i for i in range(4)]
        sent += 40
        lost = {at for at in places[:-1] if rng.random() < 0.25}
        seen = [at for at in places if at not in lost]
        if rng.random() < 0.3 and len(seen) > 1:
            i = rng.randrange(len(seen) - 1)
            seen[i], seen[i + 1] = seen[i + 1], seen[i]
        for at in seen:
            say("client", bytes(10), at=at, wait=MS // 10)
        again = lost | {at for at in seen if rng.random() < 0.15}
        for n, at in enumerate(sorted(again)):
            say("client", bytes(10), at=at, wait=5 * RTT if n == 0 else MS // 10)
        say("server", wait=RTT)
    if rng.random() < 0.3:
        say("client", b"\0", at=sent - 1, wait=1000 * MS)
        say("server", wait=RTT)
    for _ in range(rng.choice((1, 2))):
        say("client", flags=FIN | ACK, at=sent, wait=5 * RTT)
    say("server", flags=FIN | ACK, wait=RTT)
    say("client", wait=MS)
    return Capture(c)


@pytest.mark.parametrize("seed", range(40))
def test_transfers_with_losses_before_the_tap(seed: int, tmp_path: Path) -> None:
    path = transfer(seed).write(tmp_path / "x.pcap", ns=True)
    assert differences(path) == Counter()


@pytest.mark.parametrize("path", [p for p in SAMPLES if p.name not in LEFT_OUT], ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    assert differences(path) == OTHERS.get(path.name, Counter())
