"""What stands between dollar signs in a DataFrame is not typeset."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tcpflow_scapy import reassemble
from tests.notebook.conftest import Prompt, bare  # noqa: F401

WRAPPED = '<div class="tex2jax_ignore mathjax_ignore">'


def html(prompt: Prompt, thing: Any) -> Any:
    return prompt.shell.display_formatter.format(thing)[0].get("text/html")


def test_tables_are_not_typeset_from_the_first_capture_on(
    bare: Prompt,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    sample_pcaps: Any,
) -> None:
    monkeypatch.setattr("IPython.get_ipython", lambda: bare.shell)
    frame = pd.DataFrame({"url": ["$x^2$ <b>"]})
    assert "ignore" not in html(bare, frame)
    flows = reassemble(sample_pcaps / "http_ipv4.pcap")
    for table in (frame, flows.http, flows.http.groupby("status").size().to_frame("n"), flows[0].http):
        assert "mathjax_ignore" in html(bare, table)
    assert html(bare, frame) == f"{WRAPPED}{frame._repr_html_()}</div>"  # type: ignore[operator]
    assert pd.get_option("display.html.use_mathjax")
    with pd.option_context("display.notebook_repr_html", False):
        assert html(bare, frame) is None


def test_a_formatter_of_ones_own_stays(
    bare: Prompt,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    sample_pcaps: Any,
) -> None:
    monkeypatch.setattr("IPython.get_ipython", lambda: bare.shell)
    formatter = bare.shell.display_formatter.formatters["text/html"]
    formatter.for_type(pd.DataFrame, lambda frame: "mine")
    reassemble(sample_pcaps / "http_ipv4.pcap")
    assert html(bare, pd.DataFrame()) == "mine"


@pytest.mark.parametrize("thing", ["flows", "flow", "stream", "capture", "talk", "table", "datagrams"])
def test_html_of_our_own_says_so_itself(thing: str, sample_pcaps: Any) -> None:
    flows = reassemble(sample_pcaps / "http_ipv4.pcap")
    flow = flows[0]
    things: dict[str, Any] = {
        "flows": flows,
        "flow": flow,
        "stream": flow.client,
        "capture": flows.capture,
        "talk": flow.follow(),
        "table": flow.http,
        "datagrams": flows.datagrams,
    }
    made = things[thing]._repr_html_()
    outer = {"table": "<table", "talk": "<pre"}.get(thing, "<div")
    start = made.index(outer)
    assert "mathjax_ignore" in made[start : made.index(">", start)]
