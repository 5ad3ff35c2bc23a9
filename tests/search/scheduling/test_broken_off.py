"""What an engine makes of a sweep that was broken off: kills, interruptions, the clock, lost workers, odd results."""

from __future__ import annotations

import json
import math
import shutil
import time
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from convscape.search.files import STUDY
from convscape.search.proposals import proposals
from convscape.search.scheduling import Decision, engine as engines
from convscape.search.study import read_trials
from convscape.testing.simulation import (
    accuracy,
    config,
    counts,
    drive,
    fates,
    finish,
    good,
    opened,
    report,
    reports,
    result,
)
from hypothesis import given, settings, strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from convscape.search.config.schema import SweepConfig
    from convscape.search.records import TrialRecord
    from convscape.search.scheduling import Job
    from convscape.search.scheduling.engine import Engine


class Unbroken:
    """A sweep that nothing interrupted; a class for its short repr."""

    def __init__(self, folder: Path, settings: SweepConfig, spare: Path) -> None:
        self.settings, self.spare = settings, spare
        self.fates = fates(finish(opened(folder, settings)))
        self.content = (folder / STUDY).read_bytes()


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unbroken]:
    settings = config(budget={"macs": 30_000})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(proposals, "MOST_MISSES", 12)
        sweep = Unbroken(tmp_path_factory.mktemp("unbroken"), settings, tmp_path_factory.mktemp("spare"))
        states = {fate[2] for fate in sweep.fates}
        assert states == {"completed", "stopped", "failed", "duplicate", "infeasible"}, "not all that can happen does"
        yield sweep


def test_a_sweep_killed_after_any_kind_of_event_ends_as_if_it_had_not_been(unbroken: Unbroken) -> None:
    ends: dict[tuple[Any, ...], int] = {}
    position = 0
    for line in unbroken.content.splitlines(keepends=True):
        position += len(line)
        event = json.loads(line)
        told = event.get("user_attr", {})
        ends[event["op_code"], event.get("state"), *told, told.get("state"), event.get("step")] = position
    for position in ends.values():
        (unbroken.spare / STUDY).write_bytes(unbroken.content[:position])
        assert fates(finish(opened(unbroken.spare, unbroken.settings))) == unbroken.fates


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 1))
def test_a_sweep_killed_at_any_byte_ends_as_if_it_had_not_been(unbroken: Unbroken, share: float) -> None:
    (unbroken.spare / STUDY).write_bytes(unbroken.content[: round(share * len(unbroken.content))])
    assert fates(finish(opened(unbroken.spare, unbroken.settings))) == unbroken.fates


@settings(max_examples=12, deadline=None)
@given(kills=st.lists(st.integers(0, 12), max_size=4))
def test_a_sweep_killed_again_and_again_ends_as_if_it_had_not_been(unbroken: Unbroken, kills: list[int]) -> None:
    folder = unbroken.spare / "again"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    trained: list[tuple[int, int]] = []
    for epochs in kills:
        for done, epoch in enumerate(drive(opened(folder, unbroken.settings)), 1):
            trained.append(epoch)
            if done > epochs:
                break
    engine = opened(folder, unbroken.settings)
    trained += drive(engine)
    assert fates(finish(engine)) == unbroken.fates
    assert len(set(trained)) == len(trained), "an epoch was trained twice"


def test_an_epoch_trained_again_is_not_counted_again(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"first_rung": 3}))
    job = engine.next()
    assert job is not None
    assert report(engine, job.number, result(1, 0.5)) is Decision.CONTINUE
    assert report(engine, job.number, result(1, 0.5)) is Decision.CONTINUE
    assert reports(engine).epochs == [(job.number, 1)]


def test_what_a_time_budget_stopped_takes_no_place_in_a_rung_of_the_resumed_sweep(tmp_path: Path) -> None:
    settings = config(search={"trials": 8, "reduction": 4})
    engine = opened(tmp_path, settings, deadline=float("inf"))
    for number in range(3):
        job = engine.next()
        assert job is not None
        report(engine, job.number, result(1, 0.9 - number / 10))
    engine.time_budget.deadline = 0.0
    engine.close()
    again = opened(tmp_path, settings)
    orders: list[Decision] = []
    for value in (0.1, 0.2, 0.3, 0.4):
        job = again.next()
        assert job is not None
        orders.append(report(again, job.number, result(1, value)))
    assert orders == [Decision.PAUSE] * 3 + [Decision.CONTINUE]


def test_stopping_ends_a_trial_at_its_rung_and_pauses_nobody(tmp_path: Path) -> None:
    curve = {0: 0.5, 1: 0.4, 2: 0.6, 3: 0.3}
    engine = opened(tmp_path, config(search={"trials": 4, "promotion": "stopping"}))
    for number, _ in drive(engine, lambda job, epoch: curve[job.number] + epoch / 100):
        paused = {record.number for record in engine.records.values() if record.state == "paused"}
        assert not paused, f"after trial {number}"
    assert engine.finished
    states = {n: (r.state, r.epochs, r.reason) for n, r in engine.records.items() if r.state != "duplicate"}
    assert states == {
        0: ("completed", 4, "trained 4 epochs"),
        1: ("stopped", 1, "not promoted after epoch 1"),
        2: ("completed", 4, "trained 4 epochs"),
        3: ("stopped", 1, "not promoted after epoch 1"),
    }
    assert reports(engine).ended == {0: "completed", 1: "stopped", 2: "completed", 3: "stopped"}


def test_a_later_bracket_is_first_judged_at_a_later_rung(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 12, "brackets": 2}))
    records = [record for record in finish(engine, good) if record.state in ("completed", "stopped")]
    assert {record.epochs for record in records} == {1, 2, 4}
    for record in records:
        rungs = [epoch for epoch in (1, 2) if engine._promotion.is_rung(record.number, epoch)]
        assert record.epochs in (*rungs, 4)


@pytest.mark.parametrize(
    "strategy",
    [{"promotion": "stopping"}, {"promotion": "stopping", "brackets": 2}, {"promotion": "halving", "brackets": 2}],
    ids=str,
)
def test_whatever_the_promotion_a_sweep_killed_after_a_result_ends_as_if_it_had_not_been(
    tmp_path: Path, strategy: dict[str, Any]
) -> None:
    settings = config(search={"epochs": 6, **strategy})
    expected = fates(finish(opened(tmp_path, settings)))
    assert {state for _, _, state, *_ in expected} >= {"completed", "stopped", "failed"}
    content = (tmp_path / STUDY).read_bytes()
    lines = content.splitlines(keepends=True)
    results = [index for index, line in enumerate(lines, 1) if b'"intermediate_value"' in line]
    assert len(results) > 20
    for index in results[::3]:
        (tmp_path / STUDY).write_bytes(b"".join(lines[:index]))
        assert fates(finish(opened(tmp_path, settings))) == expected


def test_trials_at_a_rung_that_an_interruption_meets_are_judged_as_if_it_had_not(tmp_path: Path) -> None:
    settings = config(search={"trials": 4, "promotion": "stopping"})
    engine = opened(tmp_path, settings)
    jobs = [engine.next() for _ in range(4)]
    engine.interrupted = "interrupted"
    orders = []
    for job, value in zip(jobs, (0.2, 0.4, 0.1, 0.3), strict=True):
        assert job is not None
        orders.append(report(engine, job.number, result(1, value)))
    assert orders == [Decision.PAUSE, Decision.PAUSE, Decision.STOP, Decision.PAUSE]
    engine.close()
    again = opened(tmp_path, settings)
    assert [record.state for record in again.records.values()] == ["paused", "paused", "stopped", "paused"]
    went_on = [again.next() for _ in range(3)]
    assert [(job.number, job.start) for job in went_on if job is not None] == [(0, 1), (1, 1), (3, 1)]
    assert again.next() is None


def test_a_trial_that_was_told_to_go_on_is_not_judged_again_by_what_came_later(tmp_path: Path) -> None:
    settings = config(search={"trials": 3, "promotion": "stopping"})
    engine = opened(tmp_path, settings)
    jobs = [engine.next() for _ in range(3)]
    for job, value in zip(jobs, (0.2, 0.4, 0.6), strict=True):
        assert job is not None
        assert report(engine, job.number, result(1, value)) is Decision.CONTINUE
    again = opened(tmp_path, settings)  # killed before any of them ended another epoch
    went_on = [again.next() for _ in range(3)]
    assert [(job.number, job.start) for job in went_on if job is not None] == [(0, 1), (1, 1), (2, 1)]


@pytest.mark.parametrize(
    "search",
    [
        {"promotion": "stopping"}, {"promotion": "halving"}, {"promotion": "stopping", "sampler": "random"},
        {"promotion": "halving", "brackets": 2}, {"promotion": "halving", "objectives": ["accuracy", "macs"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_sweep_of_several_workers_killed_after_any_event_ends_as_if_it_had_not_been(
    tmp_path: Path, search: dict[str, Any]
) -> None:
    settings = config(search={"epochs": 6, **search})
    expected = fates(together(opened(tmp_path, settings)))
    assert {state for _, _, state, *_ in expected} >= {"completed", "stopped", "failed"}
    lines = (tmp_path / STUDY).read_bytes().splitlines(keepends=True)
    for events in range(1, len(lines), 17):  # 17: shares no factor with the events of an epoch or a proposal
        (tmp_path / STUDY).write_bytes(b"".join(lines[:events]))
        assert fates(together(opened(tmp_path, settings))) == expected, f"killed after event {events}"


def together(engine: Engine, workers: int = 3) -> list[TrialRecord]:
    """Trains several trials at a time: whose epoch ends next follows from which of them are in which epoch."""
    jobs: dict[int, Job] = {}
    while True:
        while len(engine.active) < workers and (job := engine.next()) is not None:
            jobs[job.number] = job
        if not engine.active:
            break
        number = min(engine.active, key=lambda n: crc32(f"{n} {engine.records[n].epochs}".encode()))
        epoch = engine.records[number].epochs + 1
        value = accuracy(jobs[number], epoch)
        if value is None:
            engine.fail(number, "loss is nan")
        else:
            report(engine, number, result(epoch, value))
    assert engine.finished
    engine.close()
    return list(engine.records.values())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("search", [{}, {"promotion": "stopping"}, {"objectives": ["accuracy", "macs"]}], ids=str)
def test_an_accuracy_that_is_no_number_fails_its_trial_and_takes_no_place(
    tmp_path: Path, value: float, search: dict[str, Any]
) -> None:
    engine = opened(tmp_path, config(search=search))
    records = finish(engine, lambda job, epoch: value if job.number % 4 == 1 and epoch == 2 else good(job, epoch))
    spoilt = [record for record in records if record.number % 4 == 1 and record.state == "failed"]
    assert spoilt
    for record in spoilt:
        assert record.reason == f"accuracy after epoch 2 is {value!r}, which is no number"
        assert list(record.accuracies) == [1]
        assert reports(engine).ended[record.number] == "failed"
    assert counts(engine)["failed"] == len(spoilt)
    assert counts(engine)["completed"] >= 1
    assert fates(read_trials(tmp_path)) == fates(records)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_latency_that_is_no_number_counts_as_not_measured(tmp_path: Path, value: float, sampler: str) -> None:
    search = {"trials": 20, "sampler": sampler, "objectives": ["accuracy", "latency"]}
    engine = opened(tmp_path, config(search=search))
    asked: dict[int, int] = {}
    while (job := engine.next()) is not None:
        for epoch in range(job.start + 1, job.epochs + 1):
            asked[job.number] = asked.get(job.number, 0) + (job.latency and epoch == job.start + 1)
            odd = job.number % 2 or epoch == 1
            order = report(engine, job.number, result(epoch, good(job, epoch) or 0.0, value if odd else 0.001))
            if order is not Decision.CONTINUE:
                break
    engine.close()
    assert counts(engine)["failed"] == 0
    whole = [record for record in engine.records.values() if record.state == "completed"]
    assert {record.latency for record in whole} == {None, 0.001}, "measured anew with a trial's next job"
    assert max(asked.values()) > 1
    on_disk = {record.number: record.latency for record in read_trials(tmp_path) if record.state != "duplicate"}
    assert on_disk == {number: engine.records[number].latency for number in on_disk}


def test_a_trial_that_lost_its_worker_before_the_time_was_up_is_ended(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"promotion": "none"}))
    job = engine.next()
    assert job is not None
    report(engine, job.number, result(1, 0.5))
    engine.worker_lost(job.number, "its process ended")
    engine.time_budget.deadline = time.monotonic() - 1
    engine.close()
    assert engine.records[job.number].state == "stopped"
    assert reports(engine).ended == {job.number: "stopped"}


def test_an_interruption_is_heard_by_a_trial_that_trains_again_what_is_known(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"promotion": "none"}))
    job = engine.next()
    assert job is not None
    report(engine, job.number, result(1, 0.5), result(2, 0.6))
    engine.worker_lost(job.number, "its process ended")
    again = engine.next()
    assert again is not None
    assert again.number == job.number
    assert report(engine, job.number, result(1, 0.5)) is Decision.CONTINUE
    engine.interrupted = "interrupted"
    assert report(engine, job.number, result(2, 0.6)) is Decision.PAUSE
    assert engine.finished


def test_a_trial_killed_between_its_last_attempt_and_its_end_is_not_tried_again(tmp_path: Path) -> None:
    settings = config(search={"promotion": "none", "trials": 1})
    engine = opened(tmp_path, settings)
    engine.fail = lambda *_: None  # pyright: ignore[reportAttributeAccessIssue] - killed before it
    for _ in range(engines.MOST_ATTEMPTS):
        assert engine.next() is not None
        engine.worker_lost(0, "its process ended")
    again = opened(tmp_path, settings)
    assert again.records[0].state == "failed"
    assert reports(again).ended == {0: "failed"}


def test_an_end_is_in_the_study_before_it_is_told(tmp_path: Path) -> None:
    """What is told cannot be taken back; what is not told is, when the sweep is opened again."""
    settings = config(search={"promotion": "none", "trials": 1, "epochs": 1})
    engine = opened(tmp_path, settings)
    job = engine.next()
    assert job is not None

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    engine.ledger.tracker.trial_ended = killed  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(KeyboardInterrupt):
        report(engine, job.number, result(1, 0.5))
    again = opened(tmp_path, settings)
    assert again.records[0].state == "completed"
    assert reports(again).ended == {0: "completed"}
