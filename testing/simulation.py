"""Sweeps of known results: drives an engine as the inline runner does, with no training behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from ..search.config import SweepConfig
from ..search.proposals import DesignSpace
from ..search.records import ranked, state_counts
from ..search.scheduling import Decision, Engine, Report
from ..search.study import Study
from ..trainers import EpochResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..search.records import State, TrialRecord
    from ..search.scheduling import Job

FIXED_RECIPE = {"learning_rate": 0.1, "weight_decay": 0.0, "batch_size": 64, "flip": False}
SMALL_SPACE = {
    "stages": [1, 2], "convolutions": 1, "filters": [4, 8], "growth": 1, "kernel": [3, 5], "padding": "same",
    "downsampling": ["max", "strided"], "dropout": 0.0, "hidden": 0, "norm": ["batch", "none"],
    "large_filters": ["single", "stack"],
}  # fmt: skip


def config(space: dict[str, Any] = SMALL_SPACE, recipe: dict[str, Any] = FIXED_RECIPE, **sections: Any) -> SweepConfig:
    """A small sweep over 8x8 images: 14 trials of at most 4 epochs, unless `sections` of a sweep file say otherwise."""
    search = {"trials": 14, "epochs": 4, "reduction": 2, "finalists": 0, "start": [], **sections.pop("search", {})}
    plain = {"name": "s", "data": {"name": "digits"}, "space": space, "recipe": recipe, "search": search}
    return SweepConfig.model_validate({**plain, **sections})


class Reports:
    """Stands where the tracker does and keeps what it was told."""

    def __init__(self) -> None:
        self.started: list[int] = []
        """Trials by number, in the order they were started."""
        self.epochs: list[tuple[int, int]] = []
        """(trial, epoch), in the order they were reported."""
        self.ended: dict[int, str] = {}
        """How each trial ended, by number."""

    def trial_started(self, start: Any) -> None:
        """Keeps the number of a trial that starts."""
        self.started.append(start.number)

    def epoch(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        """Keeps that trial `number` trained `epoch`, after a look at the names of `metrics`."""
        assert set(metrics) >= {"accuracy", "train_loss", "validation_loss"}
        self.epochs.append((number, epoch))

    def note(self, tags: dict[str, str], number: int | None = None) -> None:
        """Looked at by those who put another in its place."""

    def flushed_lines(self) -> int:
        """None: nothing is written."""
        return 0

    def summary(self, metrics: dict[str, float], step: int) -> None:
        """Nothing is kept of how the sweep stands."""

    def trial_paused(self, number: int) -> None:
        """Nothing is kept of trials that wait for a resume."""

    def trial_resumed(self, number: int) -> None:
        """Nothing is kept of trials that train again."""

    def trial_ended(self, number: int, *, state: str, **_: Any) -> None:
        """Keeps how trial `number` ended, which happens once."""
        assert number not in self.ended, "ended twice"
        self.ended[number] = state


def opened(folder: Path, settings: SweepConfig, deadline: float | None = None) -> Engine:
    """An engine for the sweep in `folder`, new or resumed, whose results go to `Reports`.

    Args:
        folder: the sweep's; it must exist.
        settings: the sweep's, as `config` makes them.
        deadline: Unix time at which the sweep has to stop, or None.
    """
    search = settings.search
    study = Study(folder, sampler=search.sampler, seed=search.seed, objectives=search.objectives)
    designs = DesignSpace.of(settings, input=(1, 8, 8), classes=10)
    return Engine(settings, designs, study, Reports(), deadline=deadline)  # pyright: ignore[reportArgumentType]


def accuracy(job: Job, epoch: int) -> float | None:
    """What a design reaches: known, and nothing for some that go on past the first rung, which fail."""
    return None if job.number % 6 == 1 and epoch == 2 else good(job, epoch)


def good(job: Job, epoch: int) -> float | None:
    """What a design reaches after `epoch`, from 0 to 1: a number of its notation's own, and more with each epoch."""
    return crc32(job.design.notation.encode()) % 89 / 100 + epoch / 50


def result(epoch: int, value: float, latency: float | None = None) -> EpochResult:
    """The result of an epoch that reached a validation accuracy of `value`, 0 to 1, in half a second."""
    return EpochResult(
        epoch=epoch,
        train_loss=1.0,
        validation_loss=1.0,
        validation_accuracy=value,
        balanced_accuracy=value,
        seconds=0.5,
        images_per_second=100.0,
        latency=latency,
    )


def report(engine: Engine, number: int, *results: EpochResult) -> Decision:
    """Reports results of trial `number`, as a worker does, and returns what the engine decides."""
    return engine.report(Report(number=number, results=results))


def counts(engine: Engine) -> dict[State, int]:
    """How many of the engine's trials ended in each state."""
    return state_counts(engine.records.values())


def ranking(engine: Engine) -> list[TrialRecord]:
    """The engine's trials, the best first."""
    return ranked(engine.records.values())


def drive(engine: Engine, reached: Callable[[Job, int], float | None] = accuracy) -> Iterator[tuple[int, int]]:
    """Trains as the inline runner does, and yields (trial, epoch) after each epoch.

    Args:
        engine: that says what is trained next.
        reached: the accuracy of a job's design after an epoch, 0 to 1; None where the trial fails in that epoch.
    """
    while (job := engine.next()) is not None:
        for epoch in range(job.start + 1, job.epochs + 2):
            assert epoch <= job.epochs, "trained past the last epoch"
            value = reached(job, epoch)
            if value is None:
                engine.fail(job.number, "loss is nan")
                break
            decision = report(engine, job.number, result(epoch, value))
            yield job.number, epoch
            if decision is not Decision.CONTINUE:
                break


def finish(engine: Engine, reached: Callable[[Job, int], float | None] = accuracy) -> list[TrialRecord]:
    """Drives the engine until its sweep is finished, and returns all trials by number. See `drive` for `reached`."""
    for _ in drive(engine, reached):
        pass
    assert engine.finished
    engine.close()
    return list(engine.records.values())


def fates(records: list[TrialRecord]) -> list[tuple[Any, ...]]:
    """Of each trial its number, design, state, reason and accuracies: equal for sweeps that went alike."""
    return [(r.number, r.design.key, r.state, r.reason, r.accuracies) for r in records]


def reports(engine: Engine) -> Reports:
    """What an engine made by `opened` has reported."""
    assert isinstance(engine.ledger.tracker, Reports)
    return engine.ledger.tracker
