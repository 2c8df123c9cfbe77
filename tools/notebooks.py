"""Run the notebooks, once: tests run them, and the documentation shows what came out.

python tools/notebooks.py            # run those whose outputs are out of date
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXECUTED = ROOT / "docs" / "_build" / "executed"
"""where notebooks with outputs are kept"""
TIMEOUT = 180
"""seconds for a cell, on a busy machine"""


class NotHere(Exception):
    """What a notebook says where it cannot go on: a right is missing, for example."""


@cache
def surroundings() -> str:
    """Hash of all that a notebook's outputs depend on, but for the notebook."""
    digest = hashlib.sha256(sys.version.encode())
    for folder, pattern in (("tcpflow_scapy", "*.py"), ("sample_pcaps", "*.pcap*")):
        for path in sorted((ROOT / folder).rglob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def kept(path: Path) -> Path:
    """Where the outputs of a notebook are kept: another place whenever they would be others."""
    mark = hashlib.sha256(surroundings().encode() + path.read_bytes()).hexdigest()[:16]
    return EXECUTED / f"{path.stem}-{mark}.ipynb"


def run(path: Path) -> Any:
    """Run a notebook from top to bottom, and keep it with its outputs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    NotHere
        If it ends itself with `SystemExit`; it is kept as far as it came.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook: Any = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    excuse = ""
    with tempfile.TemporaryDirectory() as scratch:
        environment = {
            **os.environ,
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "IPYTHONDIR": scratch,
            "TMPDIR": scratch,
        }
        client = NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3", resources=place)
        try:
            client.execute(env=environment)
        except CellExecutionError as error:
            if error.ename != "SystemExit":
                raise
            excuse = error.evalue
    target = kept(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    for old in target.parent.glob(f"{path.stem}-*.ipynb"):
        old.unlink(missing_ok=True)
    # Under its own name only when it is whole: tests run side by side with the documentation.
    unfinished = target.with_suffix(f".{os.getpid()}")
    nbformat.write(notebook, unfinished)
    unfinished.replace(target)
    if excuse:
        raise NotHere(f"{path.name}: {excuse}")
    return notebook


def outputs(path: Path) -> Any:
    """A notebook with its outputs, run now only if nobody ran it since something changed."""
    import nbformat

    if not kept(path).exists():
        with suppress(NotHere):
            run(path)
    return nbformat.read(kept(path), as_version=4)


if __name__ == "__main__":
    for each in NOTEBOOKS:
        print(each.name, flush=True)
        outputs(each)
