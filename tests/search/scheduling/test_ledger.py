"""Each fact is written once, to the study and then to the tracker; a kill between them is made up for."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from convscape.testing.simulation import Reports, config, finish, good, opened, report, reports, result

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.scheduling import Engine
from convscape.search.scheduling import Report
from convscape.spaces import SweepError


class Killed(BaseException):
    """What no `except Exception` catches, as a SIGKILL."""


def killed_at(engine: Engine, call: str) -> None:
    """Lets the process die as it comes to tell the tracker."""

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    setattr(reports(engine), call, die)


class Everything(Reports):
    """Keeps every call, with all it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics: dict[tuple[int, int], dict[str, float]] = {}
        self.notes: list[tuple[int | None, dict[str, str]]] = []

    def epoch(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        super().epoch(number, epoch, metrics)
        self.metrics[number, epoch] = dict(metrics)

    def note(self, tags: dict[str, str], number: int | None = None) -> None:
        self.notes.append((number, tags))


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convscape.testing.simulation.Reports", Everything)


def begun(folder: Path) -> tuple[Engine, int]:
    engine = opened(folder, config())
    job = engine.next()
    assert job is not None
    return engine, job.number


def test_an_epoch_that_the_study_has_is_told_whole_after_a_kill(tmp_path: Path, everything: None) -> None:
    engine, number = begun(tmp_path)
    killed_at(engine, "epoch")
    with pytest.raises(Killed):
        report(engine, number, result(1, 0.5))
    again = opened(tmp_path, config())
    assert again.records[number].accuracies == {1: 0.5}
    told: Any = reports(again)
    assert told.metrics[number, 1] == {
        "accuracy": 0.5, "balanced_accuracy": 0.5, "validation_loss": 1.0, "train_loss": 1.0, "epoch_seconds": 0.5,
        "images_per_second": 100.0,
    }  # fmt: skip


def test_metrics_without_their_accuracy_are_not_told(tmp_path: Path, everything: None) -> None:
    """Killed between the two lines of the study: the worker has the epoch in its checkpoint and tells it again."""
    engine, number = begun(tmp_path)

    def die(*_: Any) -> None:
        raise Killed

    engine.ledger.study._keep = die
    with pytest.raises(Killed):
        report(engine, number, result(1, 0.5))
    again = opened(tmp_path, config())
    told: Any = reports(again)
    assert again.records[number].accuracies == {}
    assert told.metrics == {}


def test_an_end_that_the_study_has_is_told_after_a_kill(tmp_path: Path, everything: None) -> None:
    engine, number = begun(tmp_path)
    killed_at(engine, "trial_ended")
    with pytest.raises(Killed):
        engine.fail(number, "it broke")
    again = opened(tmp_path, config())
    assert again.records[number].reason == "it broke"
    assert reports(again).ended == {number: "failed"}


def test_a_trial_that_was_asked_for_is_told_after_a_kill(tmp_path: Path, everything: None) -> None:
    engine = opened(tmp_path, config())
    killed_at(engine, "trial_started")
    with pytest.raises(Killed):
        engine.next()
    assert reports(opened(tmp_path, config())).started == [0]


def test_the_study_is_written_before_the_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = opened(tmp_path, config(search={"trials": 3}))
    order: list[tuple[str, str]] = []

    def watched(owner: Any, who: str, names: tuple[str, ...]) -> None:
        for name in names:
            call = getattr(owner, name)
            monkeypatch.setattr(
                owner, name, lambda *a, _call=call, _name=name, **k: (order.append((who, _name)), _call(*a, **k))[1]
            )

    watched(engine.ledger.study, "study", ("ask", "report", "end"))
    watched(engine.ledger.tracker, "tracker", ("trial_started", "epoch", "trial_ended"))
    finish(engine, good)
    after = {"trial_started": "ask", "epoch": "report", "trial_ended": "end"}
    for (who, _), (then, _name) in itertools.pairwise(order):
        assert then != "tracker" or who == "study", order
    for told, kept in after.items():
        assert [name for _, name in order].count(told) == [name for _, name in order].count(kept) > 0


def test_a_halt_is_heard_behind_a_result_that_is_no_number(tmp_path: Path) -> None:
    engine, number = begun(tmp_path)
    told = Report(number=number, results=(result(1, float("nan")),), halt=("the disk is full", "Free some space."))
    with pytest.raises(SweepError, match="the disk is full"):
        engine.report(told)
    assert engine.records[number].failed


def test_events_of_a_first_epoch_are_told_after_a_kill(tmp_path: Path, everything: None) -> None:
    engine, number = begun(tmp_path)
    engine.ledger.study.note(engine.records[number], ("batch halved",))  # and killed before its accuracy
    told: Any = reports(opened(tmp_path, config()))
    assert told.notes == [(number, {"convscape.events": "batch halved"})]
