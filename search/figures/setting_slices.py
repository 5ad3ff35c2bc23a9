"""Accuracy against one setting at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..frames import settings_in
from .scales import NOT_ASKED, Scale, in_order, missing, plain, scale_of, word
from .style import TrialGroup, figure, groups, identity, scatter, searched, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import plotly.graph_objects as go

MOST = 8
"""Settings that are drawn, at most."""
ACROSS = 4
"""Small plots in a row."""
ROW = 260
"""Pixels of a row of them."""
SPREAD = 0.17
"""How far points of one choice are spread sideways, so that they do not hide each other; choices are 1 apart."""


def setting_slices(trials: pd.DataFrame, settings: Sequence[str] = ()) -> go.Figure:
    """Validation accuracy against each setting, a small plot for each, a point for each trial.

    Points of a choice are spread a little sideways. What a design was not asked for has a place of its own, on the
    left. Named designs whose settings are not known are left out.

    Args:
        trials: a frame of trials, see `Sweep.frames`.
        settings: names of settings in the order wanted, the most important first; all that vary where not given.
    """
    known = settings_in(trials)
    rows = searched(trials)
    rows = rows[rows[known].notna().any(axis=1)] if known else rows[:0]
    wanted = in_order(settings, known)
    scales = [scale for name in wanted if (scale := scale_of(rows, name)) is not None][:MOST]
    if not scales:
        return figure([], title="Accuracy against each setting")
    data: list[Any] = []
    layout: dict[str, Any] = {}
    across = min(ACROSS, len(scales))
    down = -(-len(scales) // across)
    for at, scale in enumerate(scales):
        axis = str(at + 1) if at else ""
        data += [_points(group, scale, axis, len(rows) * len(scales), first=not at) for group in groups(rows)]
        layout[f"xaxis{axis}"] = _axis(scale, gap=scale.gap)
        layout[f"yaxis{axis}"] = {"title": {"text": "accuracy" if at % across == 0 else ""}, "zeroline": False}
        if at:
            layout[f"yaxis{axis}"]["matches"] = "y"
    layout["grid"] = {"rows": down, "columns": across, "pattern": "independent", "xgap": 0.16, "ygap": 0.34}
    return figure(data, title="Accuracy against each setting", height=90 + ROW * down, **layout)


def _points(group: TrialGroup, scale: Scale, axis: str, count: int, *, first: bool) -> Any:
    import numpy as np

    values = [None if missing(value) else plain(value) for value in group.trials[scale.name]]
    spread = np.random.default_rng(0).uniform(-SPREAD, SPREAD, len(values))
    if scale.choices is None:
        places = [_left_of(scale) if value is None else float(value) for value in values]
    else:
        where = {str(value): at for at, value in enumerate(scale.choices)}
        places = [
            (-1 if value is None else where[str(value)]) + aside for value, aside in zip(values, spread, strict=True)
        ]
    words = {} if count > 3000 else {"text": [NOT_ASKED if value is None else word(value) for value in values]}
    return scatter(count)(
        name=group.name,
        legendgroup=group.name,
        showlegend=first,
        x=np.array(places, dtype="float64"),
        y=group.trials["accuracy"].to_numpy(dtype="float32"),
        customdata=identity(group.trials),
        mode="markers",
        marker={"color": group.color, "symbol": group.symbol, "size": 6},
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
        hovertemplate="trial %{customdata[1]}: %{y:.4f}" + (", %{text}" if words else "") + "<extra></extra>",
        meta={"kind": "points", "x": scale.name, "y": "accuracy", "scale": scale.to_json() | {"left": _left_of(scale)}},
        **words,
    )


def _left_of(scale: Scale) -> float:
    """Where on a range of numbers what was not asked for is drawn: a tenth of the range to the left."""
    if scale.log:
        return scale.low / (scale.high / scale.low) ** 0.1
    return scale.low - 0.1 * (scale.high - scale.low)


def _axis(scale: Scale, *, gap: bool) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": shown(scale.name), "font": {"size": 12}}, "zeroline": False}
    if scale.choices is not None:
        ticks = [(-1, f"<i>{NOT_ASKED}</i>")] * gap + [(at, word(value)) for at, value in enumerate(scale.choices)]
        return axis | {"tickvals": [at for at, _ in ticks], "ticktext": [text for _, text in ticks]}
    axis["type"] = "log" if scale.log else "linear"
    if gap:
        ticks = [(_left_of(scale), f"<i>{NOT_ASKED}</i>"), (scale.low, word(scale.low)), (scale.high, word(scale.high))]
        return axis | {"tickvals": [at for at, _ in ticks], "ticktext": [text for _, text in ticks]}
    return axis | {"nticks": 5}
