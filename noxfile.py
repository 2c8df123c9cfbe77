"""`nox` runs the tests on every CPython that is here, but for those in a browser and of the documentation."""

from __future__ import annotations

import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent))

from tools.pythons import ARGUMENTS, find

nox.options.reuse_existing_virtualenvs = True


@nox.session
@nox.parametrize("python", [nox.param(found.path, id=str(found)) for found in find().values()])
def tests(session: nox.Session) -> None:
    """All tests of one Python; arguments behind ``--`` are pytest's."""
    session.install("--editable", ".[test]")
    session.run("python", "-m", "pytest", *ARGUMENTS, *(session.posargs or ["-n", "2"]))
