"""How far a sweep is at one moment: what its process shows and writes down, and what `convscape status` reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ..files import PROGRESS

if TYPE_CHECKING:
    from pathlib import Path


class SweepState(StrEnum):
    """How a sweep goes, as the process that runs it says: still running, or how it ended."""

    RUNNING = "running"
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


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
    trial: int | None = None
    """Number of the best trial; None before any has a result."""
    accuracy: float = 0.0
    """The best trial's highest validation accuracy, 0 to 1."""
    parameters: int = 0
    """The best trial's parameters."""
    notation: str = ""
    """The best trial's network."""
    heard: float = 0.0
    """`time.time()` of the last epoch's result, or of the launch or resume before any."""

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

    Gives None where nothing was written, or another version of this project wrote it.
    """
    try:
        values = json.loads((folder / PROGRESS).read_text())
        state = SweepState(values["how"])
        return SweepProgress(state=state, **{key: value for key, value in values.items() if key != "how"})
    except (OSError, ValueError, TypeError, LookupError):
        return None
