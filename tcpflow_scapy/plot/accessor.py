"""`flows.plot` and `flow.plot`: the pictures by name."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal

from tcpflow_scapy.plot import PLOTS
from tcpflow_scapy.plot.picture import Picture

if TYPE_CHECKING:
    import pandas as pd

    from tcpflow_scapy.flows.flow import Flow
    from tcpflow_scapy.flows.table import FlowTable
    from tcpflow_scapy.plot.scene import Scene

_PARAMETERS = """

Parameters
----------"""

_COMMON = """
ax : matplotlib.axes.Axes, optional
    Draw here; default: a new figure.
interactive : bool
    A plotly figure instead, to zoom and to point at.

Returns
-------
matplotlib.axes.Axes or plotly.graph_objects.Figure

Notes
-----
``.data(...)`` takes the same options and gives the numbers as a DataFrame."""


class Drawing:
    """One picture of one subject: call it to see it."""

    def __init__(self, subject: Any, picture: Picture) -> None:
        self._subject = subject
        self._picture = picture
        self.__name__ = picture.name
        scene = picture.module.scene
        text = inspect.cleandoc(scene.__doc__ or picture.summary)
        self.__doc__ = text + (_PARAMETERS if _PARAMETERS not in text else "") + _COMMON
        options = [
            parameter.replace(annotation=inspect.Parameter.empty)
            for parameter in list(inspect.signature(scene).parameters.values())[1:]
        ]
        common = [
            inspect.Parameter("ax", inspect.Parameter.KEYWORD_ONLY, default=None),
            inspect.Parameter("interactive", inspect.Parameter.KEYWORD_ONLY, default=False),
        ]
        self.__signature__ = inspect.Signature(options + common)

    def __call__(self, *, ax: Any = None, interactive: bool = False, **options: Any) -> Any:
        """Draw it; the options are the picture's (see its signature)."""
        if interactive:
            if ax is not None:
                raise ValueError(
                    "an interactive picture is a figure of its own: leave out ax, or interactive"
                )
            from tcpflow_scapy.plot.interactive import show

            return show(self.scene(**options))
        from tcpflow_scapy.plot.static import draw

        return draw(self.scene(**options), ax)

    def data(self, **options: Any) -> pd.DataFrame:
        """The numbers behind the picture; options as for the picture."""
        table: pd.DataFrame = self._picture.module.table(self._subject, **options)
        return table

    def scene(self, **options: Any) -> Scene:
        """What the picture shows, before it is drawn."""
        scene: Scene = self._picture.module.scene(self._subject, **options)
        return scene

    def __repr__(self) -> str:
        return f"<picture {self._picture.name}{self.__signature__}: {self._picture.summary}>"


class Plots:
    """The pictures of a table of flows, or of one flow."""

    def __init__(self, subject: Any, of: Literal["flows", "flow"]) -> None:
        self._subject = subject
        self._pictures = {picture.name: picture for picture in PLOTS if picture.of == of}

    def __getattr__(self, name: str) -> Drawing:
        if name.startswith("_"):
            raise AttributeError(name)
        picture = self._pictures.get(name)
        if picture is None:
            known = ", ".join(self._pictures)
            raise AttributeError(f"there is no picture {name!r} here; there are: {known}")
        return Drawing(self._subject, picture)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._pictures]

    def __repr__(self) -> str:
        width = max(map(len, self._pictures))
        return "\n".join(f"{p.name:<{width}}  {p.summary}" for p in self._pictures.values())


def plots_of_flows(flows: FlowTable) -> Plots:
    """``flows.plot``."""
    return Plots(flows, "flows")


def plots_of_flow(flow: Flow) -> Plots:
    """``flow.plot``."""
    return Plots(flow, "flow")
