"""How a sweep stands at one moment, as its driver tells whoever watches and as `status` reads it elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ..files import PROGRESS

if TYPE_CHECKING:
    from pathlib import Path


class How(StrEnum):
    """How a sweep stands, as its driver tells it."""

    RUNNING = "running"
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepProgress:
    """How a sweep stands at one moment."""

    how: How
    """"running" also after its process died: whether one lives is told by the lock."""
    time: float
    """`time.time()` of that moment."""
    seconds: float
    """Since the launch or resume."""
    wanted: int
    """Trials the sweep file asks for, without baselines and finals."""
    begun: int
    """Trials of those that were begun."""
    ended: int
    """Trials of those that ended."""
    paused: int
    """Trials of those that wait at a rung or for a worker."""
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
    """Of all workers together, while they train."""
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
    """`time.time()` of the last result, or of the launch or resume before any."""

    @property
    def is_running(self) -> bool:
        """Whether the sweep's process had not said that it ended; also so after it died."""
        return self.how is How.RUNNING

    @property
    def is_completed(self) -> bool:
        """Whether the sweep ran to its end."""
        return self.how is How.COMPLETED


def read_progress(folder: Path) -> SweepProgress | None:
    """The progress last written of the sweep in `folder`; None where there is none, or one of another version."""
    try:
        values = json.loads((folder / PROGRESS).read_text())
        return SweepProgress(**{**values, "how": How(values["how"])})
    except (OSError, ValueError, TypeError, LookupError):
        return None
