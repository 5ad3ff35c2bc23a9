"""What the sweep's process and its workers say to each other: a job, a report of it, and what is decided then."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from ...spaces import TrainingError
from ...trainers import EpochResult
from ..records import Design


class Decision(Enum):
    """What becomes of a trial after a report: it trains on, it frees its worker and may go on later, or it is over."""

    CONTINUE = "continue"
    PAUSE = "pause"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker is to do: train this design on, from `start` epochs until it is told to stop."""

    number: int
    """The trial's."""
    design: Design
    start: int
    """Epochs that the sweep knows of, from 0."""
    epochs: int
    """Epochs of the full length, which the schedule is made for."""
    rungs: tuple[int, ...]
    """Epochs to come after which the trial is judged: the worker reports there at once."""
    seed: int
    """Of weights, data order and dropout."""
    best: float
    """The highest accuracy so far, below 0 before any; a better one is kept as the best checkpoint."""
    checkpoints: Path
    """The trial's folder."""
    until: float | None = None
    """`time.time()` past which no epoch is begun; None for no limit."""
    latency: bool = False
    """Whether to measure how long classifying one image takes, with the job's first epoch."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes an equal job."""
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
            "latency": self.latency,
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> Job:
        """The job that `to_json` gave these values of."""
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
            latency=values["latency"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a worker tells of its job: epochs, in their order, and what came after them, if anything."""

    number: int
    """The trial's."""
    results: tuple[EpochResult, ...] = ()
    failure: str = ""
    """Why the trial cannot go on, "" where it can."""
    halt: tuple[str, str] | None = None
    """Why nothing can be trained there, and what to do about it: the sweep must end."""
    late: bool = False
    """Whether the time was up by the worker's clock before it began an epoch."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes an equal report."""
        return {
            "number": self.number,
            "epoch_results": [result.to_json() for result in self.results],
            "failure": self.failure,
            "halt": self.halt and list(self.halt),
            "late": self.late,
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> Report:
        """The report that `to_json` gave these values of; what else is among them is not looked at.

        Raises:
            TrainingError: something is missing, is of another kind or is not known here, or it tells of nothing.
        """
        try:
            halt = values.get("halt")
            report = Report(
                number=values["number"],
                results=tuple(EpochResult.from_json(result) for result in values.get("epoch_results", ())),
                failure=values.get("failure", ""),
                halt=(halt[0], halt[1]) if halt else None,
                late=values.get("late", False),
            )
        except (LookupError, TypeError) as error:
            what = str(error).replace("EpochResult.__init__() ", "")
            raise TrainingError(f"its worker's result cannot be read: {what:.200}") from None
        if not (report.results or report.failure or report.halt or report.late):
            raise TrainingError("its worker's result cannot be read: it tells of no epoch")
        return report
