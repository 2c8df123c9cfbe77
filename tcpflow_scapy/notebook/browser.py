"""`FlowTable.browse`: a table of flows to sort, filter, mark and look into, in a notebook.

Built of ipywidgets and of itables' `ITable`, which come with everything they need: nothing is loaded from the
network. The kernel filters, sorts and pages; the page gets a screenful of rows at a time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from tcpflow_scapy.notebook.arguments import BadArguments
from tcpflow_scapy.notebook.details import VIEWS, note, view_html
from tcpflow_scapy.notebook.flow_view import ACCEPTED, NUMBER, SORTABLE, FlowView
from tcpflow_scapy.render.escape import one_line, safe_html

if TYPE_CHECKING:
    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.table import FlowTable

PAGE_ROWS = 15
_NUMBERS = [1, 4, 5, 6, 7, 9]
"""places of the columns that are set to the right"""
_TABLE: dict[str, Any] = {
    "select": True,
    "maxBytes": 0,
    "showIndex": False,
    "columnDefs": [{"targets": _NUMBERS, "className": "dt-right"}],
    "layout": {"topStart": None, "topEnd": None, "bottomStart": None, "bottomEnd": None},
    "paging": False,
    "ordering": False,
}
"""Every time the table is drawn: no controls of its own, which would search and sort one page of many."""


def browse(flows: FlowTable, *, rows: int = PAGE_ROWS) -> FlowBrowser:
    """The browser of a table of flows.

    Parameters
    ----------
    flows : FlowTable
    rows : int
        Flows on one page.

    Raises
    ------
    ImportError
        Without the ``notebook`` extra.
    """
    return FlowBrowser(flows, rows=rows)


def _need(module: str) -> Any:
    library = module.partition(".")[0]
    try:
        return import_module(module)
    except ImportError as error:
        text = (
            f"the flow browser needs {library}, which is not installed: pip install 'tcpflow-scapy[notebook]'"
        )
        raise ImportError(text, name=library) from error


class FlowBrowser:
    """Shows itself in a notebook; `marked`, `selected` and `shown` give flows back.

    Parameters
    ----------
    flows : FlowTable
    rows : int
        Flows on one page.
    """

    def __init__(self, flows: FlowTable, *, rows: int = PAGE_ROWS) -> None:
        if rows < 1:
            raise ValueError("a page has at least one row")
        self._widgets = _need("ipywidgets")
        itable = _need("itables.widget").ITable
        self.view = FlowView(flows, _variables())
        self._page_rows = rows
        self._page = 0
        self._positions = np.empty(0, np.int64)
        self._refreshing = False
        self._build(itable)
        self._refresh()
        self._connect()
        self._show_flow()

    # -- what comes back ----------------------------------------------------------------------------

    @property
    def marked(self) -> FlowTable:
        """The flows that were marked, in the order of the table."""
        return self.view.marked

    @property
    def selected(self) -> FlowTable:
        """The flows that are selected on the page."""
        return self.view.table(self._selected())

    @property
    def shown(self) -> FlowTable:
        """All flows that pass the filter, in the order shown, on all pages."""
        return self.view.table(self.view.rows)

    @property
    def flow(self) -> Flow | None:
        """The flow that is looked into: the first of the selected ones."""
        chosen = self._selected()
        return self.view.flows[int(chosen[0])] if len(chosen) else None

    def _selected(self) -> Any:
        rows = [row for row in self.table.selected_rows if 0 <= row < len(self._positions)]
        return self._positions[rows]

    # -- parts --------------------------------------------------------------------------------------

    def _build(self, itable: Any) -> None:
        w = self._widgets
        narrow = {"width": "auto"}
        close = {"description_width": "initial"}
        self.filter = w.Text(
            description="filter",
            placeholder="443   10.0.0.0/8   missing_bytes > 0",
            tooltip=ACCEPTED,
            continuous_update=False,
            layout={"flex": "1 1 16em"},
            style=close,
        )
        self.sort_by = w.Dropdown(
            options=SORTABLE, value=NUMBER, description="sort by", layout=narrow, style=close
        )
        self.descending = w.Checkbox(description="descending", indent=False, layout=narrow)
        self.only_marked = w.Checkbox(description="marked only", indent=False, layout=narrow)
        self.table = itable(
            self.view.page(0, self._page_rows)[1],
            classes="display compact nowrap",
            style="width:100%;table-layout:auto",
            **_TABLE,
        )
        self.previous = w.Button(description="◀ previous", layout=narrow, tooltip="previous page")
        self.next = w.Button(description="next ▶", layout=narrow, tooltip="next page")
        self.page = w.BoundedIntText(
            value=1, min=1, max=1, description="page", layout={"width": "8em"}, style=close
        )
        self.status = w.HTML()
        self.mark = w.Button(description="mark", layout=narrow, tooltip="mark the selected flows")
        self.unmark = w.Button(description="unmark", layout=narrow, tooltip="unmark the selected flows")
        self.mark_all = w.Button(
            description="mark all shown", layout=narrow, tooltip="mark every flow that passes the filter"
        )
        self.unmark_all = w.Button(description="unmark all", layout=narrow)
        self.folder = w.Text(
            value="flows-out", description="folder", layout={"flex": "1 1 12em"}, style=close
        )
        self.export = w.Button(
            description="export", layout=narrow, tooltip="write the marked flows, or else the selected ones"
        )
        self.message = w.HTML()
        self.heading = w.HTML()
        self._views = [w.HTML() for _ in VIEWS]
        self.tabs = w.Tab(children=self._views, titles=[title for title, _ in VIEWS], selected_index=0)
        self._drawn: tuple[int, int] | None = None
        self._arrange()

    def _arrange(self) -> None:
        w = self._widgets
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        left = w.VBox(
            [
                w.HBox([self.filter, self.sort_by, self.descending, self.only_marked], layout=wrap),
                w.Box([self.table], layout={"overflow": "auto", "display": "block"}),
                w.HBox([self.previous, self.page, self.next, self.status], layout=wrap),
                w.HBox([self.mark, self.unmark, self.mark_all, self.unmark_all], layout=wrap),
                w.HBox([self.folder, self.export], layout=wrap),
                self.message,
            ],
            layout={"flex": "1 1 38em", "min_width": "0"},
        )
        right = w.VBox(
            [self.heading, self.tabs], layout={"flex": "1 1 34em", "min_width": "0", "margin": "0 0 0 1em"}
        )
        self.box = w.Box([left, right], layout={"display": "flex", "flex_flow": "row wrap", "width": "100%"})

    def _connect(self) -> None:
        for control in (self.filter, self.sort_by, self.descending, self.only_marked):
            control.observe(self._on_choice, names="value")
        self.page.observe(self._on_page, names="value")
        self.previous.on_click(lambda _: self._turn(-1))
        self.next.on_click(lambda _: self._turn(1))
        self.table.observe(self._on_select, names="selected_rows")
        self.tabs.observe(lambda _: self._show_flow(), names="selected_index")
        self.mark.on_click(lambda _: self._mark(self._selected(), True))
        self.unmark.on_click(lambda _: self._mark(self._selected(), False))
        self.mark_all.on_click(lambda _: self._mark(self.view.rows, True))
        self.unmark_all.on_click(lambda _: self._mark(np.arange(len(self.view.flows)), False))
        self.export.on_click(lambda _: self._export())

    # -- reactions ----------------------------------------------------------------------------------

    def _on_choice(self, _: Any) -> None:
        try:
            self.view.filter(self.filter.value)
            self.view.sort(self.sort_by.value, ascending=not self.descending.value)
            self.view.only_marked(self.only_marked.value)
        except BadArguments as error:
            self._say(str(error))
            return
        self._say("")
        self._page = 0
        self._refresh()
        self._show_flow()

    def _on_page(self, change: Any) -> None:
        if not self._refreshing:
            self._page = int(change["new"]) - 1
            self._refresh()
            self._show_flow()

    def _turn(self, step: int) -> None:
        self.page.value = min(max(self.page.value + step, 1), self.page.max)

    def _on_select(self, _: Any) -> None:
        if not self._refreshing:
            self._show_flow()

    def _mark(self, positions: Any, on: bool) -> None:
        self.view.mark(positions, on)
        self._refresh(keep=True)
        if not len(positions):
            self._say("nothing is selected: click a row; with Ctrl or Shift, several")

    def _export(self) -> None:
        flows = self.marked if len(self.marked) else self.selected
        if not len(flows):
            self._say("nothing is marked or selected")
            return
        try:
            table = flows.export(self.folder.value)
        except Exception as error:  # a full disk or a bad folder is for the reader, not for the log
            self._say(f"not exported: {error}")
            return
        files, number = len(table), len(flows)
        self._say(f"{files:,} files of {number:,} flow{'s' * (number != 1)} are in {self.folder.value}")

    def _say(self, text: str) -> None:
        self.message.value = note(text) if text else ""

    # -- drawing ------------------------------------------------------------------------------------

    def _refresh(self, *, keep: bool = False) -> None:
        """Draw the page; `keep` keeps its selection."""
        total = len(self.view)
        pages = max(-(-total // self._page_rows), 1)
        self._page = min(max(self._page, 0), pages - 1)
        chosen = set(self._selected().tolist()) if keep else set()
        self._positions, look = self.view.page(self._page, self._page_rows)
        rows = [i for i, at in enumerate(self._positions.tolist()) if at in chosen]
        self._refreshing = True
        try:
            self.table.update(look, selected_rows=rows, **_TABLE)
            self.page.max, self.page.value = pages, self._page + 1
        finally:
            self._refreshing = False
        self.previous.disabled, self.next.disabled = self._page == 0, self._page + 1 >= pages
        first = self._page * self._page_rows
        text = f"{first + 1:,} to {first + len(look):,} of {total:,} flows" if total else "no flows"
        if total < len(self.view.flows):
            text += f" (of {len(self.view.flows):,} in all)"
        marked = int(self.view.marks.sum())
        self.status.value = safe_html(f"{text}, {marked:,} marked")

    def _show_flow(self) -> None:
        """Draw the open tab for the flow that is looked into."""
        flow, tab = self.flow, self.tabs.selected_index or 0
        wanted = (-1 if flow is None else flow.id, tab)
        if wanted == self._drawn:
            return
        self._drawn = wanted
        if flow is None:
            self.heading.value = note("Select a flow to look into it.")
            self._views[tab].value = ""
            return
        self.heading.value = f"<b>Flow {flow.id}</b> {safe_html(flow.key)}"
        self._views[tab].value = view_html(tab, flow)

    # -- looks --------------------------------------------------------------------------------------

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = self.box._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data:
            data["text/plain"] = repr(self)
        return bundle

    def __repr__(self) -> str:
        shown, total = len(self.view), len(self.view.flows)
        text = f"<FlowBrowser: {shown:,} of {total:,} flows, {int(self.view.marks.sum()):,} marked"
        return one_line(f"{text}; it opens in Jupyter>")


def _variables() -> dict[str, Any]:
    """What the person has defined, for ``@name`` in a filter."""
    import sys

    if "IPython" not in sys.modules:
        return {}
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return {} if shell is None else shell.user_ns
