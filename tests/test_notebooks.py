"""Every notebook runs from top to bottom; each asserts its own facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import absent
from tools.notebooks import NOTEBOOKS, NotHere, kept, run


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        assert not cell.get("outputs"), f"{path.name}: outputs are stripped before they are committed"
    try:
        run(path)
    except NotHere as reason:
        absent(str(reason))
    # What was made is what the documentation shows.
    shown = nbformat.read(kept(path), as_version=4)
    assert [cell.source for cell in shown.cells] == [cell.source for cell in notebook.cells]
    assert any(cell.get("outputs") for cell in shown.cells)
