"""How far a sweep is at one moment: what its process shows and writes down, and what `convscape status` reads."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from ..files import LINES, PROGRESS, SPOOLED, read_or_tell, tell_once
from .phases import Phase, format_duration

if TYPE_CHECKING:
    from pathlib import Path


TOLD = 32
"""Trials being trained that are told of one by one, at most."""
LARGEST = 10**15
"""Bound on a number of a sweep's progress; a moment in milliseconds is far below it."""


class SweepState(StrEnum):
    """How a sweep goes, as the process that runs it says: still running, or how it ended."""

    RUNNING = "running"
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTrial:
    """A trial that a worker trains now."""

    number: int
    """The trial's number."""
    epochs: int
    """Epochs that ended."""
    of: int | None
    """Epochs that it is trained for where it goes on to its end; None while that is not chosen."""
    repeats: int | None = None
    """Number of the trial that is trained once more; None for a trial of the search."""
    refit: bool = False
    """Whether it is the winner's last training."""

    @property
    def words(self) -> str:
        """What is being trained, in words: "trial 7: epoch 3 of 9"."""
        what = f"trial {self.number}"
        if self.refit:
            what = f"last training of trial {self.repeats}"
        elif self.repeats is not None:
            what = f"trial {self.repeats} again"
        at = self.epochs + 1
        return f"{what}: epoch {at}" if self.of is None else f"{what}: epoch {min(at, self.of)} of {self.of}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepProgress:
    """How far a sweep is at one moment."""

    state: SweepState
    """How the sweep goes. It is "running" also after the process died: whether a process lives is told by the lock."""
    time: float
    """The moment, as `time.time()` gives it."""
    seconds: float
    """Seconds since the launch or resume."""
    wanted: int
    """Trials the sweep file asks for, without baselines and finals."""
    begun: int
    """Trials that were begun, without baselines and finals."""
    ended: int
    """Trials that ended, without baselines and finals."""
    paused: int
    """Trials that wait at a rung or for a worker, without baselines and finals."""
    running: int
    """Trials being trained now, of all kinds."""
    failed: int
    """Trials of all kinds that failed."""
    baselines: int
    """Baselines that ended."""
    finals: int
    """Runs of finalists from other seeds that ended."""
    epochs: int
    """Epochs trained by all trials together, before a resume included."""
    images_per_second: float
    """Training images a second of all workers together."""
    left: float | None
    """Seconds until the end, by the time budget or by how long epochs took so far; None while nobody can know."""
    done: float | None = None
    """The part that is done, 0 to 1: of the time budget, or of the epochs that are expected; None where unknown."""
    budget: float | None = None
    """Seconds of the time budget where `left` and `done` go by it; None where they go by epochs."""
    trial: int | None = None
    """Number of the best trial; None before any has a result."""
    accuracy: float = 0.0
    """The best trial's highest validation accuracy, 0 to 1."""
    reach: float = 0.0
    """Half the width of the 95 % confidence interval of `accuracy` or, where there is one, of `mean_accuracy`."""
    mean_accuracy: float | None = None
    """The mean of the best trial's runs from other seeds, 0 to 1; None before it has any."""
    parameters: int = 0
    """The best trial's parameters."""
    notation: str = ""
    """The best trial's network."""
    heard: float = 0.0
    """`time.time()` of the last epoch's result, or of the launch or resume before any."""
    trials: tuple[RunningTrial, ...] = ()
    """The trials being trained now, TOLD of them at most."""
    phases: tuple[Phase, ...] = ()
    """What the launch or resume did so far; the last phase goes on."""

    def to_json(self) -> dict[str, Any]:
        """Plain values that JSON can hold, as heartbeat.json keeps them; `state` is called "how" there."""
        values = asdict(self)
        return {"how": values.pop("state"), **values}

    @property
    def is_running(self) -> bool:
        """Whether the process that runs the sweep has not said that it ended; also so after that process died."""
        return self.state is SweepState.RUNNING

    @property
    def is_completed(self) -> bool:
        """Whether the sweep ran to its end."""
        return self.state is SweepState.COMPLETED


def read_progress(folder: Path) -> SweepProgress | None:
    """How far the sweep in `folder` was when the process that runs it last wrote it down.

    Gives None where nothing was written, and says so where what is there was not written by this version.
    """
    path = folder / PROGRESS
    values = read_or_tell(path)
    if values is None:
        return None
    try:
        for counted in (LINES, SPOOLED):
            values.pop(counted, None)
        state = SweepState(values.pop("how"))
        trials = tuple(_checked(RunningTrial(**each)) for each in values.pop("trials", ()))
        phases = tuple(_checked(Phase(**each)) for each in values.pop("phases", ()))
        return replace(_checked(SweepProgress(state=state, **values)), trials=trials, phases=phases)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        tell_once(path, f" is passed over: {error!s:.200}")
        return None


_FLAGS = ("refit",)
_Record = TypeVar("_Record", SweepProgress, RunningTrial, Phase)


def as_of_now(progress: SweepProgress) -> SweepProgress:
    """The progress of a while ago with its clocks moved on to now, while it runs: seconds so far, and seconds left."""
    if not progress.is_running:
        return progress
    age = max(0.0, time.time() - progress.time)
    left = None if progress.left is None else max(0.0, progress.left - age)
    done = 1 - left / progress.budget if progress.budget and left is not None else progress.done
    phases = progress.phases
    if phases:
        phases = (*phases[:-1], Phase(phases[-1].name, phases[-1].seconds + age))
    return replace(
        progress, seconds=progress.seconds + age, left=left, done=done and min(1.0, max(0.0, done)), phases=phases
    )


def _checked(record: _Record) -> _Record:
    """The record of what was read.

    Raises:
        ValueError: no driver wrote that: each field is a text, or a number within bounds, or may be absent.
    """
    for name, value in asdict(record).items():
        if name in ("state", "notation", "name"):
            fits = isinstance(value, str)
        elif name in _FLAGS:
            fits = isinstance(value, bool)
        elif value is None:
            fits = name in ("left", "trial", "done", "budget", "mean_accuracy", "of", "repeats")
        elif name in ("trials", "phases"):
            fits = not value
        else:
            fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
        if not fits:
            raise ValueError(f"{name} is {value!r:.80}")
    return record


def silence(progress: SweepProgress, age: float) -> str:
    """How long nothing was heard of the workers of a sweep that runs, `age` in seconds, in a few words."""
    lasting = format_duration(age)
    return f"last result {lasting} ago" if progress.ended or progress.images_per_second else f"no result for {lasting}"
