"""The HTML of tables and cards: one style, one way to put text into elements.

A fragment carries its style, a rich part and a plain-text copy. Where styles are stripped (untrusted
notebooks, mail, some viewers) the rich part stays hidden and the copy shows. Colours come from the
page: inherited, or JupyterLab's variables, so that light and dark themes both work.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from tcpflow_scapy.render.dataframe import NOT_TYPESET
from tcpflow_scapy.render.escape import safe_html

if TYPE_CHECKING:
    from tcpflow_scapy.render.table import Table

_LINE = "var(--jp-border-color2,rgba(128,128,128,.4))"
_SHADE = "var(--jp-rendermime-table-row-background,rgba(128,128,128,.08))"
_PAGE = "var(--jp-layout-color0,var(--vscode-editor-background,Canvas))"
_SIZE = "var(--jp-ui-font-size1,13px)"
# JupyterLab sets every cell of a table to the right, with more classes than ours.
_LEFT, _RIGHT, _MIDDLE = (f"text-align:{side}!important" for side in ("left", "right", "center"))
_CODE = "var(--jp-code-font-family,ui-monospace,monospace)"

STYLE = (
    "<style>"
    ".tfs-plain{display:none}"
    f".tfs{{display:block!important;color:inherit;max-width:100%;font-size:{_SIZE}}}"
    ".tfs table{border-collapse:collapse;border:0;font-size:inherit;margin:.2em 0}"
    ".tfs .tfs-scroll{overflow:auto;max-height:32em}"
    ".tfs caption{text-align:left;font-weight:bold;caption-side:top;color:inherit;padding:.2em 0}"
    f".tfs th{{border-bottom:1px solid {_LINE};font-weight:600;{_LEFT};padding:.2em .7em}}"
    f".tfs td{{{_LEFT};padding:.15em .7em;max-width:36em;overflow:hidden;text-overflow:ellipsis;"
    "white-space:nowrap;font-variant-numeric:tabular-nums}"
    f".tfs thead th{{position:sticky;top:0;background:{_PAGE}}}"
    f".tfs tbody tr:nth-child(even){{background:{_SHADE}}}"
    f".tfs .tfs-r{{{_RIGHT}}}.tfs .tfs-c{{{_MIDDLE}}}"
    ".tfs tfoot td{white-space:normal;max-width:none}"
    ".tfs .tfs-note{opacity:.75;padding:.2em .7em}"
    f".tfs .tfs-title{{font-weight:bold;border-bottom:1px solid {_LINE};padding:.2em 0;margin-bottom:.3em}}"
    ".tfs .tfs-subtitle{opacity:.75;font-weight:normal;margin-left:.7em}"
    ".tfs dl{display:grid;grid-template-columns:max-content auto;gap:.1em 1em;margin:0}"
    ".tfs dt{opacity:.75;font-weight:normal;white-space:nowrap;width:auto!important;margin:0}"
    ".tfs dd{margin:0;overflow-wrap:anywhere}"
    ".tfs summary{cursor:pointer;padding:.2em 0}"
    f".tfs pre{{font-family:{_CODE};font-size:inherit;margin:.2em 0;overflow:auto;max-height:24em;"
    "background:none;color:inherit}"
    "</style>"
)

_CLASSES = {"left": "", "right": ' class="tfs-r"', "center": ' class="tfs-c"'}


def fragment(rich: str, plain: str) -> str:
    """Both copies with the style that chooses between them.

    Parameters
    ----------
    rich : str
        HTML made by this module.
    plain : str
        Safe text, not yet HTML.
    """
    copy = safe_html(plain, newlines=True)
    return (
        f'{STYLE}<pre class="tfs-plain {NOT_TYPESET}">{copy}</pre>'
        f'<div class="tfs {NOT_TYPESET}" style="display:none">{rich}</div>'
    )


def table_element(table: Table) -> str:
    """A table with caption, head, body and a foot that says what is not shown."""
    heads = "".join(
        f'<th scope="col"{_CLASSES[c.align]}{_tooltip(c.help)}>{safe_html(c.heading)}</th>'
        for c in table.columns
    )
    columns = [
        [f"<td{_CLASSES[c.align]}>{text}</td>" for text in escape_all(cells)]
        for c, cells in zip(table.columns, table.cells(), strict=True)
    ]
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in zip(*columns, strict=True))
    footer = table.footer()
    foot = ""
    if footer:
        cell = f'<td class="tfs-note" colspan="{len(table.columns)}">{safe_html(footer)}</td>'
        foot = f"<tfoot><tr>{cell}</tr></tfoot>"
    caption = f"<caption>{safe_html(table.title)}</caption>" if table.title else ""
    return (
        f'<div class="tfs-scroll"><table>{caption}<thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody>{foot}</table></div>"
    )


def _tooltip(text: str) -> str:
    return f' title="{safe_html(text)}"' if text else ""


def escape_all(texts: list[str]) -> list[str]:
    """HTML escapes for many safe texts at once: they hold no NUL, so NUL can separate them."""
    return html.escape("\0".join(texts), quote=True).split("\0") if texts else []
