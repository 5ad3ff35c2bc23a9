"""How a sweep stands is told as it is, at every moment, and telling it costs the sweep nothing but time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config.schema import SearchConfig
from convscape.search.driver import SweepProgress, SweepState, progress_callback, read_progress
from convscape.search.driver.launching import launch
from convscape.search.driver.phases import Phases
from convscape.search.driver.progress_callback import ProgressCallback
from convscape.search.driver.time_left import expected_epochs
from convscape.search.files import PROGRESS, read_sealed, write_sealed
from convscape.search.records import reach_of_share, standings, sureness
from convscape.search.scheduling import MORE_IMAGES, Length
from convscape.search.sweep import Sweep
from convscape.search.workers.training_job import TrainingJob
from convscape.testing import simulation
from convscape.testing.simulation import (
    accuracy,
    config,
    counts,
    drive,
    finish,
    good,
    opened,
    ranking,
    report,
    reports,
    result,
)
from tiny_sweep import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.scheduling.engine import Engine
    from convscape.search.scheduling.job import Job
    from convscape.trainers import EpochResult


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at every change."""
    monkeypatch.setattr(progress_callback, "_LOOK_EVERY", 0.0)
    monkeypatch.setattr(progress_callback, "_SHARE", 1e9)
    monkeypatch.setattr(progress_callback, "WRITE_EVERY", 0.0)


def watched(folder: Path, engine: Engine, show: Any = lambda _: None) -> ProgressCallback:
    beat = engine.callback = ProgressCallback(folder, show)
    beat(engine)
    return beat


def test_each_snapshot_is_what_the_engine_holds(tmp_path: Path, always: None) -> None:
    engine = opened(tmp_path, config(search={"baselines": ["lenet5"]}))
    seen: list[SweepProgress] = []

    def compare(snapshot: SweepProgress) -> None:
        seen.append(snapshot)
        records = [record for record in engine.records.values() if record.state != "duplicate"]
        usual = [record for record in records if record.role == "sampled"]
        assert snapshot.running == len(engine.active)
        assert snapshot.paused == sum(record.state == "paused" for record in usual)
        assert snapshot.ended == sum(record.state in ("completed", "stopped", "failed") for record in usual)
        assert snapshot.failed == sum(record.state == "failed" for record in records)
        assert snapshot.epochs == sum(record.epochs for record in records)
        assert snapshot.begun == engine.proposals.trained
        assert snapshot.wanted == 14

    beat = watched(tmp_path, engine, compare)
    finish(engine)
    beat.end(engine, SweepState.COMPLETED)
    assert len(seen) > 14
    last, best = seen[-1], ranking(engine)[0]
    assert (last.state, last.running, last.paused, last.left, last.baselines) == ("completed", 0, 0, None, 1)
    assert (last.trial, last.accuracy, last.notation) == (best.number, best.accuracy, best.design.notation)
    assert any(snapshot.left is not None for snapshot in seen)
    assert read_progress(tmp_path) == last


def test_mlflow_hears_how_the_sweep_goes_on(tmp_path: Path, always: None) -> None:
    engine = opened(tmp_path, config())
    told: list[tuple[int, dict[str, float]]] = []
    reports(engine).summary = lambda metrics, step: told.append((step, metrics))  # pyright: ignore[reportAttributeAccessIssue]
    watched(tmp_path, engine).__call__  # noqa: B018 - the callback is set
    finish(engine)
    steps = [step for step, _ in told]
    assert steps == sorted(steps)
    trained = [record for record in engine.records.values() if record.state != "duplicate"]
    assert steps[-1] == sum(record.epochs for record in trained)
    best = [metrics["best_accuracy"] for step, metrics in told if step]
    assert best == sorted(best)
    assert best[-1] == ranking(engine)[0].accuracy
    assert told[-1][1]["trials/failed"] == counts(engine)["failed"] > 0
    assert told[-1][1]["trials/unfinished"] == 0


def test_nothing_that_goes_wrong_with_it_reaches_the_sweep(tmp_path: Path, always: None) -> None:
    def broken(_: SweepProgress) -> None:
        raise RuntimeError("the terminal is gone")

    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    engine, quiet = opened(tmp_path / "a", config()), opened(tmp_path / "b", config())
    beat = watched(tmp_path / "not there", engine, broken)
    ended = [(record.number, record.state, record.accuracies) for record in finish(engine)]
    beat.end(engine, SweepState.FAILED)
    assert ended == [(record.number, record.state, record.accuracies) for record in finish(quiet)]


def test_it_looks_seldom_where_looking_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(progress_callback.time, "monotonic", lambda: now)
    looks: list[float] = []
    engine = opened(tmp_path, config())

    def slow(_: SweepProgress) -> None:
        nonlocal now
        looks.append(now)
        now += 1.0  # to look takes a second

    beat = ProgressCallback(tmp_path, slow)
    while now < 500:
        beat(engine)
        now += 0.05
    assert len(looks) <= 11, "more than a fiftieth of the time goes into looking"


class Clock:
    """The driver's clock, which each epoch moves on by as long as it takes by the worker's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float = 10.0) -> None:
        self.now, self._seconds = 0.0, seconds
        monkeypatch.setattr(progress_callback.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(simulation, "result", self.result)

    def reached(self, job: Job, epoch: int) -> float | None:
        self.now += self._seconds
        return good(job, epoch)

    def result(self, epoch: int, value: float) -> EpochResult:
        return replace(result(epoch, value), seconds=self._seconds)


def test_the_time_left_is_what_the_rest_of_the_epochs_takes(
    tmp_path: Path, always: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    engine = opened(tmp_path, config(search={"promotion": "none"}))
    seen: dict[int, SweepProgress] = {}
    watched(tmp_path, engine, lambda snapshot: seen.setdefault(snapshot.epochs, snapshot))
    clock.now += 100.0  # what workers take to start says nothing of epochs
    finish(engine, clock.reached)
    assert seen[0].left is seen[2].left is None, "after two epochs nobody can know"
    assert (seen[0].done, seen[14 * 4].done, seen[14 * 4].left) == (0.0, 1.0, 0.0)
    for done in range(3, 14 * 4):  # 14 trials of 4 epochs, 10 s each
        assert seen[done].left == pytest.approx(10 * (14 * 4 - done))
        assert seen[done].done == pytest.approx(done / (14 * 4))


def test_the_time_left_counts_baselines_and_finals(
    tmp_path: Path, always: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    search = {"promotion": "none", "trials": 5, "baselines": ["lenet5", "lenet5"], "finalists": 2, "seeds": 3}
    engine = opened(tmp_path, config(search=search))
    left: dict[int, float | None] = {}
    watched(tmp_path, engine, lambda snapshot: left.setdefault(snapshot.epochs, snapshot.left))
    finish(engine, clock.reached)
    before = 4 * (1 + 5 + 2 * 2)  # a baseline that is there already is not trained again
    assert len(left) == 1 + before + 4
    for done, value in left.items():
        if 4 < done <= before:  # an epoch of the last training takes longer: it has more images
            assert value == pytest.approx(10 * (before - done) + 10 * MORE_IMAGES * 4)
        elif done > before:
            assert value == pytest.approx(10 * (before + 4 - done))


def test_dear_networks_make_the_finals_longer(tmp_path: Path, always: None, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    search = {"promotion": "none", "trials": 2, "finalists": 1, "seeds": 2, "refit": False}
    engine = opened(tmp_path, config(search=search))
    left: dict[int, float | None] = {}
    watched(tmp_path, engine, lambda snapshot: left.setdefault(snapshot.epochs, snapshot.left))

    def reached(job: Job, epoch: int) -> float | None:
        clock._seconds = 2.0 if job.number == 0 else 30.0
        return 0.1 if clock.reached(job, epoch) and job.number == 0 else 0.9

    finish(engine, reached)
    assert left[8] == pytest.approx(4 * 30.0)


def test_two_workers_take_half_the_time(tmp_path: Path, always: None, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    engine = opened(tmp_path, config(search={"promotion": "none", "trials": 8}))
    left: dict[int, float | None] = {}
    watched(tmp_path, engine, lambda snapshot: left.setdefault(snapshot.epochs, snapshot.left))
    first, second = engine.next(), engine.next()
    assert first
    assert second
    for epoch in range(1, 4):
        clock.now += 10.0
        report(engine, first.number, clock.result(epoch, 0.5))
        report(engine, second.number, clock.result(epoch, 0.5))
    assert left[6] == pytest.approx(10 * (8 * 4 - 6) / 2)


def test_the_time_left_goes_by_epochs_that_were_told_together_and_by_none_before_a_resume(
    tmp_path: Path, always: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    settings = config(search={"promotion": "none", "trials": 5})
    for begun in range(2):
        engine = opened(tmp_path, settings)
        left: dict[int, float | None] = {}
        watched(tmp_path, engine, lambda snapshot, left=left: left.setdefault(snapshot.epochs, snapshot.left))
        job = engine.next()
        assert job
        clock.now += 55.0
        report(engine, job.number, *(clock.result(epoch, 0.5) for epoch in range(1, 5)))
        assert left == {4 * begun: None, 4 * (begun + 1): pytest.approx(10 * (5 * 4 - 4 * (begun + 1)))}


def test_phases_go_from_starting_to_the_search_and_on_to_the_last_training(tmp_path: Path, always: None) -> None:
    engine = opened(tmp_path, config(search={"finalists": 2, "seeds": 2}))
    phases = Phases()
    seen: list[SweepProgress] = []
    beat = engine.callback = ProgressCallback(tmp_path, seen.append, phases=phases)
    beat(engine)
    beat.enter(engine, "starting workers")
    first = read_progress(tmp_path)
    assert first
    assert [phase.name for phase in first.phases] == ["starting workers"], "others see it, too"
    finish(engine)
    assert [phase.name for phase in phases.so_far] == ["starting workers", "search", "finals", "last training"]
    before = [one.phases[-1].name for one in seen if one.epochs == 0 and one.phases]
    assert set(before) == {"starting workers"}, "it is over with the first result"


def test_what_runs_is_told_trial_by_trial(tmp_path: Path, always: None) -> None:
    engine = opened(tmp_path, config(search={"finalists": 1, "seeds": 2}))
    seen: list[SweepProgress] = []
    watched(tmp_path, engine, seen.append)
    for _ in drive(engine, accuracy):
        now = seen[-1]
        assert len(now.trials) == now.running == len(engine.active)
        for trial in now.trials:
            assert (trial.epochs, trial.of) == (engine.records[trial.number].epochs, 4)
    kinds = {(trial.repeats is not None, trial.refit) for one in seen for trial in one.trials}
    assert kinds == {(False, False), (True, False), (True, True)}
    best = ranking(engine)[0].number
    assert {trial.repeats for one in seen for trial in one.trials if trial.refit} == {best}


@pytest.mark.parametrize("at_most", [0, 2000])
def test_the_best_is_as_sure_as_its_images_and_then_its_seeds_make_it(
    tmp_path: Path, always: None, at_most: int
) -> None:
    engine = opened(tmp_path, config(search={"finalists": 2, "seeds": 3, "refit": False}))
    seen: list[SweepProgress] = []
    beat = engine.callback = ProgressCallback(tmp_path, seen.append, validated=400, at_most=at_most)
    beat(engine)
    finish(engine)
    first = next(one for one in seen if one.trial is not None)
    assert first.mean_accuracy is None
    assert first.reach == reach_of_share(first.accuracy, 400) > 0
    records = list(engine.records.values())
    best = ranking(engine)[0].number
    known = sureness(standings(records), best, 400, at_most or None)[best]
    assert (seen[-1].trial, seen[-1].mean_accuracy, seen[-1].reach) == (best, known.mean, known.reach)


def test_a_trial_that_has_begun_is_seen_to_run_before_it_has_a_result(tmp_path: Path) -> None:
    """It may hang: then nothing more is heard of it."""
    engine = opened(tmp_path, config())
    watched(tmp_path, engine)
    assert engine.next()
    snapshot = read_progress(tmp_path)
    assert snapshot
    assert (snapshot.begun, snapshot.running) == (1, 1)


def test_trials_that_begin_together_are_all_seen_to_run_while_nothing_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(progress_callback.time, "monotonic", lambda: now)
    monkeypatch.setattr(progress_callback.time, "time", lambda: 1000 + now)
    engine = opened(tmp_path, config())
    watched(tmp_path, engine)
    for _ in range(4):
        assert engine.next()
    now += 90.0
    engine.callback(engine)
    snapshot = read_progress(tmp_path)
    assert snapshot
    assert (snapshot.begun, snapshot.running, snapshot.time, snapshot.heard) == (4, 4, 1090, 1000)


def test_there_is_a_file_before_any_result(tmp_path: Path) -> None:
    engine = opened(tmp_path, config())
    (tmp_path / PROGRESS).write_text("a former run's")
    watched(tmp_path, engine)
    found = read_progress(tmp_path)
    assert found
    assert (found.state, found.begun) == ("running", 0)


def test_a_time_budget_ends_it_sooner(tmp_path: Path, always: None) -> None:
    import time

    engine = opened(tmp_path, config(), deadline=time.monotonic() + 1000)
    left: dict[int, float | None] = {}
    watched(tmp_path, engine, lambda snapshot: left.setdefault(snapshot.epochs, snapshot.left))
    next(iter(drive(engine, accuracy)))
    assert left[1] == pytest.approx(1000, abs=60)


@pytest.mark.parametrize(
    ("settings", "epochs"),
    [
        ({"epochs": 9, "promotion": "none"}, 9),
        ({"epochs": 9, "reduction": 3}, 1 + 2 / 3 + 6 / 9),  # all train 1, a third 2 more, a ninth 6 more
        ({"epochs": 4, "reduction": 2}, 1 + 1 / 2 + 2 / 4),
        ({"epochs": 5, "reduction": 2, "first_rung": 2}, 2 + 2 / 2 + 1 / 4),
        ({"epochs": 1, "reduction": 2}, 1),
    ],
)
def test_epochs_of_a_trial_on_average(settings: dict[str, Any], epochs: float) -> None:
    search = SearchConfig(**{"epochs": 9, **settings})
    assert expected_epochs(search, Length(search, images=0, timed=False)) == pytest.approx(epochs)


@pytest.mark.parametrize(
    "more",
    [
        {"trials": [{"number": 3}]},
        {"trials": [{"number": 3, "epochs": "\x1b[2J", "of": 4}]},
        {"trials": 3},
        {"phases": [{"name": 3, "seconds": 1.0}]},
        {"phases": [{"name": "search", "seconds": 1e99}]},
        {"phases": {"name": "search"}},
        {"reach": None},
        {"done": "half"},
    ],
)
def test_a_file_of_another_s_is_none(tmp_path: Path, more: dict[str, Any]) -> None:
    engine = opened(tmp_path, config())
    watched(tmp_path, engine)
    assert engine.next()
    values = read_sealed(tmp_path / PROGRESS)
    write_sealed(tmp_path / PROGRESS, values)
    assert read_progress(tmp_path) is not None
    write_sealed(tmp_path / PROGRESS, {**values, **more})
    assert read_progress(tmp_path) is None


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    engine = opened(tmp_path, config())
    watched(tmp_path, engine)
    values = read_sealed(tmp_path / PROGRESS)
    for later in ("trials", "phases", "done", "budget", "reach", "mean_accuracy"):
        del values[later]
    write_sealed(tmp_path / PROGRESS, values)
    found = read_progress(tmp_path)
    assert found
    assert (found.trials, found.phases, found.done) == ((), (), None)


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"how": "running"}', "null"])
def test_a_file_that_is_no_heartbeat_is_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / PROGRESS).write_text(text)
    assert read_progress(tmp_path) is None


def test_the_file_is_whole_at_every_moment(tmp_path: Path, always: None) -> None:
    engine = opened(tmp_path, config())
    beat = watched(tmp_path, engine)
    for _ in drive(engine, good):
        json.loads((tmp_path / PROGRESS).read_text())
    beat.end(engine, SweepState.INTERRUPTED)
    found = read_progress(tmp_path)
    assert found
    assert found.state == "interrupted"
    assert [path.name for path in tmp_path.glob("*heartbeat*")] == [PROGRESS]


@pytest.mark.usefixtures("always", "quiet")
def test_what_is_trained_now_is_running_in_every_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in `status`. What waits at a rung is paused, and nothing runs any more once the process is gone."""
    seen: set[tuple[bool, str]] = set()
    beats: list[dict[str, Any]] = []
    epoch = TrainingJob.epoch

    def watched(self: TrainingJob) -> EpochResult:
        sweep = Sweep.open("tiny", tmp_path)
        told = read_progress(sweep.folder)
        assert told
        running = {trial.number for trial in told.trials}
        assert running
        seen.update((summary.trial in running, summary.state) for summary in sweep.summaries())
        if len(sweep.trials()) > 5:
            beats.append(read_sealed(sweep.folder / PROGRESS))
            raise SystemExit
        return epoch(self)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingJob, "epoch", watched)
        with pytest.raises(SystemExit):
            launch(tiny(tmp_path, "search.epochs=4", "search.trials=8"), progress=False)
    assert {(True, "running"), (False, "paused")} <= seen
    assert not {(True, "paused"), (False, "running")} & seen
    sweep = Sweep.open("tiny", tmp_path)
    write_sealed(sweep.folder / PROGRESS, beats[-1])  # as a kill leaves it
    assert not any(trial.running for trial in sweep.trials())
