"""What a layer is: packets of one kind, and a function that reads their header.

A layer gets the `Run` and the `Items` whose cursor stands on its header. It moves the cursors and
hands every item on: to another layer (`Run.forward`, `Run.switch`), to a sink (a TCP segment, a UDP
datagram, a fragment), or to `Run.drop` with a reason. It raises nothing, whatever the bytes say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .reasons import Reason

if TYPE_CHECKING:
    from .run import Run

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(slots=True)
class Items:
    """Packets that wait for the same layer, as columns of the same length."""

    unit: Array
    """int64, number of the frame (or reassembled datagram) within the run"""
    cursor: Array
    """int64, position of the next header in the run's memory"""
    end: Array
    """int64, where the captured bytes of the enclosing layer end"""
    wire: Array
    """int64, where the enclosing layer ends according to its header; more than `end` where cut"""
    state: Array
    """int32, the layers so far (`encapsulation.StateTable`)"""
    source: Array
    """uint64, address code of the innermost IP header so far; 0 before there is one"""
    destination: Array
    """uint64"""

    def __len__(self) -> int:
        return len(self.unit)

    def pick(self, index: Array) -> Items:
        """The items of an index array or a boolean mask."""
        if index.dtype == np.bool_:
            index = np.flatnonzero(index)
        return Items(
            self.unit.take(index),
            self.cursor.take(index),
            self.end.take(index),
            self.wire.take(index),
            self.state.take(index),
            self.source.take(index),
            self.destination.take(index),
        )

    def limit(self, stop: Array) -> None:
        """The enclosing layer says that it ends at `stop`, at the latest."""
        self.wire = np.minimum(self.wire, stop)
        self.end = np.minimum(self.end, self.wire)

    @classmethod
    def join(cls, parts: list[Items]) -> Items:
        """All items of several parts."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("unit", "cursor", "end", "wire", "state", "source", "destination")
            )
        )


Layer = Callable[["Run", Items], None]


def dissect(run: Run, items: Items) -> None:
    """A target of switches, for what only Scapy's dissector knows."""
    run.undissected.append(items.unit)


class Switch:
    """Which layer comes next, by a number in the header.

    Parameters
    ----------
    members : mapping of int to Layer or Reason
        A reason says why a frame of that number holds no TCP.
    default : Layer or Reason
        For all other numbers.
    size : int
        How many numbers there are (256 or 65,536).
    """

    __slots__ = ("codes", "targets")

    def __init__(
        self, members: Mapping[int, Layer | Reason], default: Layer | Reason, size: int = 1 << 16
    ) -> None:
        self.targets: list[Layer | Reason] = [default]
        self.codes: Array = np.zeros(size, np.uint8)
        for number, target in members.items():
            if target not in self.targets:
                self.targets.append(target)
            self.codes[number] = self.targets.index(target)

    def groups(self, values: Array) -> Iterable[tuple[Layer | Reason, Array | None]]:
        """(target, index of its items) for each target that occurs; None as index means all."""
        codes = self.codes[values]
        if not len(codes):
            return
        first = codes[0]
        if (codes == first).all():
            yield self.targets[first], None
            return
        for code in np.flatnonzero(np.bincount(codes)).tolist():
            yield self.targets[code], np.flatnonzero(codes == code)


@dataclass(frozen=True, slots=True)
class Switches:
    """The ordered tables of `tables.py`, in the form the layers use."""

    link_types: Switch
    ethertypes: Switch
    llc_saps: Switch
    ppp_protocols: Switch
    ip_protocols: Switch
    udp_ports: Switch
    fragmented: Switch
