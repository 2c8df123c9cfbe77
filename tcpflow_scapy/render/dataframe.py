"""DataFrames in a notebook: a dollar sign from the wire is not mathematics.

Notebooks typeset what stands between dollar signs in HTML, DataFrames included: a sender could rewrite or
hide what a table shows. Our own HTML says that it is not to be typeset; for DataFrames the shell gets a
formatter that says so. Options of pandas are left alone, and so is a formatter that is already there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

NOT_TYPESET = "tex2jax_ignore mathjax_ignore"
"""classes whose elements MathJax passes over: those of its version 2, and of later ones"""
_NAME = ("pandas", "DataFrame")


def frame_html(frame: pd.DataFrame) -> str | None:
    """What pandas makes of a DataFrame, not to be typeset; None if its options say that there is no HTML."""
    made = frame._repr_html_()  # type: ignore[operator]
    return None if made is None else f'<div class="{NOT_TYPESET}">{made}</div>'


def keep_dollars() -> None:
    """Let the shell of IPython, if one runs, show DataFrames with `frame_html`."""
    shell: Any = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    formatters = getattr(getattr(shell, "display_formatter", None), "formatters", {})
    formatter = formatters.get("text/html")
    if formatter is not None and ".".join(_NAME) not in formatter:
        formatter.for_type_by_name(*_NAME, frame_html)
