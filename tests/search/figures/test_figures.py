"""Figures draw what the frames hold, agree with Optuna's own, and show texts as texts."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
import pytest
from convscape.benchmarks.page.large_sweep import make_sweep
from convscape.search import Sweep
from convscape.search.figures import (
    accuracy_by_time,
    design_path,
    importance_chart,
    learning_curves,
    parallel_coordinates,
    pareto_front,
    setting_slices,
)
from convscape.search.figures.parallel_coordinates import BELOW
from convscape.search.frames import SweepFrames, sweep_frames
from optuna.distributions import json_to_distribution

if TYPE_CHECKING:
    import plotly.graph_objects as go

HOSTILE = "<script>alert(1)</script><b>bold</b>"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    folder = tmp_path_factory.mktemp("sweeps")
    make_sweep(folder, 80)
    return Sweep.open("large", folder)


@pytest.fixture(scope="module")
def frames(sweep: Sweep) -> SweepFrames:
    return sweep.frames()


def all_of(frames: SweepFrames) -> dict[str, go.Figure]:
    return {
        "curves": learning_curves(frames.trials, frames.curves, frames.rungs),
        "parallel": parallel_coordinates(frames.trials),
        "importance": importance_chart(frames.importance),
        "pareto": pareto_front(frames.trials),
        "slices": setting_slices(frames.trials),
        "time": accuracy_by_time(frames.trials, frames.curves),
        "path": design_path(frames.path),
    }


def points(figure: go.Figure) -> list[tuple[int, float, float]]:
    """(trial, x, y) of every point of a figure that stands for a trial."""
    return [
        (int(trial), float(x), float(y))
        for trace in figure.data
        if (trace.meta or {}).get("kind") in ("points", "lines")
        for (_, trial), x, y in zip(trace.customdata, trace.x, trace.y, strict=True)
        if trial >= 0
    ]


def as_optuna_has_it(sweep: Sweep) -> optuna.Study:
    study = optuna.create_study(direction="maximize")
    for record in sweep.trials():
        if record.accuracies and record.trained:
            distributions = {name: json_to_distribution(text) for name, text in record.distributions.items()}
            study.add_trial(
                optuna.trial.create_trial(params=record.params, distributions=distributions, value=record.accuracy)
            )
    return study


def test_curves_are_those_of_the_frame(frames: SweepFrames) -> None:
    figure = learning_curves(frames.trials, frames.curves, frames.rungs)
    drawn = {(trial, epoch): y for trial, epoch, y in points(figure)}
    told = {(row.trial, row.epoch): row.accuracy for row in frames.curves.itertuples()}
    assert drawn.keys() == told.keys()
    assert all(drawn[key] == pytest.approx(told[key], abs=1e-6) for key in told)
    texts = [annotation.text for annotation in figure.layout.annotations]
    assert [text.split(" of ")[0].strip() for text in texts] == [str(n) for n in frames.rungs["promoted"]]


def test_an_axis_of_few_epochs_has_a_number_at_each(frames: SweepFrames) -> None:
    few = frames.curves[frames.curves["epoch"] <= 3]
    axis = learning_curves(frames.trials, few, frames.rungs[:0]).layout.xaxis
    assert (axis.dtick, axis.nticks) == (1, None)
    many = few.assign(epoch=few["epoch"] * 30)
    assert learning_curves(frames.trials, many, frames.rungs[:0]).layout.xaxis.nticks == 10


def test_between_two_curves_there_is_a_gap(frames: SweepFrames) -> None:
    for trace in learning_curves(frames.trials, frames.curves, frames.rungs).data:
        rows = [row for row, _ in trace.customdata]
        changes = [(a, b) for a, b in itertools.pairwise(rows) if a != b]
        assert all(-1 in pair for pair in changes)
        assert np.isnan(trace.x[np.array(rows) == -1]).all()


def test_slices_are_optuna_s_where_a_setting_is_a_range(sweep: Sweep, frames: SweepFrames) -> None:
    theirs = optuna.visualization.plot_slice(as_optuna_has_it(sweep), params=["learning_rate"])
    expected = sorted(zip(theirs.data[0].x, theirs.data[0].y, strict=True))
    ours = sorted((x, y) for _, x, y in points(setting_slices(frames.trials, ["learning_rate"])))
    assert np.allclose(ours, expected, rtol=1e-5)


def test_importances_are_in_optuna_s_order(sweep: Sweep, frames: SweepFrames) -> None:
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.1)
    theirs = optuna.importance.get_param_importances(as_optuna_has_it(sweep), evaluator=evaluator)
    figure = importance_chart(frames.importance)
    assert str(figure.data[0].y[-1]).startswith(next(iter(theirs)))


def test_the_best_so_far_is_optuna_s_history(frames: SweepFrames) -> None:
    line = accuracy_by_time(frames.trials, frames.curves).data[-1]
    reached = frames.curves.sort_values("time", kind="stable")["accuracy"].cummax()
    assert list(line.y[:-1]) == pytest.approx(list(dict.fromkeys(reached)))
    assert list(line.x) == sorted(line.x)


def test_parallel_coordinates_have_a_place_for_what_was_not_asked(frames: SweepFrames) -> None:
    figure = parallel_coordinates(frames.trials, ["stage3.kernel", "learning_rate"])
    asked = dict(zip(frames.trials["trial"], frames.trials["stage3.kernel"].notna(), strict=True))
    below = {trial: y == pytest.approx(BELOW) for trial, x, y in points(figure) if x == 0}
    assert below == {trial: not asked[trial] for trial in below}
    assert False in below.values()
    assert True in below.values()
    assert "<i>not asked</i>" in [each.text for each in figure.layout.annotations]


def test_the_front_is_what_no_trial_of_full_length_beats(frames: SweepFrames) -> None:
    ended = frames.trials[frames.trials["state"] == "completed"]
    [front, *_] = [trace for trace in pareto_front(frames.trials, ["macs"]).data if trace.name == "front"]
    on = {int(trial) for _, trial in front.customdata}
    for row in ended.itertuples():
        better = ended[(ended["accuracy"] >= row.accuracy) & (ended["macs"] <= row.macs)]
        assert (row.trial in on) == (len(better) == 1)


def test_many_points_are_drawn_by_webgl(frames: SweepFrames, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {trace.type for trace in learning_curves(frames.trials, frames.curves, frames.rungs).data}
    monkeypatch.setattr("convscape.search.figures.style.MANY", 10)
    many = {trace.type for trace in learning_curves(frames.trials, frames.curves, frames.rungs).data}
    assert (few, many) == ({"scatter"}, {"scattergl"})


@pytest.mark.parametrize("kept", [0, 1], ids=["empty", "one trial"])
def test_a_sweep_with_hardly_anything_has_figures_that_say_so(sweep: Sweep, kept: int) -> None:
    records = [record for record in sweep.trials() if record.completed][:kept]
    frames = sweep_frames(records, sweep="s", run_ids={}, objectives=["accuracy"])
    for name, figure in all_of(frames).items():
        said = [annotation.text for annotation in figure.layout.annotations or ()]
        assert figure.to_json()
        assert len(figure.data) > 0 or "no trial to show yet" in said or said[0].startswith("no path"), name


def test_every_text_of_a_sweep_is_shown_as_text(frames: SweepFrames) -> None:
    trials = frames.trials.rename(columns={"norm": HOSTILE}).assign(sweep=HOSTILE)
    trials[HOSTILE] = [HOSTILE if value == "batch" else value for value in trials[HOSTILE]]
    renamed = {
        name: getattr(frames, name).assign(sweep=HOSTILE) for name in ("curves", "rungs", "importance", "path", "pairs")
    }
    renamed["importance"].loc[renamed["importance"].index[0], "setting"] = HOSTILE
    renamed["path"]["changes"] = HOSTILE
    hostile = SweepFrames(trials=trials, **renamed)
    figures = all_of(hostile) | {
        "parallel": parallel_coordinates(trials, [HOSTILE]),
        "slices": setting_slices(trials, [HOSTILE]),
    }
    shown: list[str] = []
    for figure in figures.values():
        shown += [text for text in texts_of(figure.to_plotly_json()) if "script" in text]
    assert shown
    assert not [text for text in shown if "<script" in text or "<b>" in text]


def texts_of(value: Any, key: str = "") -> list[str]:
    """All texts of a figure that Plotly shows; what it is told in `meta` or `customdata` is not shown."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for name, each in value.items() if name != "meta" for text in texts_of(each, name)]
    if isinstance(value, list | tuple) or (hasattr(value, "dtype") and value.dtype == object):
        return [text for each in value for text in texts_of(each, key)]
    return []


def test_two_sweeps_are_told_apart_by_colour_symbol_and_dash(sweep: Sweep) -> None:
    import pandas as pd

    one, other = (sweep_frames(sweep.trials(), sweep=name, run_ids={}, objectives=["accuracy"]) for name in ("a", "b"))
    trials = pd.concat([one.trials, other.trials], ignore_index=True)
    curves = pd.concat([one.curves, other.curves], ignore_index=True)
    first, second = learning_curves(trials, curves, one.rungs).data
    assert (first.name, second.name) == ("a", "b")
    assert first.line.color != second.line.color
    assert first.marker.symbol != second.marker.symbol
    assert first.line.dash != second.line.dash
    assert {row for row, _ in second.customdata if row >= 0} <= set(range(len(one.trials), len(trials)))


def test_a_notebook_has_all_figures(sweep: Sweep) -> None:
    for name in ("curves", "parallel", "importance", "pareto", "slices", "time", "path"):
        assert getattr(sweep.plot, name)()._repr_mimebundle_ is not None
    assert len(sweep.plot.pareto(["macs"]).data) < len(sweep.plot.pareto().data)


def test_the_best_of_each_sweep_is_drawn_as_its_points_are(sweep: Sweep) -> None:
    import pandas as pd

    parts = [sweep_frames(sweep.trials(), sweep=name, run_ids={}, objectives=["accuracy"]) for name in ("b", "a")]
    trials = pd.concat([part.trials for part in parts], ignore_index=True)
    figure = accuracy_by_time(trials, pd.concat([part.curves for part in parts], ignore_index=True))
    points_of = {trace.name: trace.marker.color for trace in figure.data if trace.meta["kind"] == "points"}
    lines = {trace.name.removeprefix("best of "): trace.line for trace in figure.data if trace.meta["kind"] == "guide"}
    assert {name: line.color for name, line in lines.items()} == points_of
    assert lines["a"].dash != lines["b"].dash
    fronts = [trace for trace in pareto_front(trials, ["macs"]).data if trace.meta["kind"] == "guide"]
    assert sorted(trace.name for trace in fronts) == ["front of a", "front of b"]


def test_settings_are_known_by_the_names_that_an_importance_has(frames: SweepFrames) -> None:
    figure = setting_slices(frames.trials, ["stage2.kernel in 3, 5", "learning_rate"])
    assert [figure.layout.xaxis.title.text, figure.layout.xaxis2.title.text] == ["stage2.kernel", "learning_rate"]
