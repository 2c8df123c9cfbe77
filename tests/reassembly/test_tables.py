"""The words that people read are part of the contract."""

from __future__ import annotations

from tcpflow_scapy.reassembly.tables import ClientEvidence, GapCause, SegmentClass


def test_segment_classes() -> None:
    assert [c.label for c in SegmentClass] == [
        "ack",
        "syn",
        "fin",
        "rst",
        "new",
        "retransmission",
        "partial_overlap",
        "out_of_order",
        "keep_alive",
        "zero_window_probe",
        "rst_payload",
        "before_start",
        "after_fin",
        "bad_checksum",
        "ack_of_unseen",
        "out_of_window",
    ]


def test_gap_causes() -> None:
    assert [c.label for c in GapCause] == [
        "truncated",
        "not_captured",
        "not_acknowledged",
        "fragment_missing",
    ]


def test_client_evidence() -> None:
    assert [e.label for e in ClientEvidence] == ["syn", "syn_ack", "port", "first_packet"]


def test_codes_count_from_zero() -> None:
    """Categories are made from codes."""
    for kind in (SegmentClass, GapCause, ClientEvidence):
        assert [int(member) for member in kind] == list(range(len(kind)))
