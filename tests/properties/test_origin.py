"""Every byte handed out is the byte that lies where `Stream.at` says, in the frame it says."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from tcpflow_scapy import reassemble
from tests.helpers.traffic import Capture, Conversation

from .effort import kin, law
from .scripts import captures, contradicting
from .view import pairs, runs


def check(capture: Capture, format: str) -> None:
    blob = capture.to_bytes(format, ns=True)
    flows = reassemble(io.BytesIO(blob), progress=False)
    for ours, theirs, _ in pairs(flows, capture):
        for start, data in runs(ours):
            for index, value in enumerate(data):
                origin = ours.at(start + index)
                assert blob[origin.offset] == value
                assert origin.frame in theirs.sources(start + index)
                assert origin.time.value == capture[origin.frame - 1].time


@law
@given(captures(most=2), st.sampled_from(["pcap", "pcapng"]))
def test_of_consistent_traffic(capture: Capture, format: str) -> None:
    check(capture, format)


@kin
@given(contradicting(), st.sampled_from(["pcap", "pcapng"]))
def test_of_contradicting_traffic(conversation: Conversation, format: str) -> None:
    check(Capture(conversation), format)
