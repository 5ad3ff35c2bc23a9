"""Accuracy against time, with the best so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .style import VERMILLION, figure, groups, identity, scatter, shown

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def accuracy_by_time(trials: pd.DataFrame, curves: pd.DataFrame) -> go.Figure:
    """Every result of every trial when it came, and the best of the search so far, in minutes since the first result.

    Sweeps of early versions did not write down when an epoch ended. Where one is among them all are drawn by epochs,
    trial after trial, and there is no best so far.
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
    styles = {group.trials["sweep"].iloc[0]: group for group in groups(known)}
    several = len(styles) > 1 and known["sweep"].nunique() > 1
    for name, part in rows[rows["repeats"].isna()].groupby("sweep", sort=False) if timed else ():
        best = part[part["accuracy"] > part["accuracy"].cummax().shift(fill_value=-1.0)]
        line = {"color": VERMILLION, "width": 2, "shape": "hv"}
        if several:
            line |= {"color": styles[name].color, "dash": styles[name].dash}
        data.append(_best(best, part, f"best of {name}" if several else "best so far", line))
    return figure(
        data,
        title="Accuracy against time" if timed else "Accuracy against epochs of all trials",
        x="minutes since the first result" if timed else "epochs of all trials together",
        y="validation accuracy",
    )


def _best(best: pd.DataFrame, part: pd.DataFrame, name: str, line: dict[str, Any]) -> Any:
    return scatter(0)(
        name=shown(name),
        x=[*best["x"], part["x"].max()],
        y=[*best["accuracy"], best["accuracy"].max()],
        mode="lines",
        line=line,
        hoverinfo="skip",
        meta={"kind": "guide"},
    )
