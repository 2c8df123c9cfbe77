"""What all views of a capture share."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.packets import Origins
from tests.helpers.answers import flow_of, flows_of
from tests.helpers.traffic import Capture, Conversation, play


def test_selections_share_one_body_of_evidence() -> None:
    flows = flows_of(play("> SYN"), play("> SYN", Conversation("10.0.0.9:9")))
    evidence = flows._evidence
    assert all(part._evidence is evidence for part in (flows[:1], flows[[0]], flows[0], flows[0].client))
    assert flows.df is evidence.summary


def test_the_options_are_kept_with_the_table() -> None:
    flows = flows_of(play("> SYN"), overlap="last", max_gap=77)
    assert flows.df.attrs["overlap"] == "last"
    assert flows.df.attrs["max_gap"] == 77
    assert flows.df.attrs["source"] == flows.capture.paths


def test_addresses_as_text() -> None:
    flow = flow_of(play("> SYN", Conversation("[2001:db8::1]:9", "[fe80::1]:80")))
    assert (flow.client.address, flow.server.address) == ("2001:db8::1", "fe80::1")


def test_times_of_packets() -> None:
    capture = Capture(play("> SYN\n> 'a'"), start=123_456_789_012_345_678, step=7)
    times = flows_of(capture)._evidence.times
    assert times.tolist() == [123_456_789_012_345_678, 123_456_789_012_345_685]


def test_a_place_behind_an_address() -> None:
    evidence = flow_of("> SYN")._evidence
    frame, path, offset = evidence.place(50, 0)
    assert (frame, path, offset) == (1, evidence.store.name(0), 50)


def test_a_place_in_a_reassembled_datagram_is_that_of_the_fragment() -> None:
    evidence = flow_of("> SYN")._evidence
    # Its byte at address 7 came from frame 3, byte 99.
    evidence.origins = Origins(np.array([7]), np.array([1]), np.array([99]), np.array([2]))
    assert evidence.place(7, 0)[::2] == (3, 99)
    assert evidence.place(8, 0)[::2] == (1, 8)
