"""The end of a sweep: finalists from other seeds, the winner by their mean, and several objectives."""

from __future__ import annotations

import shutil
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from convscape import load_architecture
from convscape.dashboards.text.leaderboard import front
from convscape.search.records import ranked, standings
from convscape.search.records.trial import Design, TrialRecord
from convscape.search.scheduling import Decision, time_budget
from convscape.search.study import read_trials
from convscape.search.sweep import Sweep
from convscape.testing.simulation import (
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
    return config(search={"trials": 8, "finalists": 2, "seeds": 3, **search})


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
        runs = [r.accuracy for r in records if number in (r.number, r.repeats)]
        assert sorted(standing.accuracies) == sorted(runs)
        assert standing.mean == pytest.approx(statistics.fmean(runs))
        assert standing.std == pytest.approx(statistics.stdev(runs))
    ranking = ranked(records)
    found = standings(records)
    assert [found[record.number].mean for record in ranking[:2]] == sorted(
        (s.mean for s in found.values()), reverse=True
    )
    assert not any(record.role == "repeat" for record in ranking)


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


@pytest.mark.parametrize("workers", [3, 8])
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
    assert {len(standing.accuracies) for standing in standings(again.records.values()).values()} == {3}


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
    assert shown[1].startswith("  trial 1: 0.9400, ")


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
