"""The path from the first design to the best, one change at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .style import BLUE, GREY, VERMILLION, figure, shown

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

NONE = "no path: the winner is the first design, its settings are not known, or there are fewer than 20 trials"
"""What stands in the figure where there is none."""
LONGEST = 60
"""Characters of a change that are shown beside its bar."""


def design_path(path: pd.DataFrame) -> go.Figure:
    """What each change on the way from the first design to the best is expected to bring, as bars in their order.

    The expectation is that of random forests that learnt from all trials, with its spread over forests; the designs
    between the two were mostly never trained. A diamond is the accuracy of a trial that had this very design.

    Args:
        path: a frame of the path of one sweep, see `Sweep.frames`.
    """
    import plotly.graph_objects as go

    if not len(path):
        return figure([], title="From the first design to the best", height=200, empty=NONE)
    rows = path[::-1]
    names = ["first design" if row.step == 0 else f"{row.step}. {_cut(str(row.changes))}" for row in rows.itertuples()]
    data: list[Any] = [
        go.Scatter(
            name="expected, ± deviation of its gain",
            x=rows["predicted"].to_numpy(),
            y=names,
            error_x={"type": "data", "array": rows["deviation"].to_numpy(), "color": GREY, "width": 3},
            mode="lines+markers",
            marker={"color": BLUE, "size": 9},
            line={"color": BLUE, "width": 1},
            text=[f"{row.gain:+.4f}" for row in rows.itertuples()],
            hovertemplate="%{y}: %{x:.4f} expected, %{text}<extra></extra>",
            meta={"kind": "guide"},
        )
    ]
    trained = rows[rows["trial"].notna()]
    data.append(
        go.Scatter(
            name="a trial of that design",
            x=trained["measured"].to_numpy(),
            y=[name for name, there in zip(names, rows["trial"].notna(), strict=True) if there],
            mode="markers",
            marker={"color": VERMILLION, "size": 10, "symbol": "diamond-open"},
            text=[f"trial {number:.0f}" for number in trained["trial"]],
            hovertemplate="%{text}: %{x:.4f}<extra></extra>",
            meta={"kind": "guide"},
        )
    )
    return figure(
        data,
        title="From the first design to the best, one change at a time",
        height=140 + 34 * len(rows),
        yaxis={"automargin": True, "zeroline": False},
        xaxis={"title": {"text": "validation accuracy at full length"}, "zeroline": False},
    )


def _cut(text: str) -> str:
    return shown(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")
