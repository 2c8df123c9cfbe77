"""Pictures without a screen."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def no_figure_is_left() -> Iterator[None]:
    """Close what a test has drawn."""
    yield
    from matplotlib import pyplot

    pyplot.close("all")
