"""Importing everything before rights are given up: who captures as root often runs an interpreter, or an
environment in a home folder, that the user it becomes may not read.
"""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec

PACKAGE = "tcpflow_scapy"

EXTRAS = ("IPython", "ipywidgets", "itables", "matplotlib", "plotly", "traitlets")
"""For pictures and notebooks, neither of which is made by who gives up rights; large."""

OTHERS = ("pyarrow.pandas_compat", "pyarrow.vendored.version")
"""What pandas imports when it is used, where that is installed."""

SKIPPED = (f"{PACKAGE}.__main__", f"{PACKAGE}.notebook", f"{PACKAGE}.plot")


def preload() -> None:
    """Import all modules of this package, and what they import inside of functions."""
    for name in OTHERS:
        with suppress(ImportError):
            import_module(name)
    for name in _modules():
        with suppress(ImportError):
            import_module(name)
        for wanted in _lazy_imports(name):
            if wanted.split(".")[0] not in EXTRAS:
                with suppress(ImportError):
                    import_module(wanted)


def _modules() -> Iterator[str]:
    package = import_module(PACKAGE)
    for found in pkgutil.walk_packages(package.__path__, f"{PACKAGE}."):
        if not found.name.startswith(SKIPPED):
            yield found.name


def _lazy_imports(name: str) -> Iterator[str]:
    """Modules that are imported in functions of a module."""
    spec = find_spec(name)
    source = getattr(spec.loader, "get_source", lambda name: None)(name) if spec else None
    if source is None:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            # A name may be a module of its own.
            yield from (f"{node.module}.{each.name}" for each in node.names if each.name.islower())
