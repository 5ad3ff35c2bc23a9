"""How figures look: a palette that the colour-blind can tell apart, symbols beside it, and one layout for all."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from ...spaces import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import plotly.graph_objects as go

BLUE, VERMILLION, PINK, GREY = "#1F83C6", "#D55E00", "#C4568F", "#7A7A7A"
"""Colours with a contrast of 3 and more to white and to the dark background, as a test holds."""
SWEEP_COLORS = (BLUE, VERMILLION, PINK)
"""Colours of sweeps that are compared, by turns; each has a symbol of its own, too."""
SWEEP_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "hexagon")
HEIGHT = 420
"""Pixels of a figure."""
MANY = 3000
"""Points from which on a figure is drawn by WebGL."""
EMPTY = "no trial to show yet"
"""What stands in a figure without anything to draw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FateStyle:
    """How trials that ended alike are drawn."""

    name: str
    states: tuple[str, ...]
    color: str
    symbol: str
    dash: str


FULL_LENGTH = FateStyle(name="full length", states=("completed",), color=BLUE, symbol="circle", dash="solid")
FATES = (
    FateStyle(name="stopped early", states=("stopped", "paused"), color=GREY, symbol="triangle-down-open", dash="dot"),
    FateStyle(name="failed", states=("failed",), color=VERMILLION, symbol="x", dash="dash"),
    FateStyle(name="running", states=("running",), color=BLUE, symbol="diamond-open", dash="dashdot"),
    FULL_LENGTH,
)
"""Fates of trials that were trained, those drawn last above the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialGroup:
    """Trials that are drawn alike, as one entry of the legend."""

    name: str
    trials: pd.DataFrame
    color: str
    symbol: str
    dash: str


def groups(trials: pd.DataFrame) -> list[TrialGroup]:
    """Trials by fate; where there are several sweeps by sweep, each with a colour and a symbol of its own."""
    names = list(dict.fromkeys(trials["sweep"]))
    if len(names) < 2:
        parts = [(fate, trials[trials["state"].isin(fate.states)]) for fate in FATES]
        return [
            TrialGroup(name=fate.name, trials=part, color=fate.color, symbol=fate.symbol, dash=fate.dash)
            for fate, part in parts
            if len(part)
        ]
    dashes = [fate.dash for fate in FATES][::-1]
    return [
        TrialGroup(
            name=shown(name),
            trials=trials[trials["sweep"] == name],
            color=SWEEP_COLORS[at % len(SWEEP_COLORS)],
            symbol=SWEEP_SYMBOLS[at % len(SWEEP_SYMBOLS)],
            dash=dashes[at % len(dashes)],
        )
        for at, name in enumerate(names)
    ]


def shown(text: object) -> str:
    """A text as Plotly shows it, which takes some of HTML for markup: as it is written, without control characters."""
    return escape(printable(str(text)), quote=False)


def scatter(count: int) -> type[go.Scatter] | type[go.Scattergl]:
    """The kind of trace for so many points in a figure: by WebGL where they are many."""
    import plotly.graph_objects as go

    return go.Scattergl if count > MANY else go.Scatter


def identity(trials: pd.DataFrame) -> Any:
    """What a point carries to be told by: the row's label in the frame, and the trial's number; shape (n, 2)."""
    import numpy as np

    return np.column_stack([trials.index.to_numpy(), trials["trial"].to_numpy()]).astype("int32")


def searched(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials that a figure of the search shows: trained ones with a result, no further runs of a finalist."""
    return trials[trials["accuracy"].notna() & trials["repeats"].isna()]


def figure(
    data: Sequence[Any],
    *,
    title: str,
    x: str = "",
    y: str = "",
    height: int = HEIGHT,
    empty: str = EMPTY,
    **layout: Any,
) -> go.Figure:
    """A figure in the look that all share; without data it says that there is nothing to show yet.

    Args:
        data: its traces.
        title: what it shows.
        x: title of the horizontal axis.
        y: title of the vertical axis.
        height: in pixels.
        empty: what stands in it where there is no data.
        layout: more of Plotly's layout.
    """
    import plotly.graph_objects as go

    said = {"text": empty, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
    made = go.Figure(
        list(data),
        {
            "template": "plotly_white",
            "title": {"text": title, "font": {"size": 15}, "x": 0, "xref": "paper", "xanchor": "left"},
            "height": height,
            "margin": {"l": 64, "r": 24, "t": 56, "b": 56},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
            "hoverlabel": {"font": {"size": 12}},
            "xaxis": {"title": {"text": x}, "zeroline": False},
            "yaxis": {"title": {"text": y}, "zeroline": False},
        },
    )
    if not data:
        made.update_layout(annotations=[said], xaxis_visible=False, yaxis_visible=False)
    made.update_layout(**layout)
    return made
