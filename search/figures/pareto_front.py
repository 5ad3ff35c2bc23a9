"""Accuracy against what networks cost, with the Pareto front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...spaces import ConfigError, nearest
from .costs import COSTS, known_costs
from .style import FULL_LENGTH, VERMILLION, figure, groups, identity, scatter, searched, shown as as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import plotly.graph_objects as go

DASHES = ("dash", "dot", "dashdot", "longdash")
"""How the fronts of several sweeps are drawn, by turns."""


def pareto_front(trials: pd.DataFrame, costs: Sequence[str] | None = None) -> go.Figure:
    """Validation accuracy against parameters, MACs, memory and latency, one small plot each, with the front of each.

    A front is of one sweep's trials of full length by this cost alone: no other is as accurate and as cheap, and better
    in one. A trial that was stopped is drawn and is on no front, for its accuracy is that of a shorter training.

    Args:
        trials: a frame of trials, see `Sweep.frames`.
        costs: columns to plot, of COSTS; those that are known where not given.

    Raises:
        ConfigError: a cost that is none of COSTS.
    """
    for name in costs or ():
        if name not in COSTS:
            raise ConfigError(f"{name!r:.80} is no cost", nearest(name, list(COSTS)))
    shown = searched(trials)
    names = [name for name in (costs or known_costs(shown)) if shown[name].notna().any()]
    data: list[Any] = []
    for place, name in enumerate(names):
        axis = str(place + 1) if place else ""
        for group in groups(shown):
            data.append(  # noqa: PERF401 - the traces of an axis belong together
                scatter(len(shown) * len(names))(
                    name=group.name,
                    legendgroup=group.name,
                    showlegend=not place,
                    x=group.trials[name].to_numpy(),
                    y=group.trials["accuracy"].to_numpy(),
                    customdata=identity(group.trials),
                    mode="markers",
                    marker={"color": group.color, "symbol": group.symbol, "size": 7},
                    xaxis=f"x{axis}",
                    yaxis=f"y{axis}",
                    hovertemplate="trial %{customdata[1]}: %{y:.4f}, %{x:.4~s}<extra></extra>",
                    meta={"kind": "points", "x": name, "y": "accuracy"},
                )
            )
        for at, (sweep, part) in enumerate(shown.groupby("sweep", sort=False)):
            label = "front" if shown["sweep"].nunique() == 1 else f"front of {sweep}"
            data.append(_front(part, name, axis, label=label, dash=DASHES[at % len(DASHES)], first=not place))
    layout: dict[str, Any] = {}
    if names:
        layout["grid"] = {"rows": 1, "columns": len(names), "pattern": "independent", "xgap": 0.16}
    for place, name in enumerate(names):
        axis = str(place + 1) if place else ""
        layout[f"xaxis{axis}"] = {"title": {"text": COSTS[name]}, "type": "log", "zeroline": False, "nticks": 5}
        layout[f"yaxis{axis}"] = {"title": {"text": "" if place else "validation accuracy"}, "zeroline": False}
        if place:
            layout[f"yaxis{axis}"]["matches"] = "y"
    return figure(data, title="Pareto front: accuracy against cost", **layout)


def _front(trials: pd.DataFrame, cost: str, axis: str, *, label: str, dash: str, first: bool) -> Any:
    ended = trials[trials["state"].isin(FULL_LENGTH.states) & trials[cost].notna()].sort_values(
        [cost, "accuracy"], ascending=[True, False]
    )
    on = ended[ended["accuracy"] > ended["accuracy"].cummax().shift(fill_value=-1.0)]
    return scatter(0)(
        name=as_text(label),
        legendgroup=as_text(label),
        showlegend=first,
        x=on[cost].to_numpy(),
        y=on["accuracy"].to_numpy(),
        customdata=identity(on),
        mode="lines",
        line={"color": VERMILLION, "width": 1.5, "shape": "hv", "dash": dash},
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
        hoverinfo="skip",
        meta={"kind": "guide"},
    )
