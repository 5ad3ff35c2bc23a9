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

FIXED_RECIPE = {"learning_rate": 0.1, "weight_decay": 0.0, "batch_size": 64}
SMALL_SPACE = {
    "stages": [1, 2], "convolutions": 1, "filters": [4, 8], "growth": 1, "kernel": [3, 5], "padding": "same",
    "downsampling": ["max", "strided"], "dropout": 0.0, "hidden": 0,
}  # fmt: skip


def config(space: dict[str, Any] = SMALL_SPACE, recipe: dict[str, Any] = FIXED_RECIPE, **sections: Any) -> SweepConfig:
    search = {"trials": 14, "epochs": 4, "reduction": 2, "finalists": 0, **sections.pop("search", {})}
    plain = {"name": "s", "data": {"name": "digits"}, "space": space, "recipe": recipe, "search": search}
    return SweepConfig.model_validate({**plain, **sections})


class Reports:
    """Stands where the tracker does and keeps what it was told."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.epochs: list[tuple[int, int]] = []
        self.ended: dict[int, str] = {}

    def trial_started(self, start: Any) -> None:
        self.started.append(start.number)

    def epoch(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        assert set(metrics) >= {"accuracy", "train_loss", "validation_loss"}
        self.epochs.append((number, epoch))

    def note(self, tags: dict[str, str], number: int | None = None) -> None:
        """Looked at by those who put another in its place."""

    def summary(self, metrics: dict[str, float], step: int) -> None:
        """Nothing is kept of how the sweep stands."""

    def trial_ended(self, number: int, *, state: str, **_: Any) -> None:
        assert number not in self.ended, "ended twice"
        self.ended[number] = state


def opened(folder: Path, settings: SweepConfig, deadline: float | None = None) -> Engine:
    search = settings.search
    study = Study(folder, sampler=search.sampler, seed=search.seed, objectives=search.objectives)
    designs = DesignSpace.of(settings, input=(1, 8, 8), classes=10)
    return Engine(settings, designs, study, Reports(), deadline=deadline)  # pyright: ignore[reportArgumentType]


def accuracy(job: Job, epoch: int) -> float | None:
    """What a design reaches: known, and nothing for some that go on past the first rung, which fail."""
    return None if job.number % 6 == 1 and epoch == 2 else good(job, epoch)


def good(job: Job, epoch: int) -> float | None:
    return crc32(job.design.notation.encode()) % 89 / 100 + epoch / 50


def result(epoch: int, value: float, latency: float | None = None) -> EpochResult:
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
    return engine.report(Report(number=number, results=results))


def counts(engine: Engine) -> dict[State, int]:
    return state_counts(engine.records.values())


def ranking(engine: Engine) -> list[TrialRecord]:
    return ranked(engine.records.values())


def drive(engine: Engine, reached: Callable[[Job, int], float | None] = accuracy) -> Iterator[tuple[int, int]]:
    """Trains as the inline runner does; yields after each epoch."""
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
    for _ in drive(engine, reached):
        pass
    assert engine.finished
    engine.close()
    return list(engine.records.values())


def fates(records: list[TrialRecord]) -> list[tuple[Any, ...]]:
    return [(r.number, r.design.key, r.state, r.reason, r.accuracies) for r in records]


def reports(engine: Engine) -> Reports:
    assert isinstance(engine.ledger.tracker, Reports)
    return engine.ledger.tracker
