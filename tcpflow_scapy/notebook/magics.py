"""The magics: ``%flows``, ``%follow``, ``%gaps``, ``%conflicts``, ``%search``, ``%export``, ``%%flows``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from tcpflow_scapy.errors import TcpflowError
from tcpflow_scapy.flows.flow import Flow
from tcpflow_scapy.flows.table import FlowTable
from tcpflow_scapy.notebook.arguments import Arguments, BadArguments, parse_line, whole
from tcpflow_scapy.notebook.loading import load, request
from tcpflow_scapy.render.escape import one_line

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.conversation import Conversation

FOLLOW_OPTIONS = {"hex": False, "all": False, "limit": True, "in": True}
TABLE_OPTIONS = {"in": True}
SEARCH_OPTIONS = {"regex": False, "ignore-case": False, "limit": True, "in": True}
EXPORT_OPTIONS = {"overwrite": False, "in": True}

_LONGEST_ERROR = 500


def _for_people(method: Callable[..., Any]) -> Callable[..., Any]:
    """A magic whose user's mistakes are one line, never a traceback."""

    @wraps(method)
    def run(self: Magics, *arguments: str) -> Any:
        from IPython.core.error import UsageError

        try:
            result = method(self, *arguments)
            # A semicolon behind the magic keeps its result from being shown. IPython can look for it, but it
            # reads the line as Python, which patterns are not.
            return None if arguments[0].rstrip().endswith(";") else result
        except KeyboardInterrupt:
            message = "interrupted; nothing was changed"
        except KeyError as error:
            message = str(error.args[0]) if error.args else "not found"
        except (TcpflowError, OSError, ValueError, ImportError) as error:
            message = str(error)
        raise UsageError(one_line(message, _LONGEST_ERROR)) from None

    return run


def _as_typed(method: Callable[..., Any]) -> Callable[..., Any]:
    """A magic whose line is not searched for ``$variables`` and ``{expressions}``: patterns hold them."""
    method._ipython_magic_no_var_expand = True  # type: ignore[attr-defined]
    return method


class Magics:
    """The magics of one shell.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
    """

    LINES = ("flows", "follow", "gaps", "conflicts", "search", "export")
    CELLS = ("flows",)

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.current = "flows"
        """the variable that ``%flows`` bound last"""

    # -- loading ------------------------------------------------------------------------------------

    @_for_people
    def flows(self, line: str, cell: str = "") -> FlowTable:
        """Read a capture and bind its flows to a variable.

        %flows SOURCE [FILTER ...]    the filter is the rest of the line, in BPF: tcp port 80
            --as NAME                 bind NAME instead of flows
            --overlap POLICY          which version of a byte wins: first, last, linux, windows ...
            --timeout SECONDS         end a flow after so long a silence
            --max-gap BYTES           a longer jump begins a new flow
            --ignore-vlan             VLAN ids do not tell flows apart
            --ignore-encapsulation    tunnels do not, either
            --verify-checksums        leave out segments with a wrong checksum
        %flows                        show what is loaded

        As a cell, with one option a line:

        %%flows
        source: monday.pcap tuesday.pcap
        filter: tcp port 80
        query: missing_bytes > 0
        sort: -bytes
        as: broken
        """
        if not line.strip(" \t;") and not cell.strip():
            return self._table(Arguments())
        asked = request(line, cell)
        flows = load(asked, self.shell.user_ns)
        self.current = asked["as"]
        self.shell.push({self.current: flows})
        return flows

    # -- looking ------------------------------------------------------------------------------------

    @_for_people
    def follow(self, line: str) -> Conversation:
        """Show what was said in a flow: %follow FLOW [--hex] [--all] [--limit BYTES] [--in NAME].

        FLOW is a number of the table, a name such as 10.0.0.1:1024-10.0.0.2:80, or a variable.
        """
        arguments = parse_line(line, FOLLOW_OPTIONS)
        if len(arguments.words) != 1:
            raise BadArguments("which flow? %follow NUMBER or %follow ADDRESS:PORT-ADDRESS:PORT")
        flow = self._flow(arguments.words[0], arguments)
        limit: int | None = whole(arguments.options.get("limit", "65536"), "limit")
        return flow.follow(
            form="hex" if arguments.flag("hex") else "text", limit=None if arguments.flag("all") else limit
        )

    @_for_people
    def gaps(self, line: str) -> pd.DataFrame:
        """What the capture never had: %gaps [FLOW ...] [--in NAME]."""
        return self._chosen(parse_line(line, TABLE_OPTIONS)).gaps

    @_for_people
    def conflicts(self, line: str) -> pd.DataFrame:
        """What was seen with different contents: %conflicts [FLOW ...] [--in NAME]."""
        return self._chosen(parse_line(line, TABLE_OPTIONS)).conflicts

    @_as_typed
    @_for_people
    def search(self, line: str) -> pd.DataFrame:
        """Find text in all streams: %search PATTERN [--regex] [--ignore-case] [--limit N] [--in NAME].

        Quote a pattern whose blanks matter. What follows a -- of its own is pattern, dashes included.
        """
        arguments = parse_line(line, SEARCH_OPTIONS)
        if not arguments.words:
            raise BadArguments("search for what? %search PATTERN")
        text = " ".join(arguments.words)
        pattern: Any = text.encode("utf-8", "surrogateescape")
        if arguments.flag("regex") or arguments.flag("ignore-case"):
            flags = re.IGNORECASE if arguments.flag("ignore-case") else 0
            try:
                pattern = re.compile(pattern if arguments.flag("regex") else re.escape(pattern), flags)
            except re.error as error:
                raise BadArguments(f"{text!r} is not a valid regular expression: {error}") from None
        limit = arguments.options.get("limit")
        table = self._table(arguments)
        return table.search(pattern, limit=None if limit is None else whole(limit, "limit"))

    @_for_people
    def export(self, line: str) -> pd.DataFrame:
        """Write one file for each stream: %export FOLDER [FLOW ...] [--overwrite] [--in NAME]."""
        arguments = parse_line(line, EXPORT_OPTIONS)
        if not arguments.words:
            raise BadArguments("export to where? %export FOLDER")
        folder = os.path.expanduser(arguments.words.pop(0))
        options = {"overwrite": True} if arguments.flag("overwrite") else {}
        return self._chosen(arguments).export(folder, **options)

    # -- which flows --------------------------------------------------------------------------------

    def table(self, name: str | None = None) -> FlowTable | None:
        """The flows that a variable holds (default: those loaded last); None if it holds none."""
        found = self.shell.user_ns.get(name or self.current)
        if found is None and name is None:
            found = self.shell.user_ns.get("flows")
        return found if isinstance(found, FlowTable) else None

    def _table(self, arguments: Arguments) -> FlowTable:
        name = arguments.options.get("in")
        found = self.table(name)
        if found is not None:
            return found
        if name is not None:
            raise BadArguments(f"{name} is not a table of flows")
        raise BadArguments("no flows are loaded: %flows FILE [FILTER]")

    def _chosen(self, arguments: Arguments) -> FlowTable:
        """The table, or those of its flows that were named."""
        if not arguments.words:
            return self._table(arguments)
        flows = [self._flow(word, arguments) for word in arguments.words]
        found: FlowTable = flows[0]._alone() if len(flows) == 1 else self._together(flows)
        return found

    @staticmethod
    def _together(flows: list[Flow]) -> FlowTable:
        import numpy as np

        evidence = flows[0]._evidence
        if any(flow._evidence is not evidence for flow in flows):
            raise BadArguments("these flows are of different captures")
        return FlowTable(evidence, np.array([flow.id for flow in flows], np.int64))

    def _flow(self, word: str, arguments: Arguments) -> Flow:
        named = self.shell.user_ns.get(word) if word.isidentifier() else None
        if isinstance(named, Flow):
            return named
        table = self._table(arguments)
        if word.isascii() and word.isdigit() and len(word) < 19:
            if int(word) not in table.df.index:
                low, high = table.df.index.min(), table.df.index.max()
                there = f"numbers go from {low} to {high}" if len(table) else "the table is empty"
                raise BadArguments(f"there is no flow {word}; {there}")
            return Flow(table._evidence, int(word))
        found = table[word]
        if isinstance(found, FlowTable):
            numbers = ", ".join(map(str, found.df.index[:10].tolist()))
            raise BadArguments(f"{len(found)} flows have this name: {numbers}; choose a number")
        flow: Flow = found
        return flow
