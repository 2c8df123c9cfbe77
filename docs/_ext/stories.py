"""What lies outside of docs/ and is part of the site: notebooks, with the outputs of their tests; results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def copy(app: Any) -> None:
    """Put every notebook into the site's source, outputs included."""
    import nbformat

    sys.path.insert(0, str(ROOT / "tools"))
    import notebooks

    folder = Path(app.srcdir) / "stories"
    folder.mkdir(exist_ok=True)
    known = {path.name for path in notebooks.NOTEBOOKS}
    for stale in folder.glob("*.ipynb"):
        if stale.name not in known:
            stale.unlink()
    for path in notebooks.NOTEBOOKS:
        notebook = notebooks.outputs(path)
        notebook.metadata["mystnb"] = {"execution_mode": "off"}
        text = nbformat.writes(notebook)
        target = folder / path.name
        if not target.exists() or target.read_text() != text:
            target.write_text(text)


def results(app: Any) -> None:
    """The figures of the last benchmark as a page; its links as they must be here."""
    text = (ROOT / "benchmarks" / "RESULTS.md").read_text()
    text = text.replace("[README.md](README.md)", "`benchmarks/README.md`").replace("](../docs/", "](")
    target = Path(app.srcdir) / "results.md"
    if not target.exists() or target.read_text() != text:
        target.write_text(text)


def relink(app: Any, page: str, source: list[str]) -> None:
    """Links that are right in the repository, made right in the site."""
    source[0] = source[0].replace("](../benchmarks/RESULTS.md)", "](results.md)")


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("builder-inited", copy, priority=100)
    app.connect("builder-inited", results, priority=100)
    app.connect("source-read", relink)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
