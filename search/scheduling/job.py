"""What the sweep's process and its workers exchange: jobs, reports of them, and what is decided on a report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...spaces import TrainingError
from ...trainers import EpochResult
from ..files import trial_folder
from ..records import Design

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..config import SweepConfig
    from ..records import TrialRecord
    from .length import Length


class Decision(Enum):
    """What becomes of a trial after a report.

    CONTINUE: it trains on. PAUSE: it frees its worker and may go on later. STOP: it is over.
    """

    CONTINUE = "continue"
    PAUSE = "pause"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker is to do: train a trial's design on, after `start` epochs, until a decision ends the job."""

    number: int
    """The trial's number."""
    design: Design
    """The network to train, and the recipe to train it by."""
    start: int
    """Epochs of the trial that the sweep knows of, 0 for a new trial."""
    epochs: int
    """Epochs of the full length, which the schedule is made for."""
    rungs: tuple[int, ...]
    """Epochs to come after which the trial is judged: the worker reports there at once."""
    seed: int
    """Seed of weights, data order and dropout."""
    best: float
    """The trial's highest validation accuracy so far, 0 to 1, or below 0 before any; a better one is kept as the best
    checkpoint."""
    checkpoints: Path
    """The trial's folder of checkpoints."""
    until: float | None = None
    """`time.time()` past which no epoch is begun; None for no limit."""
    alone: bool = False
    """Whether nothing else is trained meanwhile, so that the job may use every CPU of its machine."""
    refit: bool = False
    """Whether to train on most of the validation images, too."""
    fold: int = 0
    """Which split of the images to train and validate on: the sweep's own, 0, or another, from 1 on, where there are
    few."""
    latency: bool = False
    """Whether to measure how long classifying one image takes, with the job's first epoch."""
    serial: int = 0
    """Grows from job to job of a sweep's process: a worker that was given up and lives on is known by a lower one."""

    def to_json(self) -> dict[str, Any]:
        """Plain values that JSON can hold, from which `Job.from_json` makes an equal job."""
        return {
            "number": self.number,
            "design": self.design.to_json(),
            "start": self.start,
            "epochs": self.epochs,
            "rungs": list(self.rungs),
            "seed": self.seed,
            "best": self.best,
            "checkpoints": str(self.checkpoints),
            "until": self.until,
            "alone": self.alone,
            "refit": self.refit,
            "fold": self.fold,
            "latency": self.latency,
            "serial": self.serial,
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> Job:
        """The job from which `Job.to_json` made `values`."""
        return Job(
            number=values["number"],
            design=Design.from_json(values["design"]),
            start=values["start"],
            epochs=values["epochs"],
            rungs=tuple(values["rungs"]),
            seed=values["seed"],
            best=values["best"],
            checkpoints=Path(values["checkpoints"]),
            until=values["until"],
            alone=values["alone"],
            refit=values["refit"],
            fold=values["fold"],
            latency=values["latency"],
            serial=values["serial"],
        )


def job_of(
    record: TrialRecord,
    config: SweepConfig,
    length: Length,
    is_rung: Callable[[int, int], bool],
    until: float | None,
    *,
    alone: bool,
) -> Job:
    """The job of training a trial on from where it stands.

    Args:
        record: the trial.
        config: the sweep file.
        length: epochs of a trial of full length.
        is_rung: whether the trial of a number is judged after so many epochs.
        until: `time.time()` past which no epoch is begun; None for no limit.
        alone: whether nothing else is trained meanwhile.
    """
    search, number = config.search, record.number
    soon = record.epochs + length.first_rung * search.reduction**2  # by then the length is known
    to_come = range(record.epochs + 1, length.of(record) if length.known else soon)
    return Job(
        number=number,
        design=record.design,
        start=record.epochs,
        epochs=length.of(record),
        rungs=tuple(epoch for epoch in to_come if is_rung(number, epoch)),
        seed=record.pairing.random_seed(search.seed) if record.pairing else (search.seed * 1_000_003 + number) % 2**31,
        best=-1.0 if record.accuracy is None else record.accuracy,
        checkpoints=trial_folder(config.sweep_folder, number),
        until=until,
        alone=alone,
        refit=record.refit,
        fold=record.fold,
        latency="latency" in search.objectives and record.latency is None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a worker reports of a job: epochs, in their order, and what came after them, if anything."""

    number: int
    """The trial's number."""
    results: tuple[EpochResult, ...] = ()
    """Results of the epochs since the worker's last report."""
    failure: str = ""
    """Why the trial cannot go on, "" where it can."""
    diverged: bool = False
    """Whether it failed since its network will not learn any more, which says something of the design."""
    halt: tuple[str, str] | None = None
    """Message and remedy where nothing can be trained on that worker, whatever the design: the sweep must end."""
    late: bool = False
    """Whether the time was up by the worker's clock before the job began an epoch."""
    outgrown: bool = False
    """Whether the job takes more than its share of a GPU's memory: it is to go on in a larger one."""

    def to_json(self) -> dict[str, Any]:
        """Plain values that JSON can hold, from which `Report.from_json` makes an equal report."""
        return {
            "number": self.number,
            "epoch_results": [result.to_json() for result in self.results],
            "failure": self.failure,
            "diverged": self.diverged,
            "halt": self.halt and list(self.halt),
            "late": self.late,
            "outgrown": self.outgrown,
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> Report:
        """The report from which `Report.to_json` made `values`; other keys, such as Ray Tune's, are ignored.

        Raises:
            TrainingError: a value is missing, of another kind or not known here, or the report says nothing.
        """
        try:
            halt = values.get("halt")
            report = Report(
                number=values["number"],
                results=tuple(EpochResult.from_json(result) for result in values.get("epoch_results", ())),
                failure=values.get("failure", ""),
                diverged=values.get("diverged", False),
                halt=(halt[0], halt[1]) if halt else None,
                late=values.get("late", False),
                outgrown=values.get("outgrown", False),
            )
        except (LookupError, TypeError) as error:
            what = str(error).replace("EpochResult.__init__() ", "")
            raise TrainingError(f"its worker's result cannot be read: {what:.200}") from None
        if not (report.results or report.failure or report.halt or report.late or report.outgrown):
            raise TrainingError("its worker's result cannot be read: it tells of no epoch")
        return report
