"""Which settings mattered, as bars with what chance alone brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..study import FEWEST
from .style import BLUE, EMPTY, GREY, VERMILLION, figure, shown

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def importance_chart(importance: pd.DataFrame) -> go.Figure:
    """The part that each setting had in which trials were among the best, with its spread and the level of chance.

    Beside each setting stands how many trials had it, on which the bar rests. Settings above the dashed line are more
    than chance brings any setting: filled; the others are outlined. Settings with too few trials have no bar.

    Args:
        importance: a frame of importances of one sweep, see `Sweep.frames`.
    """
    import plotly.graph_objects as go

    rows = importance[importance["share"].notna()][::-1]
    if not len(rows):
        few = f"fewer than {FEWEST} trials had any of the settings: too few to tell" if len(importance) else EMPTY
        return figure([], title="Importance of each choice", height=220, empty=few)
    names = [f"{shown(row.setting)}  (n = {row.trials})" for row in rows.itertuples()]
    bars = go.Bar(
        orientation="h",
        x=rows["share"].to_numpy(),
        y=names,
        error_x={"type": "data", "array": rows["deviation"].to_numpy(), "color": GREY, "thickness": 1.2, "width": 3},
        marker={
            "color": [BLUE if matters else "rgba(31,131,198,0.18)" for matters in rows["matters"]],
            "line": {"color": BLUE, "width": 1.2},
        },
        hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        meta={"kind": "bars"},
    )
    chance = float(rows["chance"].iloc[0])
    line = {"color": VERMILLION, "dash": "dash", "width": 1.5}
    word = {
        "x": chance,
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "text": "chance",
        "showarrow": False,
        "font": {"size": 11},
    }
    return figure(
        [bars],
        title="Importance of each choice (PED-ANOVA)",
        x="share of what all settings decided, ± deviation",
        height=max(220, 120 + 24 * len(rows)),
        yaxis={"automargin": True, "ticks": ""},
        xaxis={"rangemode": "tozero", "title": {"text": "share of what all settings decided, ± deviation"}},
        shapes=[{"type": "line", "x0": chance, "x1": chance, "y0": 0, "y1": 1, "yref": "paper", "line": line}],
        annotations=[word],
        showlegend=False,
    )
