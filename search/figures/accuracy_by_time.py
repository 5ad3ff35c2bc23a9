"""Accuracy against time, with the best so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .style import VERMILLION, figure, groups, identity, scatter

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def accuracy_by_time(trials: pd.DataFrame, curves: pd.DataFrame) -> go.Figure:
    """Every result of every trial when it came, and the best of the search so far, in minutes since the first result.

    Sweeps of early versions did not write down when an epoch ended: theirs are drawn by epochs of all trials together.
    Runs of finals and the last training are drawn, and are not part of the best so far: they have other images.

    Args:
        trials: a frame of trials, see `Sweep.frames`.
        curves: a frame of learning curves, see `Sweep.frames`.
    """
    timed = bool(curves["time"].notna().all())
    known = trials[trials["accuracy"].notna()]
    rows = curves.merge(known[["sweep", "trial", "repeats"]].assign(place=known.index), on=["sweep", "trial"])
    begun = rows.groupby("sweep")["time"].transform("min")
    rows["x"] = (rows["time"] - begun) / 60 if timed else rows.groupby("sweep").cumcount() + 1
    rows = rows.sort_values(["sweep", "x"], kind="stable").set_index("place")
    data: list[Any] = []
    for group in groups(known):
        part = rows[rows.index.isin(group.trials.index)]
        data.append(
            scatter(len(rows))(
                name=group.name,
                legendgroup=group.name,
                x=part["x"].to_numpy(dtype="float32"),
                y=part["accuracy"].to_numpy(dtype="float32"),
                customdata=identity(part),
                mode="markers",
                marker={"color": group.color, "symbol": group.symbol, "size": 5},
                hovertemplate="trial %{customdata[1]}: %{y:.4f}<extra></extra>",
                meta={"kind": "points", "x": None, "y": "accuracy"},
            )
        )
    several = known["sweep"].nunique() > 1
    for at, (name, part) in enumerate(rows[rows["repeats"].isna()].groupby("sweep", sort=False)):
        best = part[part["accuracy"] > part["accuracy"].cummax().shift(fill_value=-1.0)]
        data.append(_best(best, part, f"best of {name}" if several else "best so far", at))
    return figure(
        data,
        title="Accuracy against time" if timed else "Accuracy against epochs of all trials",
        x="minutes since the first result" if timed else "epochs of all trials together",
        y="validation accuracy",
    )


def _best(best: pd.DataFrame, part: pd.DataFrame, name: str, at: int) -> Any:
    from .style import SWEEP_COLORS, shown

    return scatter(0)(
        name=shown(name),
        x=[*best["x"], part["x"].max()],
        y=[*best["accuracy"], best["accuracy"].max()],
        mode="lines",
        line={
            "color": VERMILLION if name == "best so far" else SWEEP_COLORS[at % len(SWEEP_COLORS)],
            "width": 2,
            "shape": "hv",
        },
        hoverinfo="skip",
        meta={"kind": "guide"},
    )
