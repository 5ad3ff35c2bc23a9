"""Learning curves with the rungs at which trials were promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .style import TrialGroup, figure, groups, identity, scatter, searched

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def learning_curves(trials: pd.DataFrame, curves: pd.DataFrame, rungs: pd.DataFrame) -> go.Figure:
    """Validation accuracy by epochs, a line for each trial of the search, and at each rung how many went on.

    Trials of full length are solid lines, those that were stopped are dotted. Where rungs are those of one sweep, each
    is a vertical line that says how many of those that came there were promoted.

    Args:
        trials: a frame of trials, see `Sweep.frames`.
        curves: a frame of learning curves, see `Sweep.frames`.
        rungs: a frame of rungs, see `Sweep.frames`.
    """
    shown = searched(trials)
    return figure(
        [_lines(group, curves, len(curves)) for group in groups(shown)],
        title="Learning curves, and what was promoted at each rung",
        y="validation accuracy",
        xaxis={"title": {"text": "epochs"}, "zeroline": False, "tickformat": ",d", **_ticks(curves)},
        **(_rungs(rungs) if len(shown) and shown["sweep"].nunique() == 1 else {}),
    )


def _ticks(curves: pd.DataFrame) -> dict[str, int]:
    """Where an axis of epochs has its numbers: at each of few, for plotly would write the same one twice."""
    return {"nticks": 10} if len(curves) and curves["epoch"].max() > 10 else {"dtick": 1}


def _lines(group: TrialGroup, curves: pd.DataFrame, count: int) -> Any:
    """The curves of a group as one trace, with a gap behind each: a trace for each of thousands would take seconds."""
    import numpy as np

    keys = group.trials[["sweep", "trial"]].assign(place=group.trials.index)
    rows = curves.merge(keys, on=["sweep", "trial"]).sort_values(["place", "epoch"])
    place = rows["place"].to_numpy()
    ends = np.flatnonzero(np.diff(place, append=-1)) + 1
    marker = {"symbol": group.symbol, "size": 5}
    known = group.trials.loc[place]
    return scatter(count)(
        name=group.name,
        x=np.insert(rows["epoch"].to_numpy(dtype="float32"), ends, np.nan),
        y=np.insert(rows["accuracy"].to_numpy(dtype="float32"), ends, np.nan),
        customdata=np.insert(identity(known), ends, -1, axis=0),
        mode="lines+markers",
        marker=marker,
        line={"color": group.color, "width": 1.2, "dash": group.dash},
        opacity=0.7,
        hovertemplate="trial %{customdata[1]}: %{y:.4f} after epoch %{x}<extra></extra>",
        meta={"kind": "lines", "x": "epoch", "y": "accuracy", "curve": True},
    )


def _rungs(rungs: pd.DataFrame) -> dict[str, Any]:
    lines = [
        {
            "type": "line",
            "x0": row.epoch,
            "x1": row.epoch,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "line": {"dash": "dot", "width": 1, "color": "#7A7A7A"},
        }
        for row in rungs.itertuples()
    ]
    words = [
        {
            "x": row.epoch,
            "y": 0.02,
            "yref": "paper",
            "yanchor": "bottom",
            "xanchor": "left",
            "text": f" {row.promoted} of {row.reached}<br> go on",
            "align": "left",
            "showarrow": False,
            "font": {"size": 11},
        }
        for row in rungs.itertuples()
    ]
    return {"shapes": lines, "annotations": words}
