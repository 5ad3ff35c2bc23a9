"""The end of a sweep: finalists from other seeds, the winner by their mean, and several objectives."""

from __future__ import annotations

import shutil
import statistics
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from convscape import load_architecture
from convscape.dashboards.text.leaderboard import front
from convscape.search.records import finalists, ranked, standings
from convscape.search.records.trial import Design, TrialRecord
from convscape.search.scheduling import Decision, time_budget
from convscape.search.study import read_trials
from convscape.search.sweep import Sweep
from convscape.testing.simulation import (
    SMALL_SPACE,
    config,
    counts,
    drive,
    fates,
    finish,
    good,
    opened,
    ranking,
    report,
    reports,
    result,
)
from convscape.trainers.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.scheduling import Job


def wavering(job: Job, epoch: int) -> float | None:
    """A design's accuracy, and a little that the seed decides; one finalist's second run fails."""
    luck = job.seed % 7 / 1_000
    return (good(job, epoch) or 0.0) / 2 + luck


def finals(**search: Any) -> Any:
    return config(search={"trials": 8, "finalists": 2, "seeds": 3, "refit": False, **search})


def test_the_best_are_trained_again_from_other_seeds_and_the_mean_decides(tmp_path: Path) -> None:
    engine = opened(tmp_path, finals())
    records = finish(engine, wavering)
    repeats = [record for record in records if record.role == "repeat"]
    searched = [record for record in records if record.role != "repeat"]
    best = sorted((r for r in searched if r.state == "completed"), key=lambda r: -(r.accuracy or 0))[:2]
    assert [record.repeats for record in repeats] == [best[0].number, best[1].number] * 2
    assert all(record.epochs == 4 and record.state == "completed" for record in repeats)
    assert {record.number for record in repeats} <= set(reports(engine).started)
    assert sum(counts(engine).values()) == len(searched)
    for number, standing in standings(records).items():
        runs = [r.accuracies[r.epochs] for r in records if r.repeats == number]
        assert sorted(standing.accuracies) == sorted(runs)
        assert standing.mean == pytest.approx(statistics.fmean(runs))
        assert standing.std == pytest.approx(statistics.stdev(runs))
    ranking = ranked(records)
    found = standings(records)
    assert [found[record.number].mean for record in ranking[:2]] == sorted(
        (s.mean for s in found.values()), reverse=True
    )
    assert not any(record.role == "repeat" for record in ranking)


@pytest.mark.parametrize("kill_after", [None, 30])
@pytest.mark.parametrize("cross_validate", [True, False])
def test_finalists_are_compared_on_the_same_other_splits(
    tmp_path: Path, cross_validate: bool, kill_after: int | None
) -> None:
    """A run keeps its split where the sweep is killed in between."""
    folds: dict[int, set[int]] = {}

    def noted(job: Job, epoch: int) -> float | None:
        folds.setdefault(job.number, set()).add(job.fold)
        return wavering(job, epoch)

    settings = finals(cross_validate=cross_validate, refit=True)
    engine = opened(tmp_path, settings)
    if kill_after is not None:
        run = drive(engine, noted)
        for _ in range(kill_after):
            next(run)
        run.close()
        engine = opened(tmp_path, settings)
    records = finish(engine, noted)
    runs: dict[int, list[set[int]]] = {}
    for record in records:
        if record.role == "repeat" and record.repeats is not None:
            runs.setdefault(record.repeats, []).append(folds[record.number])
    assert len(runs) == 2
    assert all(of == ([{1}, {2}] if cross_validate else [{0}, {0}]) for of in runs.values())
    others = {fold for record in records if record.role != "repeat" for fold in folds.get(record.number, ())}
    assert others == {0}, "the search and the last training have the sweep's own"


def test_a_finalist_that_fails_from_another_seed_is_not_the_winner(tmp_path: Path) -> None:
    engine = opened(tmp_path, finals())

    def unstable(job: Job, epoch: int) -> float | None:
        first = next((r.repeats for r in engine.records.values() if r.repeats is not None), None)
        again = engine.records[job.number].repeats
        return None if again is not None and again == first else wavering(job, epoch)

    records = finish(engine, unstable)
    failed = {record.repeats for record in records if record.role == "repeat" and record.state == "failed"}
    assert len(failed) == 1
    assert ranking(engine)[0].number not in failed
    assert ranking(engine)[1].number in failed
    assert counts(engine)["failed"] == 0


@pytest.mark.parametrize("setting", [{"seeds": 1}, {"finalists": 0}])
def test_finals_can_be_left_out(tmp_path: Path, setting: dict[str, int]) -> None:
    assert not any(record.role == "repeat" for record in finish(opened(tmp_path, finals(**setting)), wavering))


@pytest.mark.parametrize("objectives", [["accuracy"], ["accuracy", "parameters", "latency"]])
def test_a_sweep_that_is_killed_at_any_moment_ends_as_an_unbroken_one(tmp_path: Path, objectives: list[str]) -> None:
    settings = finals(objectives=objectives, sampler="tpe", trials=12)
    (tmp_path / "whole").mkdir()
    whole = opened(tmp_path / "whole", settings)
    steps = sum(1 for _ in drive(whole, wavering))
    whole.close()
    assert any(record.role == "repeat" for record in whole.records.values())
    for killed in range(1, steps, 5):
        folder = tmp_path / f"killed{killed}"
        folder.mkdir()
        run = drive(opened(folder, settings), wavering)
        for _ in range(killed):
            next(run)
        run.close()
        assert fates(finish(opened(folder, settings), wavering)) == fates(list(whole.records.values()))
        shutil.rmtree(folder)


def test_time_is_kept_for_the_finals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs of half a second: two finalists, two seeds more, four epochs each come to eight seconds."""
    clock = [0.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: clock[0])
    engine = opened(tmp_path, finals(trials=1_000), deadline=60.0)

    def ticking(job: Job, epoch: int) -> float | None:
        clock[0] += 0.5
        return wavering(job, epoch)

    for _ in drive(engine, ticking):
        if any(record.role == "repeat" for record in engine.records.values()):
            assert clock[0] >= 50
    engine.close()
    records = list(engine.records.values())
    assert [record.state for record in records if record.role == "repeat"] == ["completed"] * 4
    assert 58 <= clock[0] <= 60.5
    assert any("time budget" in record.reason for record in records)


@pytest.mark.parametrize("workers", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_time_is_kept_for_the_finals_of_several_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """Runs cannot be divided: four of them on three workers take as long as two, on eight as long as one."""
    clock = [0.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: clock[0])
    engine = opened(tmp_path, finals(trials=1_000), deadline=100.0)
    running: dict[int, tuple[float, Job, int]] = {}  # by trial: when its epoch ends, its job, its epochs

    def seconds(job: Job) -> float:
        return 2.0 + job.design.parameters % 3 / 2

    def begin(job: Job, epoch: int) -> None:
        running[job.number] = (clock[0] + seconds(job), job, epoch)

    while not engine.finished:
        while len(running) < workers and (job := engine.next()) is not None:
            begin(job, job.start + 1)
        clock[0], job, epoch = min(running.values(), key=lambda entry: entry[0])
        del running[job.number]
        reached = replace(result(epoch, wavering(job, epoch) or 0.0), seconds=seconds(job))
        if report(engine, job.number, reached) is Decision.CONTINUE:
            begin(job, epoch + 1)
    engine.close()
    repeats = [record for record in engine.records.values() if record.role == "repeat"]
    assert [record.state for record in repeats] == ["completed"] * 4
    assert clock[0] <= 103


def test_workers_that_went_are_not_reckoned_with(tmp_path: Path) -> None:
    engine = opened(tmp_path, finals())
    finish(engine, wavering)
    reckoned = engine._finals
    for running in (*range(1, 9), *[8] * 30):
        reckoned.begins(running)
    with_eight = reckoned.seconds
    assert reckoned.at_once == 8
    for running in (8, 4, *[2] * 19):
        reckoned.begins(running)
    assert reckoned.at_once == 4
    reckoned.begins(2)
    assert reckoned.at_once == 2
    assert reckoned.seconds > with_eight


def test_what_is_told_of_the_finalists_is_not_what_luck_chose_them_by() -> None:
    """No winner's curse: ten designs that are all as good as 0.5 in truth, each run off by chance (sd 0.02)."""
    chance, design = Random(0), Design.of(load_architecture("lenet5"), Recipe())  # noqa: S311
    means, chosen_by = [], []

    def run(number: int, **of: Any) -> TrialRecord:
        accuracies = {epoch: 0.5 + chance.gauss(0, 0.02) for epoch in (1, 2, 3)}
        return TrialRecord(number=number, design=design, state="completed", accuracies=accuracies, **of)

    for _ in range(500):
        searched = [run(number) for number in range(10)]
        again = [run(10 + place, role="repeat", repeats=r.number) for place, r in enumerate(finalists(searched, 3))]
        found = standings([*searched, *again])
        means += [standing.mean for standing in found.values()]
        chosen_by += [searched[number].accuracy or 0.0 for number in found]
    assert statistics.fmean(chosen_by) > 0.53, "the search flatters what it chooses"
    assert statistics.fmean(means) == pytest.approx(0.5, abs=4 * 0.02 / len(means) ** 0.5)


def test_the_textbooks_best_is_a_finalist_whatever_it_reached(tmp_path: Path) -> None:
    engine = opened(tmp_path, finals(start="auto", trials=9, finalists=1))
    records = finish(engine, lambda job, epoch: 0.1 if job.number < 1 else good(job, epoch))
    assert records[0].role == "start"
    assert records[0].epochs == 4, "the best of the textbook's goes on, though it is the worst at every rung"
    repeated = [record.repeats for record in records if record.role == "repeat"]
    assert sorted(set(repeated)) == sorted({0, ranking(engine)[0].number})
    assert repeated.count(0) == 2, "as many seeds as the best has"


@pytest.mark.parametrize("refit", [False, True])
def test_where_the_time_decides_half_of_it_is_the_finals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refit: bool
) -> None:
    """Two workers by a clock of ours, an epoch in 2 s: 400 epochs of one worker in all, so a length of 1.25·√400."""
    clock = [0.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: clock[0])
    settings = config(
        {**SMALL_SPACE, "filters": [16, 24, 32]},
        search={
            "epochs": "auto", "seconds": 400, "finalists": 3, "seeds": 3, "start": "auto", "trials": 1000,
            "refit": refit,
        },
    )  # fmt: skip
    engine = opened(tmp_path, settings, deadline=400.0)
    running: dict[int, tuple[float, Job, int]] = {}
    jobs: list[Job] = []
    last_began = 0.0
    while not engine.finished:
        while len(running) < 2 and (job := engine.next()) is not None:
            jobs.append(job)
            last_began = clock[0] if job.refit and not job.start else last_began
            running[job.number] = (clock[0] + (1.0 if job.alone else 2.0), job, job.start + 1)
        clock[0], job, epoch = min(running.values(), key=lambda entry: entry[0])
        del running[job.number]
        seconds = 1.0 if job.alone else 2.0
        reached = replace(result(epoch, min(0.99, wavering(job, epoch) or 0.0)), seconds=seconds)
        if report(engine, job.number, reached) is Decision.CONTINUE:
            running[job.number] = (clock[0] + seconds, job, epoch + 1)
    engine.close()
    repeats = [record for record in engine.records.values() if record.role == "repeat"]
    assert engine.length.epochs == 25
    assert engine.length.final is not None
    assert 0.7 * 25 <= engine.length.final <= engine.length.most
    assert {record.state for record in repeats} == {"completed"}
    assert {record.epochs for record in repeats} == {engine.length.final}
    assert any(engine.records[record.repeats or 0].role == "start" for record in repeats)
    assert len({record.repeats for record in repeats}) == (2 if refit else 3)
    last = [record for record in engine.records.values() if record.role == "refit"]
    assert [(r.state, r.epochs, r.repeats) for r in last] == (
        [("completed", engine.length.refit, ranking(engine)[0].number)] if refit else []
    )
    assert jobs[-1].refit is refit
    assert not refit or last_began <= 0.55 * 400, "its time is not spent on more seeds"
    assert jobs[-1].alone, "the last takes the idle worker's CPUs"
    assert 300 <= clock[0] <= 400 * 1.05
    again = opened(tmp_path, settings)
    assert again.ledger.study.length["final"] == engine.length.final
    assert again.length.final is None, "a resume has time of its own, and finals"


def test_finals_that_were_killed_go_on_as_they_were_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: clock[0])
    settings = config(
        {**SMALL_SPACE, "filters": [16, 24, 32]},
        search={"epochs": "auto", "seconds": 400, "finalists": 2, "seeds": 2, "start": "auto", "refit": False},
    )
    engine = opened(tmp_path, settings, deadline=400.0)
    while not any(record.repetition and record.epochs == 2 for record in engine.records.values()):
        job = engine.next()
        assert job is not None
        decision, epoch = Decision.CONTINUE, job.start
        while decision is Decision.CONTINUE and not (engine.records[job.number].repetition and epoch == 2):
            clock[0] += 2.0
            epoch += 1
            reached = replace(result(epoch, min(0.99, wavering(job, epoch) or 0.0)), seconds=2.0)
            decision = report(engine, job.number, reached)
    again = opened(tmp_path, settings, deadline=clock[0] + 400)
    assert again.length.final == engine.length.final
    (run,) = (record for record in again.records.values() if record.repetition)
    jobs = [again.next() for _ in range(3)]  # trials that the end of the search cut off go on, too
    (job,) = (job for job in jobs if job and job.number == run.number)
    assert (job.start, job.epochs) == (2, engine.length.final)


def test_finals_that_a_time_budget_cut_off_are_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = finals(trials=8)
    engine = opened(tmp_path, settings)
    for number, _ in drive(engine, wavering):
        if engine.records[number].role == "repeat":
            engine.time_budget.deadline = time_budget.time.monotonic() - 1
    engine.close()
    assert [r.state for r in engine.records.values() if r.role == "repeat"] == ["stopped"]
    again = opened(tmp_path, settings)
    finish(again, wavering)
    states = [record.state for record in again.records.values() if record.role == "repeat"]
    assert states == ["stopped", *["completed"] * 4]
    assert {len(standing.accuracies) for standing in standings(again.records.values()).values()} == {2}
    folds: dict[int | None, list[int]] = {}
    for record in again.records.values():
        if record.role == "repeat" and record.state == "completed":
            folds.setdefault(record.repeats, []).append(record.fold)
    assert list(folds.values()) == [[1, 2]] * 2, "what was cut off is made up for on its own split"
    assert fates(read_trials(tmp_path)) == fates(list(again.records.values()))
    assert [r.fold for r in read_trials(tmp_path)] == [r.fold for r in again.records.values()]


def test_with_several_objectives_a_rung_promotes_from_its_first_front(tmp_path: Path) -> None:
    engine = opened(tmp_path, finals(objectives=["accuracy", "parameters"], finalists=0, sampler="tpe", trials=20))
    records = [record for record in finish(engine, good) if record.accuracies]
    ended = [record for record in records if record.state == "completed"]
    assert len(ended) > 1
    smallest = min(records, key=lambda r: (r.design.parameters, -r.accuracies[1], r.number))
    assert smallest.epochs > 1, "the smallest network of all is on the first front of the first rung"
    told = engine.ledger.study._study.get_trials(deepcopy=False)
    assert all(trial.values[1] == engine.records[trial.number].design.parameters for trial in told if trial.values)
    whole = {r.number for r in engine.records.values() if r.epochs == 4 and r.state in ("completed", "duplicate")}
    assert {trial.number for trial in engine.ledger.study._study.best_trials} <= whole


@pytest.mark.parametrize("fails", [False, True])
def test_the_winner_is_on_the_front_by_the_mean_that_makes_it_the_winner(tmp_path: Path, fails: bool) -> None:
    sizes = ["lenet5", "resnet18", "alexnet", "vgg16"]  # ascending
    designs = [Design.of(load_architecture(name), Recipe()) for name in sizes]
    assert [design.parameters for design in designs] == sorted(design.parameters for design in designs)

    def run(number: int, design: int, accuracy: float, **of: Any) -> TrialRecord:
        return TrialRecord(number=number, design=designs[design], state="completed", accuracies={4: accuracy}, **of)

    lucky, winner, cheap, beaten = run(0, 1, 0.96), run(1, 2, 0.95), run(2, 0, 0.90), run(3, 3, 0.94)
    again = [run(4, 1, 0.80, role="repeat", repeats=0), run(5, 2, 0.93, role="repeat", repeats=1)]
    if fails:
        # a mean of 0.96, and no winner
        again[0] = TrialRecord(number=4, design=designs[1], state="failed", role="repeat", repeats=0)
    sweep = Sweep(config(search={"objectives": ["accuracy", "parameters"]}, folder=tmp_path))
    rows = sweep.summaries([lucky, winner, cheap, beaten, *again])
    assert rows[0].trial == winner.number
    expected = {1, 2} if fails else {0, 1, 2}
    assert {row.trial for row in rows if row.pareto} == expected
    shown = front(rows, ["accuracy", "parameters"])
    assert shown[1].startswith("  trial 1: 0.9300, ")


def test_latency_is_asked_for_once_and_kept(tmp_path: Path) -> None:
    engine = opened(tmp_path, finals(objectives=["accuracy", "latency"], finalists=0, trials=4))
    asked: list[bool] = []
    while (job := engine.next()) is not None:
        asked.append(job.latency)
        assert job.latency == (job.start == 0)
        order, epoch = Decision.CONTINUE, job.start
        while order is Decision.CONTINUE:
            epoch += 1
            measured = 0.001 * (job.number + 1) if job.latency and epoch == 1 else None
            order = report(engine, job.number, result(epoch, good(job, epoch) or 0.0, latency=measured))
    assert set(asked) == {True, False}
    trained = [record for record in read_trials(tmp_path) if record.accuracies]
    assert trained
    assert all(record.latency == pytest.approx(0.001 * (record.number + 1)) for record in trained)
