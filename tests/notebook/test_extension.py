"""Loading and unloading."""

from __future__ import annotations

from tests.notebook.conftest import Prompt


def test_unloading_leaves_nothing(bare: Prompt) -> None:
    # By name: IPython replaces its own, lazy magics when they are first used.
    lines = set(bare.shell.magics_manager.magics["line"])
    cells = set(bare.shell.magics_manager.magics["cell"])
    bare("%load_ext tcpflow_scapy")
    assert bare.shell.find_line_magic("follow") is not None
    bare("%unload_ext tcpflow_scapy")
    assert bare.shell.magics_manager.magics["line"].keys() == lines
    assert bare.shell.magics_manager.magics["cell"].keys() == cells
    assert not [m for m in bare.shell.Completer.custom_matchers if "tcpflow" in repr(m)]
    assert bare.tab("%follow --") == []


def test_names_of_others_come_back(bare: Prompt) -> None:
    def search(line: str) -> str:
        return line

    bare.shell.register_magic_function(search, "line", "search")
    bare("%load_ext tcpflow_scapy")
    assert bare.shell.find_line_magic("search") is not search
    bare("%unload_ext tcpflow_scapy")
    assert bare.shell.find_line_magic("search") is search


def test_loading_twice_is_loading_once(prompt: Prompt) -> None:
    prompt("%reload_ext tcpflow_scapy")
    import tcpflow_scapy

    tcpflow_scapy.load_ipython_extension(prompt.shell)
    assert len(prompt.shell.Completer.custom_matchers) == 1
    tcpflow_scapy.unload_ipython_extension(prompt.shell)
    tcpflow_scapy.unload_ipython_extension(prompt.shell)
    assert not prompt.shell.Completer.custom_matchers
