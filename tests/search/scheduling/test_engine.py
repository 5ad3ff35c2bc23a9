"""The engine with known results in place of training: what it orders."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.proposals import proposals
from convscape.search.scheduling import Decision, Report, time_budget
from convscape.search.study import read_trials
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.errors import (
    ArchitectureError,
    ConvscapeError,
    GeometryError,
    SpaceError,
    SweepError,
    TrainingError,
)
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

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.spaces.architecture import Architecture


def test_every_trial_asked_for_is_trained_and_every_one_ends(tmp_path: Path) -> None:
    engine = opened(tmp_path, config())
    records = finish(engine)
    ended = counts(engine)
    assert ended["completed"] + ended["stopped"] + ended["failed"] == 14
    assert sum(ended.values()) == len(records)
    assert ended["completed"] >= 1
    assert ended["failed"] >= 1
    assert fates(read_trials(tmp_path)) == fates(records)
    trained = [r.number for r in records if r.state in ("completed", "stopped", "failed")]
    assert reports(engine).started == trained
    assert reports(engine).ended == {number: engine.records[number].state for number in trained}
    assert len(set(reports(engine).epochs)) == len(reports(engine).epochs), "an epoch was trained twice"


def test_without_promotion_all_run_to_the_end(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 5, "promotion": "none"}))
    finish(engine, good)
    assert counts(engine)["completed"] == 5
    assert len(reports(engine).epochs) == 5 * 4


@pytest.mark.parametrize("fault", [ArchitectureError, GeometryError, TrainingError])
def test_a_proposal_that_is_no_network_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[ConvscapeError]
) -> None:
    whole, calls = ConvSpace.sample, iter(range(1_000))

    def sample(*arguments: Any) -> Architecture:
        if next(calls) % 3 == 0:
            raise fault("a window that does not fit")
        return whole(*arguments)

    monkeypatch.setattr(ConvSpace, "sample", sample)
    line = "INPUT[8x8x1] -> CONV3-4 -> RELU -> FLATTEN -> FC-10"
    engine = opened(tmp_path, config(search={"trials": 5, "start": [line]}))
    assert len([record for record in finish(engine, good) if record.accuracies]) == 5

    monkeypatch.setattr(ConvSpace, "sample", lambda *_: (_ for _ in ()).throw(fault("never fits")))
    (tmp_path / "none").mkdir()
    with pytest.raises(fault, match="never fits"):
        finish(opened(tmp_path / "none", config(search={"trials": 5})))


def test_a_study_at_fault_ends_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sample(*_: Any) -> Architecture:
        raise SweepError("held by another")

    monkeypatch.setattr(ConvSpace, "sample", sample)
    engine = opened(tmp_path, config(search={"trials": 5}))
    with pytest.raises(SweepError, match="held by another"):
        engine.next()
    assert len(engine.ledger.study.restore()) == 0
    assert engine.proposals._misses == 0


def test_halving_trains_less_and_keeps_the_best_of_each_rung(tmp_path: Path) -> None:
    engine = opened(tmp_path, config())
    records = [record for record in finish(engine, good) if record.accuracies]
    at_first = {r.number: r.accuracies[1] for r in records}
    gone_on = {r.number for r in records if r.epochs > 1}
    assert len(gone_on) < len(at_first)
    best_half = sorted(at_first, key=lambda n: (-at_first[n], n))[: len(at_first) // 2]
    assert set(best_half) <= gone_on


def test_one_trial_alone_ends_at_full_length(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 1}))
    assert [record.epochs for record in finish(engine, good)] == [4]
    assert counts(engine)["completed"] == 1


def test_the_ranking_is_by_accuracy_then_size(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 6}))
    finish(engine, lambda _job, _epoch: 0.5)
    order = ranking(engine)
    assert [r.design.parameters for r in order] == sorted(r.design.parameters for r in order)


def test_a_design_seen_before_gets_the_known_result_untrained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "MOST_MISSES", 15)
    engine = opened(tmp_path, config({**SMALL_SPACE, "stages": 1, "head": "fc"}, search={"sampler": "random"}))
    records = finish(engine, good)
    twins = [record for record in records if record.state == "duplicate"]
    assert twins
    for twin in twins:
        first = next(record for record in records if record.design.key == twin.design.key)
        assert twin.reason == f"same as trial {first.number}"
        assert first.state != "duplicate"
        assert twin.number not in reports(engine).started
        assert set(twin.accuracies.items()) <= set(first.accuracies.items())
    assert len({record.design.key for record in records}) == len(records) - len(twins)


def test_a_space_that_holds_no_more_ends_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "MOST_MISSES", 20)
    two = {**SMALL_SPACE, "stages": 1, "kernel": 3, "filters": 4, "downsampling": "max", "head": "fc"}
    engine = opened(tmp_path, config(two))  # with and without batch norm
    finish(engine, good)
    ended = counts(engine)
    assert ended["completed"] + ended["stopped"] == 2
    assert ended["duplicate"] >= 20


def test_what_was_found_of_an_exhausted_space_is_not_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(proposals, "MOST_MISSES", 20)
    two = {**SMALL_SPACE, "stages": 1, "kernel": 3, "filters": 4, "downsampling": "max", "head": "fc"}
    records = finish(opened(tmp_path, config(two)))
    assert "the space seems to hold no more. Trained: 2 of 14." in caplog.text
    again = opened(tmp_path, config(two))
    assert again.next() is None
    assert fates(list(again.records.values())) == fates(records)


def test_a_trial_killed_between_its_last_result_and_its_end_is_not_trained_past_it(tmp_path: Path) -> None:
    settings = config(search={"trials": 1, "epochs": 2, "promotion": "none"})
    engine = opened(tmp_path, settings)
    job = engine.next()
    assert job is not None
    report(engine, 0, result(1, 0.5))
    engine.ledger.study.report(engine.records[0], 2, 0.6)  # all that reached the disk
    again = opened(tmp_path, settings)
    assert again.next() is None
    assert (again.records[0].state, again.records[0].reason) == ("completed", "trained 2 epochs")


def test_a_design_over_budget_is_never_trained(tmp_path: Path) -> None:
    limit = 20_000
    engine = opened(tmp_path, config(budget={"macs": limit}))
    records = finish(engine, good)
    over = [record for record in records if record.design.macs > limit]
    assert over
    assert {record.state for record in over} == {"infeasible"}
    assert all(f"over the budget of {limit:,}" in record.reason for record in over)
    assert not {record.number for record in over} & set(reports(engine).started)
    assert all(record.design.macs <= limit for record in records if record.accuracies)


def test_a_design_over_budget_is_made_narrower_where_that_is_asked_for(tmp_path: Path) -> None:
    limit = 20_000
    engine = opened(tmp_path, config(budget={"macs": limit, "over_budget": "shrink"}))
    records = finish(engine, good)
    assert not [record for record in records if record.state == "infeasible"]
    assert all(record.design.macs <= limit for record in records)
    assert len({record.design.key for record in records if record.state != "duplicate"}) == 14


def test_a_budget_that_nothing_meets_is_refused(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(budget={"parameters": 1}, search={"sampler": "random"}))
    with pytest.raises(SpaceError, match="none of 200 sampled networks") as caught:
        engine.next()
    assert caught.value.key == "budget"


def test_a_trial_that_fails_does_not_end_the_sweep(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 4}))
    finish(engine, lambda job, epoch: None if job.number in (0, 2) else good(job, epoch))
    assert counts(engine)["failed"] == 2
    assert counts(engine)["completed"] >= 1
    assert engine.records[0].reason == "loss is nan"


def test_a_lost_worker_costs_an_attempt_and_three_fail_the_trial(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 2}))
    for attempt in range(3):
        job = engine.next()
        assert job is not None
        assert (job.number, job.start) == (0, 0), f"attempt {attempt}"
        engine.worker_lost(0, "its process ended")
    assert engine.records[0].state == "failed"
    assert engine.records[0].reason == "3 workers lost; the last: its process ended"
    finish(engine, good)
    assert counts(engine) == {"completed": 1, "stopped": 0, "failed": 1, "duplicate": 0, "infeasible": 0}


def test_a_trial_that_outgrew_its_share_goes_on_where_it_stands_and_no_attempt_is_counted(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 2}))
    engine.time_budget.deadline = time.monotonic() + 1000
    job = engine.next()
    assert job is not None
    for _ in range(5):
        decision = engine.report(Report(number=job.number, outgrown=True))
        assert decision is Decision.STOP
        again = engine.next()
        assert again is not None
        assert (again.number, again.start) == (job.number, job.start)
    assert engine.records[job.number].attempts == 0
    assert engine.time_budget.until is not None, "its worker's clock was taken to be wrong"


def test_a_lost_trial_goes_on_from_its_last_epoch_also_after_a_restart(tmp_path: Path) -> None:
    settings = config(search={"trials": 2, "promotion": "none"})
    engine = opened(tmp_path, settings)
    job = engine.next()
    assert job is not None
    report(engine, 0, result(1, 0.4))
    engine.worker_lost(0, "its process ended")
    again = opened(tmp_path, settings)
    job = again.next()
    assert job is not None
    assert (job.number, job.start, job.best) == (0, 1, 0.4)
    assert again.records[0].attempts == 1


def test_past_the_deadline_nothing_starts_and_what_runs_ends_with_its_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: now)
    engine = opened(tmp_path, config(search={"promotion": "none"}), deadline=10.0)
    job = engine.next()
    assert job is not None
    assert report(engine, job.number, result(1, 0.5)) is Decision.CONTINUE
    now = 10.0
    assert not engine.finished
    assert report(engine, job.number, result(2, 0.6)) is Decision.PAUSE
    assert engine.next() is None
    assert engine.finished
    engine.close()
    (record,) = engine.records.values()
    assert (record.state, record.reason) == ("stopped", "not promoted after epoch 2; time budget")


def test_a_sweep_stopped_by_its_time_budget_can_be_given_more(tmp_path: Path) -> None:
    settings = config()
    engine = opened(tmp_path, settings)
    for count, _ in enumerate(drive(engine, good)):
        if count == 8:
            engine.time_budget.deadline = time.monotonic() - 1
    engine.close()
    before = dict(reports(engine).ended.items())
    assert "stopped" in before.values()
    again = opened(tmp_path, settings)
    finish(again, good)
    told = reports(again).ended
    assert {number: told[number] for number in before} == before, "a trial that had ended was taken up"
    assert again.proposals.trained == 14


def test_an_interrupted_sweep_keeps_what_waits(tmp_path: Path) -> None:
    engine = opened(tmp_path, config())
    for count, _ in enumerate(drive(engine, good)):
        if count == 5:
            engine.interrupted = "interrupted"
    engine.close()
    assert engine.next() is None
    assert "paused" in {record.state for record in engine.records.values()}
    assert "stopped" not in {record.state for record in engine.records.values()}
