"""Names that are documented elsewhere, or here under their public name.

A table instead of inventories from the network: the site is built offline, and a page that moved at somebody
else's does not break our build.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref

import tcpflow_scapy

_PYTHON = "https://docs.python.org/3/library/"
_PANDAS = "https://pandas.pydata.org/docs/reference/api/"
_NUMPY = "https://numpy.org/doc/stable/reference/generated/"

_BUILTIN = {
    "stdtypes": "int float bool bytes dict list tuple set str range memoryview bytearray",
    "exceptions": "ValueError OSError ImportError KeyError IndexError Exception TypeError AttributeError",
    "functions": "object slice property type",
    "constants": "None Ellipsis",
}

_MODULES = {
    "typing": "Any Literal Iterator",
    "collections.abc": "Iterator Iterable Callable Mapping Sequence",
    "os": "PathLike",
    "pathlib": "Path PurePath",
    "datetime": "datetime timedelta",
    "io": "BufferedReader",
    "re": "Pattern",
}

FOREIGN: dict[str, str] = {
    "pandas.DataFrame": _PANDAS + "pandas.DataFrame.html",
    "pandas.Series": _PANDAS + "pandas.Series.html",
    "pandas.Timestamp": _PANDAS + "pandas.Timestamp.html",
    "pandas.Timedelta": _PANDAS + "pandas.Timedelta.html",
    "numpy.ndarray": _NUMPY + "numpy.ndarray.html",
    "numpy.dtype": _NUMPY + "numpy.dtype.html",
    "sniff": "https://scapy.readthedocs.io/en/latest/api/scapy.sendrecv.html",
    "scapy.plist.PacketList": "https://scapy.readthedocs.io/en/latest/api/scapy.plist.html",
    **{name: f"{_PYTHON}{page}.html#{name}" for page, names in _BUILTIN.items() for name in names.split()},
    **{
        f"{module}.{name}": f"{_PYTHON}{module}.html#{module}.{name}"
        for module, names in _MODULES.items()
        for name in names.split()
    },
}
"""Full name to address."""

_SHORT = {"pd": "pandas", "np": "numpy"}
_TAILS = {name.rpartition(".")[2]: name for name in FOREIGN}


def _foreign(target: str) -> str | None:
    head, dot, tail = target.partition(".")
    full = f"{_SHORT[head]}.{tail}" if dot and head in _SHORT else target
    if full in FOREIGN:
        return FOREIGN[full]
    return None if dot else FOREIGN.get(_TAILS.get(full, ""))


def _public(target: str) -> str | None:
    """The public name of something of ours: ``tcpflow_scapy.flows.table.FlowTable`` is ``FlowTable``."""
    for name, home in tcpflow_scapy._HOME.items():
        inside = f"{home}.{name}"
        if target in (inside, name) or target.startswith((inside + ".", name + ".")):
            rest = target.removeprefix(inside) if target.startswith(inside) else target.removeprefix(name)
            public = f"tcpflow_scapy.{name}{rest}"
            return None if public == target else public
    return None


def resolve(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Sphinx asks for a name that it does not know."""
    if node.get("refdomain") != "py":
        return None
    target = node.get("reftarget", "")
    address = _foreign(target)
    if address is not None:
        reference = nodes.reference("", "", internal=False, refuri=address, reftitle=target)
        reference += content.deepcopy() if isinstance(content, nodes.Node) else nodes.Text(target)
        return reference
    public = _public(target)
    if public is None:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", public, node, content)


def be_exact(app: Any, doctree: nodes.document) -> None:
    """A type that is known elsewhere is that one: ``bytes`` is no attribute of ours of this name."""
    for node in doctree.findall(pending_xref):
        if node.get("refdomain") == "py" and "refspecific" in node and _foreign(node["reftarget"]):
            del node["refspecific"]  # Sphinx asks only whether it is there


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("doctree-read", be_exact)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
