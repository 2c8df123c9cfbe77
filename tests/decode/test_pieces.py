from __future__ import annotations

import numpy as np

from tcpflow_scapy.decode.pieces import COUNTED, COUNTED_FROM_END, Kind, kinds, tagged, untagged
from tcpflow_scapy.decode.tables import FRAGMENTED


def test_a_kind_stands_above_every_address() -> None:
    source = np.array([0, 1, (1 << 48) - 1, (1 << 33) + 5], np.uint64)
    for kind in Kind:
        marked = tagged(kind, source)
        assert kinds(marked).tolist() == [kind] * len(source)
        assert untagged(marked).tolist() == source.tolist()
    mixed = tagged(np.array([0, 1, 3, 5]), source)
    assert kinds(mixed).tolist() == [0, 1, 3, 5]


def test_kinds_put_together_by_offset_go_on_somewhere() -> None:
    assert {*COUNTED, *COUNTED_FROM_END, Kind.CAPWAP, Kind.CAPWAP_NATIVE} <= set(FRAGMENTED)
    assert not set(COUNTED) & set(COUNTED_FROM_END)
