"""The frames hold what the study says, with the columns that they document."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from convscape.benchmarks.page.large_sweep import make_sweep
from convscape.search import Sweep
from convscape.search.frames import (
    CURVE_COLUMNS,
    IMPORTANCE_COLUMNS,
    PATH_COLUMNS,
    RUNG_COLUMNS,
    TRIAL_COLUMNS,
    curves_frame,
    rungs_frame,
    settings_in,
    sweep_frames,
)
from convscape.search.records import Design, TrialRecord
from convscape.search.study import importances
from convscape.spaces import parse_notation
from convscape.trainers import Recipe

if TYPE_CHECKING:
    from convscape.search.frames import SweepFrames

DESIGN = Design.of(parse_notation("INPUT[8x8x1] -> CONV3-4 -> GAP -> FC-10"), Recipe())


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    folder = tmp_path_factory.mktemp("sweeps")
    make_sweep(folder, 60)
    return Sweep.open("large", folder)


@pytest.fixture(scope="module")
def frames(sweep: Sweep) -> SweepFrames:
    return sweep.frames()


def test_every_column_is_documented(frames: SweepFrames) -> None:
    assert list(frames.trials.columns[: len(TRIAL_COLUMNS)]) == list(TRIAL_COLUMNS)
    assert list(frames.curves.columns[: len(CURVE_COLUMNS)]) == list(CURVE_COLUMNS)
    assert list(frames.rungs.columns) == list(RUNG_COLUMNS)
    assert list(frames.importance.columns) == list(IMPORTANCE_COLUMNS)
    assert list(frames.path.columns) == list(PATH_COLUMNS)


def test_trials_are_those_of_the_study(sweep: Sweep, frames: SweepFrames) -> None:
    records = sweep.trials()
    assert frames.trials["trial"].tolist() == [record.number for record in records]
    assert frames.trials["state"].tolist() == [record.state for record in records]
    assert frames.trials["notation"].tolist() == [record.design.notation for record in records]
    ranked = frames.trials[frames.trials["rank"].notna()].sort_values("rank")
    assert ranked["trial"].tolist() == [summary.trial for summary in sweep.summaries(records)]
    assert ranked["pareto"].tolist() == [row.pareto and row.completed for row in sweep.summaries(records)]


def test_a_setting_that_was_not_asked_for_is_missing_and_others_are_as_sampled(
    sweep: Sweep, frames: SweepFrames
) -> None:
    assert "stage3.kernel" in settings_in(frames.trials)
    for record, stages, kernel in zip(
        sweep.trials(), frames.trials["stages"], frames.trials["stage3.kernel"], strict=True
    ):
        assert stages == record.params["stages"]
        assert (kernel == kernel) == (stages == 3)


def test_curves_have_every_epoch_with_its_time_and_metrics(sweep: Sweep, frames: SweepFrames) -> None:
    curves = sweep.curves()
    assert curves.equals(frames.curves)
    for record in sweep.trials():
        own = curves[curves["trial"] == record.number]
        assert dict(zip(own["epoch"], own["accuracy"], strict=True)) == record.accuracies
    assert {"train_loss", "epoch_seconds"} <= set(curves.columns)
    assert curves.sort_values("time")["time"].is_monotonic_increasing
    assert curves["time"].notna().all()
    assert frames.trials["seconds"].sum() == len(curves)  # made up epochs take a second each


def test_rungs_say_how_many_came_and_went_on(sweep: Sweep, frames: SweepFrames) -> None:
    first, second = frames.rungs.to_dict("records")
    trained = [record for record in sweep.trials() if record.trained]
    assert (first["epoch"], second["epoch"]) == (1, 3)
    assert first["reached"] == len(trained)
    assert first["promoted"] == sum(record.epochs > 1 for record in trained)
    assert second["reached"] == first["promoted"]
    assert second["promoted"] == sum(record.completed for record in trained)
    assert second["highest_left"] < 1


def test_importance_is_that_of_the_study(sweep: Sweep, frames: SweepFrames) -> None:
    found = importances(sweep.trials())
    assert frames.importance["setting"].tolist() == [each.setting for each in found]
    assert frames.importance["trials"].tolist() == [each.trials for each in found]


@pytest.mark.parametrize("records", [[], [TrialRecord(number=0, design=DESIGN)]], ids=["none", "one that runs"])
def test_a_sweep_without_a_result_has_frames_with_all_columns(records: list[TrialRecord]) -> None:
    frames = sweep_frames(records, sweep="s", run_ids={}, objectives=["accuracy"])
    assert len(frames.trials) == len(records)
    assert frames.curves.empty
    assert frames.rungs.empty
    assert frames.path.empty
    assert list(frames.curves.columns) == list(CURVE_COLUMNS)


def test_a_setting_with_the_name_of_a_column_is_told_apart() -> None:
    record = TrialRecord(number=0, design=DESIGN, accuracies={1: 0.5}, params={"macs": 3, "kernel in 3, 5": 5})
    frame = sweep_frames([record], sweep="s", run_ids={}, objectives=["accuracy"]).trials
    assert settings_in(frame) == ["setting.macs", "kernel"]
    assert frame["macs"].tolist() == [DESIGN.macs]


def test_a_sweep_of_an_earlier_version_has_no_times() -> None:
    record = TrialRecord(number=0, design=DESIGN, accuracies={1: 0.5, 2: 0.6})
    curves = curves_frame([record], sweep="s")
    assert curves["accuracy"].tolist() == [0.5, 0.6]
    assert all(math.isnan(time) for time in curves["time"])


def test_a_rung_at_which_all_went_on_has_nobody_left() -> None:
    record = TrialRecord(number=0, design=DESIGN, accuracies={1: 0.5, 2: 0.6}, promoted_from=1, state="completed")
    [rung] = rungs_frame([record], sweep="s").to_dict("records")
    assert (rung["reached"], rung["promoted"], rung["lowest_promoted"]) == (1, 1, 0.5)
    assert math.isnan(rung["highest_left"])


def test_a_rung_that_all_promoted_trials_left_behind_is_there_too() -> None:
    """A trial keeps the last rung that it was promoted from: the first is known by those that were stopped there."""
    curve = dict.fromkeys(range(1, 10), 0.5)
    records = [TrialRecord(number=0, design=DESIGN, accuracies=curve, promoted_from=3, state="completed")]
    records += [
        TrialRecord(number=at, design=DESIGN, accuracies={1: 0.1 * at}, state="stopped", reason="not promoted")
        for at in (1, 2)
    ]
    records.append(TrialRecord(number=3, design=DESIGN, accuracies={1: 0.45}, state="paused"))
    first, second = rungs_frame(records, sweep="s").to_dict("records")
    assert (first["epoch"], first["reached"], first["promoted"], first["highest_left"]) == (1, 4, 1, 0.2)
    assert (second["epoch"], second["reached"], second["promoted"]) == (3, 1, 1)


def test_a_trial_that_the_time_budget_stopped_makes_no_rung() -> None:
    record = TrialRecord(number=0, design=DESIGN, accuracies={1: 0.5}, state="stopped", reason="after the time budget")
    assert rungs_frame([record], sweep="s").empty
