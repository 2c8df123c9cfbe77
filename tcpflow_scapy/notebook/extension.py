"""``%load_ext tcpflow_scapy``: magics and completion for one shell, and their removal."""

from __future__ import annotations

from typing import Any

from tcpflow_scapy.notebook.completion import Completion
from tcpflow_scapy.notebook.magics import Magics

_KEY = "_tcpflow_scapy"
"""attribute of the shell under which the extension keeps what it put there"""
_EVALUATED = ("tcpflow_scapy", "FlowTable")
"""the type whose brackets and columns the completer may look into"""


def _may_evaluate(allowed: bool) -> None:
    """Let ``flows[0].<Tab>`` work: IPython evaluates brackets only of types that it was told are harmless."""
    try:
        from IPython.core.guarded_eval import EVALUATION_POLICIES

        policy: Any = EVALUATION_POLICIES["limited"]
        for names in (policy.allowed_getitem_external, policy.allowed_getattr_external):
            (names.add if allowed else names.discard)(_EVALUATED)
    except (ImportError, KeyError, AttributeError):
        return  # an IPython that does this differently: completion is a convenience


def load(shell: Any) -> None:
    """Give a shell the magics and the completion; a second call changes nothing."""
    from IPython.core.completer import context_matcher

    if hasattr(shell, _KEY):
        return
    magics = Magics(shell)
    manager = shell.magics_manager
    taken = {kind: dict(manager.magics[kind]) for kind in ("line", "cell")}
    added: list[tuple[str, str, Any]] = []
    for kind, names in (("line", magics.LINES), ("cell", magics.CELLS)):
        for name in names:
            added.append((kind, name, taken[kind].get(name)))
            manager.register_function(getattr(magics, name), kind, name)
    completion = Completion(magics)

    @context_matcher(identifier="tcpflow_scapy")  # type: ignore[untyped-decorator]
    def matcher(context: Any) -> dict[str, Any]:
        return completion(context)

    completer = getattr(shell, "Completer", None)
    if completer is not None:
        completer.custom_matchers.append(matcher)
    _may_evaluate(True)
    setattr(shell, _KEY, (magics, added, matcher))


def unload(shell: Any) -> None:
    """Take them away again; magics that others had under these names come back."""
    found = getattr(shell, _KEY, None)
    if found is None:
        return
    _, added, matcher = found
    table = shell.magics_manager.magics
    for kind, name, before in added:
        if before is None:
            table[kind].pop(name, None)
        else:
            table[kind][name] = before
    completer = getattr(shell, "Completer", None)
    if completer is not None and matcher in completer.custom_matchers:
        completer.custom_matchers.remove(matcher)
    _may_evaluate(False)
    delattr(shell, _KEY)
