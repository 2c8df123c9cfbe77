"""What a picture must offer, and the libraries that draw it.

A picture is a module with two functions of the same options:

- ``table(subject, *, ...) -> DataFrame``: its numbers, complete;
- ``scene(subject, *, ...) -> Scene``: what of them is shown, and how.

`subject` is a `FlowTable` or a `Flow`. The docstring of ``scene`` is the picture's documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Picture:
    """An entry of `PLOTS`."""

    name: str
    """of the picture, and of its module in this package"""
    of: Literal["flows", "flow"]
    """whose picture it is: ``flows.plot.<name>()`` or ``flow.plot.<name>()``"""
    summary: str

    @property
    def module(self) -> Any:
        """The module with ``table`` and ``scene``."""
        return import_module(f"tcpflow_scapy.plot.{self.name}")


def need(module: str, what: str) -> Any:
    """A module of the plot extra.

    Raises
    ------
    ImportError
        If it is not installed; the text says how to get it.
    """
    library = module.partition(".")[0]
    try:
        return import_module(module)
    except ImportError as error:
        # A library that is there and broken says so itself.
        if getattr(error, "name", None) not in (library, module):
            raise
        text = f"{what} need {library}, which is not installed: pip install 'tcpflow-scapy[plot]'"
        raise ImportError(text, name=library) from error
