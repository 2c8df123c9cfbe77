"""Verbs that later stages give to earlier objects.

`FlowTable.export` lives in `export`, which knows flows; flows must not know export. So the method asks this
table for the function by name, and the module is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

VERBS: dict[str, str] = {
    "export_flows": "tcpflow_scapy.export.files:export_flows",
    "to_parquet": "tcpflow_scapy.export.tables:to_parquet",
    "to_csv": "tcpflow_scapy.export.tables:to_csv",
    "to_json": "tcpflow_scapy.export.tables:to_json",
    "to_dfxml": "tcpflow_scapy.export.dfxml:to_dfxml",
    "to_pcap": "tcpflow_scapy.export.pcap:to_pcap",
    "export_datagrams": "tcpflow_scapy.export.datagrams:export_datagrams",
    "split_captures": "tcpflow_scapy.export.split:split_captures",
    "unused_frames": "tcpflow_scapy.export.split:unused_frames",
    "export_http_bodies": "tcpflow_scapy.export.http_objects:export_http_bodies",
    "http_exchanges": "tcpflow_scapy.protocols.http:http_exchanges",
    "search_bodies": "tcpflow_scapy.protocols.http_search:search_bodies",
    "http_frame": "tcpflow_scapy.protocols.http:http_frame",
    "guess_services": "tcpflow_scapy.protocols.service:guess_services",
    "file_name": "tcpflow_scapy.export.names:stream_name",
    "check_target": "tcpflow_scapy.export.whole_file:check_target",
    "write_whole": "tcpflow_scapy.export.whole_file:write_whole",
    "plots_of_flows": "tcpflow_scapy.plot.accessor:plots_of_flows",
    "plots_of_flow": "tcpflow_scapy.plot.accessor:plots_of_flow",
    "report": "tcpflow_scapy.plot.report:report",
    "browse": "tcpflow_scapy.notebook.browser:browse",
    "report_tables": "tcpflow_scapy.plot.report_tables:report_tables",
}
"""Every verb: where its function is."""


def verb(name: str) -> Callable[..., Any]:
    """The function behind a verb."""
    module, _, attribute = VERBS[name].partition(":")
    function: Callable[..., Any] = getattr(import_module(module), attribute)
    return function
