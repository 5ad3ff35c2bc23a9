"""The sweeps of an experiment in MLflow, each by its own run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...search.tracking import REPORT_MARK
from ...spaces import printable
from .opened import SWEEP, opened

STATES = {"RUNNING": "running", "FINISHED": "ended", "KILLED": "interrupted", "FAILED": "failed"}
"""How a sweep stands, by what MLflow says of its own run."""
LARGEST_COUNT = 1e9
"""Bound on a number of trials."""
COUNTS = "trials/"
"""How the metrics begin that count a sweep's trials by state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSweep:
    """One sweep as its own run in MLflow tells of it."""

    name: str
    """The sweep's name."""
    run_id: str
    """MLflow's id of the sweep's own run."""
    state: str
    """running, ended, interrupted or failed; a sweep whose machine died stays "running"."""
    started: float
    """When it began, in seconds since 1970."""
    written: float
    """When it ended, or else began, in seconds since 1970."""
    counts: dict[str, int]
    """Trials of the search by state, those that go on as "unfinished"; {} before the first result."""
    report: str = ""
    """What the report was made of that the run has; "" where it has none."""
    best: float | None = None
    """The highest validation accuracy so far, 0 to 1; None before there is any."""

    @property
    def running(self) -> bool:
        """Whether MLflow takes the sweep to be running."""
        return self.state == STATES["RUNNING"]

    @property
    def trials(self) -> int:
        """Trials of the search that began, those not trained as known or over budget among them."""
        return sum(self.counts.values())


def stored_sweeps(uri: str, experiment: str) -> list[StoredSweep]:
    """The sweeps of an experiment in MLflow, the one that began last first; of equal names that one alone.

    One request for each thousand sweeps.

    Args:
        uri: MLflow's tracking URI.
        experiment: name of the experiment in MLflow.

    Raises:
        SweepError: the store does not answer, has no such experiment, or no sweep in it.
    """
    with opened(uri, experiment) as store:
        return [sweep_of_run(run) for run in store.sweeps().values()]


def sweep_of_run(run: Any) -> StoredSweep:
    """What a sweep's own run in MLflow tells of it.

    Args:
        run: MLflow's `Run`.
    """
    info, metrics = run.info, run.data.metrics
    started = seconds(info.start_time) or 0.0
    counted = {key.removeprefix(COUNTS): value for key, value in metrics.items() if key.startswith(COUNTS)}
    best = metrics.get("best_accuracy")
    return StoredSweep(
        name=run.data.tags[SWEEP],
        run_id=info.run_id,
        state=STATES.get(info.status, str(info.status).lower()),
        started=started,
        written=seconds(info.end_time) or started,
        counts={key: int(value) for key, value in counted.items() if 0 <= value <= LARGEST_COUNT},
        report=printable(run.data.tags.get(REPORT_MARK, "")),
        best=best if best is not None and math.isfinite(best) else None,
    )


def seconds(milliseconds: Any) -> float | None:
    """A moment as MLflow has it, in seconds since 1970; None where it is none, or none that a clock shows.

    Args:
        milliseconds: since 1970.
    """
    right = isinstance(milliseconds, int | float) and 0 < milliseconds < 1e14  # the year 5138
    return milliseconds / 1000 if right else None
