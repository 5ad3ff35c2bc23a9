"""The winner's last training: on most of the validation images, too, alone, and as long as the time allows."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config.recipe_space import LONG_STEPS
from convscape.search.records import Design, TrialRecord, last_trainings, ranked, standings, summaries, why_refused
from convscape.search.scheduling import Decision, Job, time_budget
from convscape.search.scheduling.length import OPEN, REFIT_PLANNED
from convscape.spaces import parse_notation
from convscape.testing.simulation import SMALL_SPACE, config, drive, finish, good, opened, ranking, report, result
from convscape.trainers import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.scheduling import Engine


def settings(**search: Any) -> Any:
    return config(search={"trials": 8, "finalists": 2, "seeds": 3, **search})


def refits(engine: Engine) -> list[TrialRecord]:
    return [record for record in engine.records.values() if record.role == "refit"]


def test_the_winner_is_trained_for_the_last_time_and_handed_over(tmp_path: Path) -> None:
    engine = opened(tmp_path, settings())
    jobs: list[Job] = []

    def noted(job: Job, epoch: int) -> float | None:
        jobs.append(job)
        return good(job, epoch)

    records = finish(engine, noted)
    (last,) = refits(engine)
    winner = ranking(engine)[0]
    assert (last.number, last.state, last.epochs) == (max(record.number for record in records), "completed", 4)
    assert last.repeats == winner.number
    assert last.design.key == winner.design.key
    assert {job.number for job in jobs if job.refit} == {last.number}
    assert all(job.alone for job in jobs if job.refit), "nothing else runs: it takes every CPU"
    standing = standings(records)[winner.number]
    assert standing.run == last.number
    assert len(standing.accuracies) == 2, "what it reached, with more images and on few, counts in no mean"
    assert last not in ranked(records)


@pytest.mark.parametrize(("setting", "count"), [({"refit": False}, 0), ({"finalists": 0}, 0), ({"seeds": 1}, 1)])
def test_it_can_be_left_out(tmp_path: Path, setting: dict[str, Any], count: int) -> None:
    engine = opened(tmp_path, settings(**setting))
    finish(engine, good)
    assert len(refits(engine)) == count


@pytest.mark.parametrize("reached", [None, 0.05])
def test_one_that_fails_or_goes_wrong_is_not_handed_over(tmp_path: Path, reached: float | None) -> None:
    engine = opened(tmp_path, settings())
    records = finish(engine, lambda job, epoch: reached if job.refit else good(job, epoch))
    assert len(refits(engine)) == 1, "nor is it tried again"
    standing = standings(records)[ranking(engine)[0].number]
    assert standing.run not in {None, refits(engine)[0].number}
    assert standing.failed == 0


def test_a_sweep_killed_at_any_epoch_of_it_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = opened(tmp_path / "whole", settings())
    finish(whole, good)
    for epochs in range(4):
        (tmp_path / "killed").mkdir()
        killed = opened(tmp_path / "killed", settings())
        while (job := killed.next()) is not None and not (job.refit and not epochs):
            for epoch in range(job.start + 1, job.epochs + 1):
                decision = report(killed, job.number, result(epoch, good(job, epoch) or 0.0))
                if decision is not Decision.CONTINUE or (job.refit and epoch == epochs):
                    break
            if job.refit:
                break
        again = opened(tmp_path / "killed", settings())
        finish(again, good)
        assert [(r.number, r.accuracies) for r in refits(again)] == [(r.number, r.accuracies) for r in refits(whole)]
        shutil.rmtree(tmp_path / "killed")


def test_the_most_accurate_is_trained_for_the_last_time_where_costs_count_too(tmp_path: Path) -> None:
    engine = opened(tmp_path, settings(objectives=["accuracy", "parameters"]))
    records = finish(engine, good)
    (last,) = refits(engine)
    assert last.repeats == ranking(engine)[0].number
    assert standings(records)[ranking(engine)[0].number].run == last.number


@pytest.mark.parametrize("compiled", [False, True])
def test_its_length_is_chosen_by_its_own_epochs_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    """It has more images and other CPUs than the search: what its epochs take is measured anew.

    The first one of a compiled training has the compiler's time in it.
    """
    clock = [0.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: clock[0])
    space = {**SMALL_SPACE, "filters": [16, 24, 32]}
    search = {"epochs": "auto", "seconds": 400, "finalists": 1, "start": "auto"}
    timed = config(space, search=search, resources={"compile": compiled})
    engine = opened(tmp_path, timed, deadline=400.0)
    given: list[int] = []
    while (job := engine.next()) is not None:
        decision, epoch = Decision.CONTINUE, job.start
        given += [job.epochs] if job.refit else []
        while decision is Decision.CONTINUE:
            seconds = (3.0 if job.refit else 2.0) + 10.0 * (compiled and epoch == 0)
            clock[0] += seconds
            epoch += 1
            decision = report(engine, job.number, replace(result(epoch, good(job, epoch) or 0.0), seconds=seconds))
            if job.refit and epoch == 1 + compiled:
                left = 400 - clock[0]
    (last,) = refits(engine)
    assert given == [OPEN, last.epochs], "its rate stays constant until that is known"
    assert last.epochs == 1 + compiled + int(REFIT_PLANNED * left / 3.0)
    assert engine.ledger.study.length["refit"] == last.epochs
    assert 350 < clock[0] <= 400


@pytest.mark.parametrize(
    ("schedule", "part", "state"),
    [("cosine", 0.7, "stopped"), ("cosine", 0.85, "completed"), ("wsd", 0.9, "stopped"), ("wsd", 0.975, "completed")],
)
def test_one_that_the_time_ends_is_of_use_when_its_rate_has_come_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schedule: str, part: float, state: str
) -> None:
    """The machine may become slower than it was when the length was chosen."""
    clock = [0.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: clock[0])
    space = {**SMALL_SPACE, "filters": [16, 24, 32]}
    timed = config(space, search={"epochs": "auto", "seconds": 400, "finalists": 2, "start": "auto"})
    engine = opened(tmp_path, timed, deadline=400.0)
    engine._finals._for_refit = lambda recipe, _: replace(recipe, schedule=schedule)
    while (job := engine.next()) is not None:
        decision, epoch = Decision.CONTINUE, job.start
        while decision is Decision.CONTINUE:
            clock[0] += 2.0
            epoch += 1
            if job.refit and epoch > 1 and epoch >= part * job.epochs:
                clock[0] = 401.0
            of = engine.records[job.number].repeats
            accuracy = engine.records[of].accuracy if job.refit and of is not None else good(job, epoch)
            decision = report(engine, job.number, replace(result(epoch, accuracy or 0.0), seconds=2.0))
    engine.close()
    (last,) = refits(engine)
    assert (last.state, last.reason) == (state, f"cut short after epoch {last.epochs}; time budget")
    handed_over = last_trainings(engine.records.values())
    assert handed_over == ({last.repeats: last.number} if state == "completed" else {})


def test_it_is_left_out_where_there_is_no_time_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: clock[0])
    engine = opened(tmp_path, settings(epochs=4), deadline=1000.0)
    for number, _ in drive(engine, good):
        if engine.records[number].role == "repeat":
            clock[0] = 999.9
    engine.close()
    assert not refits(engine)


def test_a_long_one_mixes_images_and_its_rate_goes_down_in_a_cosine() -> None:
    """By the settings as a sweep file gives them, in which every default is filled in."""
    recipes = config(recipe={}).recipe_space().for_images((1, 28, 28))
    usual = Recipe(schedule="wsd", label_smoothing=0.1)
    assert recipes.for_refit(usual, LONG_STEPS - 1) == usual
    long = recipes.for_refit(usual, LONG_STEPS)
    assert long == replace(usual, mixup=0.2, cutmix=1.0, label_smoothing=0.0, schedule="cosine")
    assert recipes.for_refit(replace(usual, schedule="constant"), LONG_STEPS).schedule == "constant"
    for own in ({"mixup": 0.1}, {"cutmix": 0}):
        assert config(recipe=own).recipe_space().for_refit(usual, LONG_STEPS) == usual, "somebody has said otherwise"


def test_a_resume_with_a_better_trial_is_not_bound_by_an_old_refit() -> None:
    """The last training makes no finalist of a trial: another that is better comes first."""
    design = Design.of(parse_notation("INPUT[8x8x1] -> FC-10"), Recipe())
    trials = [
        TrialRecord(number=0, design=design, state="completed", accuracies={4: 0.8}),
        TrialRecord(number=1, design=design, state="completed", accuracies={9: 0.85}, role="refit", repeats=0),
        TrialRecord(number=2, design=design, state="completed", accuracies={4: 0.9}),
    ]
    assert [record.number for record in ranked(trials)] == [2, 0]
    first, second = summaries(trials, {}, ["accuracy"])
    assert (first.trial, first.run, first.mean_accuracy) == (2, None, None)
    assert (second.trial, second.run, second.mean_accuracy) == (0, 1, None), "it was not trained from other seeds"


def trial(number: int, reached: float, epochs: int, **more: Any) -> TrialRecord:
    design = Design.of(parse_notation("INPUT[8x8x1] -> FC-10"), Recipe())
    return TrialRecord(
        **{"number": number, "design": design, "state": "completed", "accuracies": {epochs: reached}, **more}
    )


@pytest.mark.parametrize(
    ("searched", "epochs", "reached", "its", "state", "why"),
    [
        (0.9653, 6, 0.8276, 2, "completed", "it had 2 epochs, and the search 6"),
        (0.9653, 6, 0.7, 12, "completed", "it ended at 0.7000, far below the search"),
        (0.9653, 6, 0.8276, 12, "completed", ""),
        (0.5764, 1, 1.0, 3, "stopped", ""),
        (0.9, 6, 1.0, 12, "stopped", "it was cut off before its rate had come down"),
    ],
)
def test_what_is_handed_over_is_never_far_worse_than_what_was_found(
    searched: float, epochs: int, reached: float, its: int, state: str, why: str
) -> None:
    """The first and the fourth were seen on a busy machine."""
    winner = trial(0, searched, epochs)
    last = trial(1, reached, its, role="refit", repeats=0, state=state, reason="cut short; time budget")
    assert why_refused(last, winner) == why
    assert last_trainings([winner, last]) == ({} if why else {0: 1})


def test_time_that_the_start_took_leaves_one_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: clock[0])
    timed = config(SMALL_SPACE, search={"epochs": "auto", "seconds": 40, "finalists": 2, "start": "auto"})
    engine = opened(tmp_path, timed, deadline=40.0)
    clock[0] = 33.0  # most of it was kept for finals
    job = engine.next()
    assert job is not None
    assert job.until is None, "its first epoch may end past the deadline"
    clock[0] = 41.0
    assert report(engine, job.number, replace(result(1, 0.5), seconds=1.0)) is Decision.PAUSE
    assert engine.next() is None
    engine.close()
    assert engine.records[job.number].accuracies == {1: 0.5}
