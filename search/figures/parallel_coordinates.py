"""Parallel coordinates that know of settings that are not asked of every design."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..frames import settings_in
from .scales import NOT_ASKED, Scale, in_order, missing, plain, scale_of, word
from .style import MANY, TrialGroup, figure, groups, identity, scatter, searched, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import plotly.graph_objects as go

MOST_AXES = 9
"""Settings that are drawn, at most."""
BELOW = -0.16
"""Height of the place for what a design was not asked for, on an axis from 0 to 1."""


def parallel_coordinates(trials: pd.DataFrame, settings: Sequence[str] = ()) -> go.Figure:
    """Each trial as a line through its settings to its accuracy; below each axis the place for "not asked".

    Plotly's own trace of that name draws a missing value as zero and says nothing under the pointer, so that these are
    lines. Named designs whose settings are not known are left out.

    Args:
        trials: a frame of trials, see `Sweep.frames`.
        settings: names of settings in the order wanted, the most important first; all that vary where not given.
    """
    shown_trials = searched(trials)
    known = settings_in(trials)
    shown_trials = shown_trials[shown_trials[known].notna().any(axis=1)] if known else shown_trials[:0]
    wanted = in_order(settings, known)
    scales = [scale for name in wanted if (scale := scale_of(shown_trials, name)) is not None][:MOST_AXES]
    title = "Parallel coordinates: settings, and the accuracy they led to"
    low, high = float(shown_trials["accuracy"].min()), float(shown_trials["accuracy"].max())
    if not scales or not low < high:
        return figure([], title=title)
    axes = [*scales, Scale(name="accuracy", choices=None, low=low, high=high, log=False)]
    many = len(shown_trials) * len(axes) > MANY
    return figure(
        [_lines(group, axes, many=many) for group in groups(shown_trials)],
        title=title,
        height=460,
        xaxis={
            "tickvals": list(range(len(axes))),
            "ticktext": [shown(scale.name) for scale in axes],
            "side": "bottom",
            "range": [-0.35, len(axes) - 0.45],
            "zeroline": False,
            "showgrid": True,
            "gridcolor": "#7A7A7A",
            "tickangle": 20,
        },
        yaxis={"visible": False, "range": [BELOW - 0.08, 1.06], "fixedrange": True},
        annotations=_ticks(axes),
        meta={"axes": [scale.to_json() for scale in axes], "below": BELOW},
    )


def _lines(group: TrialGroup, axes: Sequence[Scale], *, many: bool) -> Any:
    import numpy as np

    width = len(axes) + 1
    places = np.full((len(group.trials), width), np.nan, dtype="float32")
    for at, scale in enumerate(axes):
        known = {}
        column = group.trials[scale.name].tolist()
        for row, value in enumerate(column):
            value = None if missing(value) else plain(value)
            key = value if isinstance(value, int | float | str | None) else str(value)
            if key not in known:
                place = scale.place(value)
                known[key] = BELOW if place is None else place
            places[row, at] = known[key]
    across = np.append(np.arange(len(axes), dtype="float32"), np.nan)
    words = {} if many else {"text": _words(group.trials, axes)}
    return scatter(MANY + many)(
        name=group.name,
        x=np.tile(across, len(group.trials)),
        y=places.ravel(),
        customdata=np.repeat(identity(group.trials), width, axis=0),
        mode="lines+markers",
        marker={"symbol": group.symbol, "size": 4},
        line={"color": group.color, "width": 1, "dash": group.dash},
        opacity=0.75,
        hovertemplate="trial %{customdata[1]}" + ("" if many else ": %{text}") + "<extra></extra>",
        meta={"kind": "lines", "parallel": True},
        **words,
    )


def _words(trials: pd.DataFrame, axes: Sequence[Scale]) -> list[str]:
    lines: list[str] = []
    for _, row in trials.iterrows():
        for scale in axes:
            value = row[scale.name]
            text = NOT_ASKED if missing(value) else f"{value:.4f}" if scale.name == "accuracy" else word(value)
            lines.append(f"{shown(scale.name)} {text}")
        lines.append("")
    return lines


def _ticks(axes: Sequence[Scale]) -> list[dict[str, Any]]:
    common = {"showarrow": False, "xanchor": "left", "font": {"size": 10}, "bgcolor": "rgba(128,128,128,0.10)"}
    found = [
        {"x": at + 0.02, "y": place, "text": text, **common}
        for at, scale in enumerate(axes)
        for place, text in scale.ticks()
    ]
    gaps = [at for at, scale in enumerate(axes) if scale.gap]
    return found + [{"x": at + 0.02, "y": BELOW, "text": f"<i>{NOT_ASKED}</i>", **common} for at in gaps]
