"""``--shell``: IPython with the flows in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpflow_scapy.cli.messages import plural
from tcpflow_scapy.render.escape import one_line

if TYPE_CHECKING:
    from tcpflow_scapy.flows.table import FlowTable


def banner(flows: FlowTable) -> str:
    """What is loaded, and three things to try."""
    capture = flows.capture
    names = one_line(", ".join(capture.paths))
    lines = [
        f"flows: {plural(len(flows), 'flow')} from {plural(capture.frames, 'frame')} of {names}",
        "",
        "  flows                      the table; flows.df for pandas",
        '  flows.query("gaps > 0")    fewer flows; .export("out/")',
        "  %follow 0                  what was said in flow 0",
        "",
    ]
    return "\n".join(lines)


def open_shell(flows: FlowTable) -> None:
    """Open IPython; return when it is left."""
    from IPython.terminal.ipapp import TerminalIPythonApp
    from traitlets.config import Config

    import tcpflow_scapy
    from tcpflow_scapy import reassemble

    config = Config()
    config.TerminalInteractiveShell.banner1 = banner(flows)
    config.TerminalInteractiveShell.display_page = False
    names = {"flows": flows, "reassemble": reassemble, "tcpflow_scapy": tcpflow_scapy}
    app = TerminalIPythonApp.instance(user_ns=names, config=config)
    # Not start_ipython(): it would read this process's own command line once more.
    app.initialize(argv=[])
    app.shell.extension_manager.load_extension("tcpflow_scapy")
    app.start()
