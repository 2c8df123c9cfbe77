"""Limits hold together."""

from __future__ import annotations

from tcpflow_scapy.capture import limits


def test_limits_hold_together() -> None:
    assert limits.USUAL_FRAME < limits.BATCH_BYTES < limits.MAX_FRAME
    assert limits.MAX_NESTING == 2
    assert 100 <= limits.MAX_EXPANSION < 1032
    assert all(value > 0 for name, value in vars(limits).items() if name.isupper())
