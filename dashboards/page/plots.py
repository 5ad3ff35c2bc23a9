"""The figures of the page, each with a title, how to read it, and Plotly's JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...search.figures import (
    accuracy_by_time,
    design_path,
    importance_chart,
    learning_curves,
    paired_differences,
    parallel_coordinates,
    pareto_front,
    setting_slices,
)
from ...search.records import is_compared

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import plotly.graph_objects as go

    from ...search.frames import SweepFrames

HELP = {
    "differences": "Each point is a base design, trained in both variants: right of zero the first is better. The bar "
    "is the 95 % interval of the mean, the diamond the mean. On the right, what the first variant costs as a multiple "
    "of the second. A cross is a base on which no variant learnt anything.",
    "curves": "Validation accuracy after each epoch. Solid lines were trained to the end, dotted ones were stopped. "
    "A vertical line is a rung: it says how many of those that came there went on.",
    "parallel": "Each line is a trial: where it crosses an axis is its value of that setting, the last axis is its "
    "best accuracy. The place below an axis is for trials that were not asked for the setting. A box over an axis "
    "filters.",
    "importance": "How far the values of the best tenth of the trials are from those of all, as a share. A bar beyond "
    "the dashed line is more than chance brings any setting; n is how many trials had it.",
    "pareto": "The dashed step is the front: no trial of full length is as accurate and as cheap. Stopped trials are "
    "drawn with what they reached, and are on no front.",
    "slices": "Each point is a trial; a click opens it. A trend here may come from another setting that changed with "
    "it.",
    "time": "Every result when it came. The line is the best of the search so far; what comes after it ends is finals "
    "and the last training, on other images.",
    "path": "What each change is expected to bring on the way from the first design to the winner, by random forests "
    "that learnt from all trials. Designs on the way were mostly never trained; a diamond is one that was.",
}
NAMES = {
    "differences": "Differences pair by pair",
    "curves": "Learning curves and rungs",
    "parallel": "Parallel coordinates",
    "importance": "Importance of each choice",
    "pareto": "Accuracy against cost",
    "slices": "Accuracy against each setting",
    "time": "Accuracy against time",
    "path": "From the first design to the best, one change at a time",
}


def page_plots(trials: pd.DataFrame, frames: Sequence[SweepFrames], names: Sequence[str]) -> list[dict[str, Any]]:
    """All figures of the page.

    Args:
        trials: trials of all sweeps together, of which each row has its label as the page's row.
        frames: of each sweep.
        names: of the sweeps.
    """
    import pandas as pd

    curves = pd.concat([each.curves for each in frames], ignore_index=True)
    rungs = pd.concat([each.rungs for each in frames], ignore_index=True)
    order = list(dict.fromkeys(name for each in frames for name in each.importance["setting"]))
    named = list(zip(names, frames, strict=True))
    asked = [(name, paired_differences(each.pairs)) for name, each in named if len(each.pairs)]
    searched = [(name, each) for name, each in named if not each.trials["role"].map(is_compared).any()]
    importance = [(name, importance_chart(each.importance)) for name, each in searched]
    paths = [(name, design_path(each.path)) for name, each in searched]
    several = len(named) > 1
    plots = [
        *_of_each("differences", asked, several=several),
        _plot("curves", learning_curves(trials, curves, rungs)),
        _plot("parallel", parallel_coordinates(trials, order)),
        *_of_each("importance", importance, several=several),
        _plot("pareto", pareto_front(trials)),
        _plot("slices", setting_slices(trials, order)),
        _plot("time", accuracy_by_time(trials, curves)),
    ]
    return plots + _of_each("path", paths, several=several)


def _of_each(kind: str, figures: Sequence[tuple[str, go.Figure]], *, several: bool) -> list[dict[str, Any]]:
    """Figures of single sweeps, each named after its sweep where the page shows several."""
    if not several:
        return [_plot(kind, figure) for _, figure in figures]
    return [_plot(kind, figure, at=at, of=name) for at, (name, figure) in enumerate(figures)]


def _plot(kind: str, figure: go.Figure, *, at: int | None = None, of: str = "") -> dict[str, Any]:
    name = NAMES[kind] + (f": {of}" if of else "")
    drawn = json.loads(str(figure.to_json()))
    drawn["layout"].pop("template", None)  # thousands of characters that say how other kinds of figures look
    identity = kind if at is None else f"{kind}-{at}"
    return {"id": identity, "name": name, "title": name, "help": HELP[kind], "figure": drawn}
