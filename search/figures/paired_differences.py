"""The differences of an experiment, pair by pair, with interval and mean, and beside them what each side costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..verdicts import mean_interval
from .style import BLUE, VERMILLION, figure, shown

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd
    import plotly.graph_objects as go

COSTS = {"parameters": "parameters", "macs": "MACs", "memory": "memory", "seconds": "an epoch"}
"""Costs that are shown, and what they are called."""
ROW = 170
"""Pixels of a contrast."""
KIND = {"kind": "pairs"}
"""What the page knows a trace by: a click on a point of it opens no trial."""
PLACES = 6
"""Points are spread over so many places across a contrast, by their bases, so that none hides another or the bar."""


def paired_differences(pairs: pd.DataFrame) -> go.Figure:
    """Differences of validation accuracy within pairs, a row of the figure for each contrast.

    A point is a base: right of zero the first variant is better. The bar is the 95 % interval of the mean, the diamond
    the mean itself. On the right stands what the first variant costs as a multiple of the second.

    Args:
        pairs: a frame of pairs of one sweep, see `Sweep.frames`.
    """
    from plotly.subplots import make_subplots

    contrasts = list(dict.fromkeys(zip(pairs["a"], pairs["b"], strict=True)))
    if not contrasts:
        return figure([], title="Differences pair by pair", height=220, empty="no pair is complete yet")
    parts = {(a, b): pairs[(pairs["a"] == a) & (pairs["b"] == b)] for a, b in contrasts}
    titles = [
        title
        for (a, b), part in parts.items()
        for title in (f"{shown(a)} less {shown(b)}, n = {len(part)}", f"cost of {shown(a)} as a multiple")
    ]
    made = make_subplots(
        rows=len(contrasts),
        cols=2,
        column_widths=[0.7, 0.3],
        horizontal_spacing=0.12,
        vertical_spacing=0.3 / len(contrasts),
        subplot_titles=titles,
    )
    for row, part in enumerate(parts.values(), 1):
        for trace in _differences(part):
            made.add_trace(trace, row=row, col=1)
        made.add_trace(_costs(part), row=row, col=2)
        made.update_yaxes(visible=False, range=[-1, 1], row=row, col=1)
        made.update_xaxes(zeroline=True, zerolinewidth=1.5, rangemode="tozero", matches="x", row=row, col=1)
        made.update_xaxes(rangemode="tozero", row=row, col=2)
    made.update_xaxes(title={"text": "points of validation accuracy"}, row=len(contrasts), col=1)
    made.update_annotations(font={"size": 12})
    layout = made.layout.to_plotly_json()
    kept = {key: value for key, value in layout.items() if key.startswith(("xaxis", "yaxis", "annotations"))}
    styled = figure(
        made.data, title="Differences pair by pair", height=110 + ROW * len(contrasts), showlegend=False, **kept
    )
    styled.update_yaxes(automargin=True)
    return styled


def _differences(part: pd.DataFrame) -> list[Any]:
    import plotly.graph_objects as go

    differences = 100 * part["difference"].to_numpy()
    traces: list[Any] = []
    interval = mean_interval(part["difference"].tolist())
    if interval is not None:
        low, high, mean = 100 * interval.low, 100 * interval.high, float(differences.mean())
        said = f"mean {mean:+.2f}, 95 % interval {low:+.2f} to {high:+.2f} ({interval.method})<extra></extra>"
        line = {"color": VERMILLION, "width": 5}
        traces.append(go.Scatter(x=[low, high], y=[0, 0], mode="lines", line=line, hovertemplate=said, meta=KIND))
        marker = {"color": VERMILLION, "symbol": "diamond", "size": 13}
        traces.append(go.Scatter(x=[mean], y=[0], mode="markers", marker=marker, hovertemplate=said, meta=KIND))
    places = [0.75 * (2 * (base % PLACES) / (PLACES - 1) - 1) for base in part["base"]]
    symbols = ["circle" if learnt else "x" for learnt in part["learnt"]]
    traces.append(
        go.Scatter(
            x=differences,
            y=places,
            mode="markers",
            marker={"color": BLUE, "size": 9, "symbol": symbols, "opacity": 0.8},
            meta=KIND,
            customdata=part[["base", "accuracy_a", "accuracy_b", "trial_a", "trial_b"]].to_numpy(),
            hovertemplate="base %{customdata[0]}: %{x:+.2f} points, %{customdata[1]:.4f} and %{customdata[2]:.4f} "
            "(trials %{customdata[3]} and %{customdata[4]})<extra></extra>",
        )
    )
    return traces


def _costs(part: pd.DataFrame) -> go.Bar:
    import plotly.graph_objects as go

    means = [(part[f"{cost}_a"].mean(), part[f"{cost}_b"].mean()) for cost in COSTS]
    times = [a / b if a > 0 and b > 0 else None for a, b in means]  # no epoch of a variant may have come to its end
    return go.Bar(
        orientation="h",
        x=times[::-1],
        y=list(COSTS.values())[::-1],
        text=["not known" if each is None else f"{each:.2f}" for each in times[::-1]],
        marker={"color": "rgba(31,131,198,0.35)", "line": {"color": BLUE, "width": 1.2}},
        hovertemplate="%{y}: %{x:.2f} times<extra></extra>",
    )
