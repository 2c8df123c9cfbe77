"""Sizes: everything is counted once, in the interval that holds it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.plot.talks import axes, several

FLOWS = several(6)


@pytest.mark.parametrize("of", ["frames", "payloads", "flows"])
def test_counts_by_hand(of: str) -> None:
    data = FLOWS.plot.sizes.data(of=of)
    packets = FLOWS.packets
    if of == "frames":
        values = FLOWS._evidence.frames.wirelen[packets["frame"].to_numpy() - 1].astype(int)
        side = packets["direction"].to_numpy()
    elif of == "payloads":
        full = packets[packets["wire_length"] > 0]
        values, side = full["wire_length"].to_numpy(), full["direction"].to_numpy()
    else:
        values = FLOWS.df[["client_bytes", "server_bytes"]].to_numpy().reshape(-1)
        side = np.array(["client", "server"] * len(FLOWS))
    for row in data.itertuples():
        inside = (values >= row.low) & (values < row.high)
        assert row.client == (inside & (side == "client")).sum()
        assert row.server == (inside & (side == "server")).sum()
    assert data["client"].sum() + data["server"].sum() == len(values)


def test_intervals_touch_and_grow() -> None:
    data = FLOWS.plot.sizes.data()
    assert data["low"].iloc[0] == 0
    assert (data["low"].iloc[1:].to_numpy() == data["high"].iloc[:-1].to_numpy()).all()
    width = (data["high"] - data["low"]).to_numpy()
    assert (width > 0).all()
    assert width[-1] > width[0]


def test_empty_ends_are_not_drawn() -> None:
    ax = FLOWS.plot.sizes(ax=axes())
    assert ax.get_xlim()[0] > 16
    assert ax.get_xscale() == "log"
    assert ax.get_ylabel() == "frames"


def test_an_unknown_subject_is_refused() -> None:
    with pytest.raises(ValueError, match="frames, payloads, flows"):
        FLOWS.plot.sizes(of="dreams")
