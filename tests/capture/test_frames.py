"""Frame tables from batches."""

from __future__ import annotations

import numpy as np

from tcpflow_scapy.capture.frames import FrameBatch, FrameTableBuilder


def batch(
    count: int, first: int, *, linktype: int | list[int] = 1, interface: list[int] | None = None
) -> FrameBatch:
    column = np.arange(count, dtype=np.int64) + 10
    types = (
        np.broadcast_to(np.uint16(linktype), (count,))
        if isinstance(linktype, int)
        else np.array(linktype, np.uint16)
    )
    return FrameBatch(
        memory=np.zeros(1000, np.uint8),
        base=1000 * first,
        position=column,
        caplen=column,
        wirelen=column + 1,
        time=column + 2,
        linktype=types,
        first=first,
        interface=None if interface is None else np.array(interface, np.int32),
    )


def build(*batches: FrameBatch):  # type: ignore[no-untyped-def]
    builder = FrameTableBuilder()
    for one in batches:
        builder.append(one, np.full(len(one), 3, np.uint8))
    return builder.build()


def test_columns_are_joined() -> None:
    table = build(batch(3, 0), batch(2, 3))
    assert table.address.tolist() == [10, 11, 12, 3010, 3011]
    assert table.wirelen.tolist() == [11, 12, 13, 11, 12]
    assert table.time.tolist() == [12, 13, 14, 12, 13]
    assert table.reason.tolist() == [3] * 5
    assert table.caplen.dtype == np.uint32
    assert table.interface is None
    assert len(table) == 5


def test_one_link_type_costs_no_memory() -> None:
    assert build(batch(3, 0), batch(2, 3)).linktype.strides == (0,)
    assert build(batch(3, 0), batch(2, 3, linktype=[1, 1])).linktype.strides == (0,)
    mixed = build(batch(3, 0), batch(2, 3, linktype=[1, 113]))
    assert mixed.linktype.tolist() == [1, 1, 1, 1, 113]


def test_a_missing_interface_column_is_interface_zero() -> None:
    table = build(batch(2, 0), batch(2, 2, interface=[1, -1]))
    assert table.interface.tolist() == [0, 0, 1, -1]


def test_no_frames() -> None:
    table = build()
    assert len(table) == 0
    assert table.time.dtype == np.int64
