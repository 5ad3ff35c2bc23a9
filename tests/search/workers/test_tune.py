"""The engine behind Tune's interfaces: jobs handed out, orders passed on, and errors that end the sweep by name."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config.schema import SweepConfig
from convscape.search.proposals import DesignSpace
from convscape.search.scheduling import engine as engines
from convscape.search.scheduling.engine import Engine
from convscape.search.study.study import Study
from convscape.search.workers.tune import ConvscapeScheduler, ConvscapeSearcher
from convscape.spaces.errors import SweepError
from convscape.testing.simulation import result as result_of
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

if TYPE_CHECKING:
    from pathlib import Path


class Silent:
    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    config = SweepConfig.model_validate(
        {
            "name": "s",
            "folder": tmp_path,
            "data": {"name": "digits"},
            "search": {"trials": 20, "epochs": 4, "start": []},
        }
    )
    return Engine(config, DesignSpace.of(config, (1, 8, 8), 10), Study(tmp_path, sampler="random", seed=0), Silent())  # pyright: ignore[reportArgumentType]


def trial(number: int, error: str = "") -> Any:
    return SimpleNamespace(trial_id=f"t{number}", get_error=lambda: error, get_pickled_error=lambda: None)


def epoch(number: int, epoch: int = 1, accuracy: float = 0.5) -> dict[str, Any]:
    values = result_of(epoch, accuracy).to_json()
    return {"number": number, "epoch_results": [values]}


def started(engine: Engine, most: int = 2) -> tuple[ConvscapeSearcher, ConvscapeScheduler]:
    jobs = ConvscapeSearcher(engine, most)
    for number in range(most):
        assert jobs.suggest(f"t{number}")["number"] == number
    return jobs, ConvscapeScheduler(engine, jobs)


def test_no_more_jobs_are_out_than_there_are_workers(engine: Engine) -> None:
    jobs, orders = started(engine, most=2)
    assert jobs.suggest("t2") is None
    assert orders.on_trial_result(None, trial(0), epoch(0)) == TrialScheduler.STOP  # pyright: ignore[reportArgumentType]
    jobs.on_trial_complete("t0")
    assert jobs.suggest("t2")["number"] == 2


def test_an_error_in_a_result_ends_the_sweep_with_that_error(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, orders = started(engine)

    def full(*_: object) -> None:
        raise SweepError("study.jsonl: cannot be written: No space left on device")

    monkeypatch.setattr(engine.ledger.study, "report", full)
    monkeypatch.setattr(engine.ledger.study, "attempt_failed", full)
    assert orders.on_trial_result(None, trial(0), epoch(0)) == TrialScheduler.STOP  # pyright: ignore[reportArgumentType]
    jobs.on_trial_complete("t0", error=True)
    jobs.on_trial_complete("t0", error=True)  # Tune calls it again where the first call raised
    assert "No space left" in str(jobs.problem)
    assert jobs.suggest("t9") == Searcher.FINISHED
    assert orders.on_trial_result(None, trial(1), epoch(1)) == TrialScheduler.STOP  # pyright: ignore[reportArgumentType]
    assert not engine.records[1].accuracies


def test_a_trial_that_cannot_even_be_failed_ends_the_sweep_with_that_error(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, orders = started(engine)

    def full(*_: object, **__: object) -> None:
        raise SweepError("study.jsonl: cannot be written: No space left on device")

    monkeypatch.setattr(engine.ledger.study, "end", full)
    for result in (epoch(0, accuracy=math.nan), {"number": 0, "epoch_results": []}):
        assert orders.on_trial_result(None, trial(0), result) == TrialScheduler.STOP  # pyright: ignore[reportArgumentType]
        assert "No space left" in str(jobs.problem)
    assert jobs.suggest("t9") == Searcher.FINISHED


def test_an_accuracy_that_is_no_number_fails_its_trial_alone(engine: Engine) -> None:
    jobs, orders = started(engine)
    assert orders.on_trial_result(None, trial(0), epoch(0, accuracy=math.nan)) == TrialScheduler.STOP  # pyright: ignore[reportArgumentType]
    jobs.on_trial_complete("t0")
    assert jobs.problem is None
    assert (engine.records[0].state, engine.records[0].attempts) == ("failed", 0)
    assert engine.records[0].reason == "accuracy after epoch 1 is nan, which is no number"
    assert orders.on_trial_result(None, trial(1), epoch(1)) == TrialScheduler.STOP  # pyright: ignore[reportArgumentType]
    assert engine.records[1].accuracies == {1: 0.5}


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({}, "it tells of no epoch"),
        ({"validation_accuracy": None}, "accuracy after epoch 1 is None, which is no number"),
        ({"validation_accuracy": ...}, "missing 1 required keyword-only argument: 'validation_accuracy'"),
        ({"sharpness": 1.0}, "got an unexpected keyword argument 'sharpness'"),
    ],
    ids=str,
)
def test_a_result_that_is_not_whole_fails_its_trial_alone(engine: Engine, spoilt: dict[str, Any], said: str) -> None:
    jobs, orders = started(engine)
    values = epoch(0)["epoch_results"][0] | spoilt
    whole = {key: value for key, value in values.items() if value is not ...}
    result = {"number": 0, "epoch_results": [whole] if spoilt else []}
    assert orders.on_trial_result(None, trial(0), result) == TrialScheduler.STOP  # pyright: ignore[reportArgumentType]
    jobs.on_trial_complete("t0")
    assert jobs.problem is None
    assert engine.records[0].state == "failed"
    assert said in engine.records[0].reason
    assert jobs.suggest("t2")["number"] == 2


def several(number: int, *accuracies: float, **rest: Any) -> dict[str, Any]:
    results = [epoch(number, at, accuracy)["epoch_results"][0] for at, accuracy in enumerate(accuracies, 1)]
    return {"number": number, "epoch_results": results, **rest}


def test_epochs_told_together_are_all_taken_in_and_the_last_is_judged(tmp_path: Path) -> None:
    config = SweepConfig.model_validate(
        {
            "name": "s",
            "folder": tmp_path,
            "data": {"name": "digits"},
            "search": {"epochs": 9, "first_rung": 3, "start": []},
        }
    )
    engine = Engine(config, DesignSpace.of(config, (1, 8, 8), 10), Study(tmp_path, sampler="random", seed=0), Silent())  # pyright: ignore[reportArgumentType]
    jobs = ConvscapeSearcher(engine, 1)
    assert jobs.suggest("t0")["rungs"] == [3]
    orders = ConvscapeScheduler(engine, jobs)
    assert orders.on_trial_result(None, trial(0), several(0, 0.1, 0.2)) == TrialScheduler.CONTINUE  # pyright: ignore[reportArgumentType]
    assert orders.on_trial_result(None, trial(0), several(0, 0.1, 0.2, 0.3)) == TrialScheduler.STOP  # pyright: ignore[reportArgumentType]
    assert (engine.records[0].state, engine.records[0].accuracies) == ("paused", {1: 0.1, 2: 0.2, 3: 0.3})


@pytest.mark.parametrize(
    ("how", "state", "problem"),
    [({"failure": "it broke"}, "failed", "None"), ({"halt": ["the disk is full", "Mend it."]}, "running", "the disk")],
)
def test_epochs_told_before_what_ends_a_trial_are_kept(
    engine: Engine, how: dict[str, Any], state: str, problem: str
) -> None:
    engine._promotion.is_rung = lambda *_: False
    jobs, orders = started(engine, most=1)
    assert orders.on_trial_result(None, trial(0), several(0, 0.1, 0.2, **how)) == TrialScheduler.STOP  # pyright: ignore[reportArgumentType]
    assert (engine.records[0].state, engine.records[0].accuracies) == (state, {1: 0.1, 2: 0.2})
    assert str(jobs.problem).startswith(problem)


def test_a_lost_worker_s_reason_is_kept(engine: Engine) -> None:
    jobs, orders = started(engine, most=1)
    for attempt in range(engines.MOST_ATTEMPTS):
        if attempt:
            assert jobs.suggest("t0")["number"] == 0
        orders.on_trial_error(None, trial(0, "Traceback\nModuleNotFoundError: No module named 'convscape'"))  # pyright: ignore[reportArgumentType]
        jobs.on_trial_complete("t0", error=True)
    assert engine.records[0].state == "failed"
    assert "No module named 'convscape'" in engine.records[0].reason
    assert jobs.problem is None


def test_where_a_worker_hung_is_its_reason_once(tmp_path: Path) -> None:
    config = SweepConfig.model_validate(
        {"name": "s", "folder": tmp_path, "data": {"name": "digits"}, "resources": {"epoch_seconds": 5}}
    )
    engine = Engine(config, DesignSpace.of(config, (1, 8, 8), 10), Study(tmp_path, sampler="random", seed=0), Silent())  # pyright: ignore[reportArgumentType]
    jobs, orders = started(engine, most=1)
    hanging = trial(0, "Traceback\nActorDiedError: exit code 1")
    hanging.config = {"checkpoints": str(tmp_path)}
    (tmp_path / ".watched.txt").write_text("Thread 0x1: in forward")
    orders.on_trial_error(None, hanging)  # pyright: ignore[reportArgumentType]
    assert "within the 5 s of resources.epoch_seconds" in jobs.reasons["t0"]
    orders.on_trial_error(None, hanging)  # pyright: ignore[reportArgumentType]
    assert jobs.reasons["t0"] == "ActorDiedError: exit code 1"


def test_workers_that_never_live_end_the_sweep_by_name(engine: Engine) -> None:
    jobs = ConvscapeSearcher(engine, 1)
    for _ in range(engines.MOST_LOSSES):
        assert jobs.suggest("t0") not in (None, Searcher.FINISHED)
        jobs.reasons["t0"] = "no such folder"
        jobs.on_trial_complete("t0", error=True)
    assert isinstance(jobs.problem, SweepError)
    assert "no such folder" in str(jobs.problem)


def test_a_node_that_goes_with_many_workers_does_not_end_the_sweep(engine: Engine) -> None:
    """Of those that have reported an epoch none counts; of those that had just begun twice as many may be lost."""
    engine.config = engine.config.model_copy(update={"search": engine.config.search.model_copy(update={"trials": 40})})
    engine._losses = 0
    engine._finals.begins(12)
    jobs, orders = started(engine, most=2)
    for name in ("t0", "t1"):
        number = jobs.number(name)
        assert number is not None
        orders.on_trial_result(None, trial(number), epoch(number))  # pyright: ignore[reportArgumentType]
    engine._losses = engines.MOST_LOSSES
    reported = [number for number in engine.active if number in engine.images_per_second]
    for number in reported:
        engine.worker_lost(number, "its node went")
    assert engine._losses == engines.MOST_LOSSES
    engine._losses = 22
    fresh = jobs.suggest("t8")
    engine.worker_lost(fresh["number"], "its node went")
    assert engine._losses == 23
    fresh = jobs.suggest("t9")
    with pytest.raises(SweepError, match="24 workers in a row ended without a result"):
        engine.worker_lost(fresh["number"], "its node went")


def test_a_result_between_losses_shows_that_workers_live(engine: Engine) -> None:
    jobs, orders = started(engine, most=2)
    for _ in range(engines.MOST_LOSSES - 1):
        engine._losses += 1
    orders.on_trial_result(None, trial(1), epoch(1))  # pyright: ignore[reportArgumentType]
    jobs.on_trial_complete("t0", error=True)
    assert jobs.problem is None


def test_a_worker_whose_clock_is_ahead_does_not_use_trials_up(engine: Engine) -> None:
    engine.time_budget.deadline = 1e12
    jobs, orders = started(engine, most=1)
    assert (
        orders.on_trial_result(None, trial(0), {"number": 0, "epoch_results": [], "late": True}) == TrialScheduler.STOP
    )  # pyright: ignore[reportArgumentType]
    jobs.on_trial_complete("t0")
    again = jobs.suggest("t1")
    assert again["number"] == 0
    assert again["until"] is None


def test_a_job_s_end_told_late_is_no_loss_of_the_next_job(engine: Engine) -> None:
    """Seen under load: Tune gave the promoted trial's job out before it told of the end of the one it had paused."""
    jobs, orders = started(engine, most=3)
    for number in range(3):
        assert orders.on_trial_result(None, trial(number), epoch(number, accuracy=0.9 - number / 10)) == "STOP"  # pyright: ignore[reportArgumentType]
    promoted = jobs.suggest("t3")
    assert (promoted["number"], promoted["start"]) == (0, 1)
    jobs.on_trial_complete("t0")
    assert engine.records[0].attempts == 0
    assert list(engine.active) == [0]
    assert orders.on_trial_result(None, trial(0), epoch(0, 2)) == "STOP"  # pyright: ignore[reportArgumentType]
    assert engine.records[0].epochs == 1


def test_what_tune_pickles_of_them_is_nothing(engine: Engine) -> None:
    jobs, orders = started(engine)
    assert jobs.__getstate__() == orders.__getstate__() == {}


def test_a_worker_lost_on_a_node_that_does_not_fit_ends_the_sweep_and_counts_against_no_trial(engine: Engine) -> None:
    class Guard:
        def ask(self, *, answer: bool) -> None:  # noqa: ARG002
            raise SweepError("resources.address: node 10.0.0.2 (gpu-1) has no torch")

    jobs, _ = started(engine)
    orders = ConvscapeScheduler(engine, jobs, guard=Guard())  # pyright: ignore[reportArgumentType]
    lost = SimpleNamespace(trial_id="t0", get_error=lambda: "no torch", get_pickled_error=lambda: None, config={})
    orders.on_trial_error(None, lost)  # pyright: ignore[reportArgumentType]
    jobs.on_trial_complete("t0", error=True)
    assert "has no torch" in str(jobs.problem)
    assert jobs.suggest("t9") == Searcher.FINISHED
    assert engine.records[0].attempts == 0


def test_no_node_is_asked_for_a_worker_that_trained(engine: Engine) -> None:
    class Guard:
        def ask(self, *, answer: bool) -> None:
            raise AssertionError(f"asked, answer={answer}")

    jobs, _ = started(engine)
    orders = ConvscapeScheduler(engine, jobs, guard=Guard())  # pyright: ignore[reportArgumentType]
    engine.images_per_second[0] = 100.0  # of the first epoch of its job
    orders.on_trial_error(None, trial(0, error="its node is gone"))  # pyright: ignore[reportArgumentType]
    assert jobs.problem is None
