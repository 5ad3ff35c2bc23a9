"""How a sweep stands, told by its driver: to the one who watches, to `status` elsewhere, and to MLflow as it goes."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from ..config import WarmStart
from ..files import write_atomically
from ..records import ENDED
from ..scheduling import Halving, finalists

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..config import SearchConfig
    from ..records import TrialRecord
    from ..scheduling import Engine

FILE = "heartbeat.json"
WRITE_EVERY = 1.0
"""Seconds between two writings of the file, and two points of MLflow's summary; for trials that begin it is sooner."""
_LOOK_EVERY, _SHARE = 0.1, 0.02  # seconds; the most of the driver's time that looking may take
_ENDED = ("completed", "stopped", "failed")
How = Literal["running", "completed", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """How a sweep stands at one moment."""

    how: How
    """"running" also after its process died: whether one lives is told by the lock."""
    time: float
    """`time.time()` of it."""
    seconds: float
    """Since the launch or resume."""
    wanted: int
    """Trials the sweep file asks for; baselines and finals do not count in this and the next three."""
    begun: int
    ended: int
    paused: int
    running: int
    """Trials being trained now, of all kinds."""
    failed: int
    baselines: int
    """Baselines that ended."""
    finals: int
    """Runs of finalists from other seeds that ended."""
    epochs: int
    """Epochs trained by all trials together, before a resume included."""
    images_per_second: float
    left: float | None
    """Seconds until the end, by the time budget or by how long epochs took so far; None while nobody can know."""
    trial: int | None = None
    """The best trial; the next three are its."""
    accuracy: float = 0.0
    parameters: int = 0
    notation: str = ""
    heard: float = 0.0
    """`time.time()` of the last result, or of the launch or resume before any."""


class ProgressCallback:
    """The engine's callback: looks at it now and then, and tells `show`, the sweep's folder and MLflow.

    Call it once when the engine is made: what was trained before then says nothing of how long the rest takes.
    Nothing raises. Looking takes longer the more trials there are, and is done the less often.

    Args:
        folder: the sweep's; `heartbeat.json` is written there.
        show: is given each snapshot.
    """

    def __init__(self, folder: Path, show: Callable[[SweepProgress], None] = lambda _: None) -> None:
        self._path, self._show = folder / FILE, show
        self._started = time.monotonic()
        self._looked = self._written = -float("inf")
        self._wait = _LOOK_EVERY
        self._running, self._hastened = 0, -float("inf")
        self._before: int | None = None
        self._epochs, self._heard = -1, 0.0

    def __call__(self, engine: Engine) -> None:
        now = time.monotonic()
        if len(engine.active) > self._running and now - self._hastened >= WRITE_EVERY:
            # Of a trial that has begun nothing more may be heard for long: that it runs is told at once.
            self._hastened, self._written = now, -float("inf")
            self._beat(engine, "running")
        elif now - self._looked >= self._wait:
            self._beat(engine, "running")

    def end(self, engine: Engine, how: How) -> None:
        """The last look: how the sweep ended."""
        self._written = -float("inf")
        self._beat(engine, how)

    def _beat(self, engine: Engine, how: How) -> None:
        begun = time.monotonic()
        with suppress(Exception):  # whatever it is, the sweep does not end of being looked at
            snapshot = self._taken(engine, how)
            self._running = snapshot.running
            with suppress(Exception):
                self._show(snapshot)
            if begun - self._written >= WRITE_EVERY:
                self._written = begun
                engine.tracker.summary(_metrics(engine, snapshot), step=snapshot.epochs)
                self._write(snapshot)
        self._looked = time.monotonic()
        self._wait = max(_LOOK_EVERY, (self._looked - begun) / _SHARE)

    def _write(self, snapshot: SweepProgress) -> None:
        write_atomically(self._path, json.dumps(asdict(snapshot)))

    def _taken(self, engine: Engine, how: How) -> SweepProgress:
        search = engine.config.search
        records = [record for record in engine.records.values() if record.state != "duplicate"]  # theirs is another's
        usual = [record for record in records if record.role not in ("baseline", "repeat")]
        epochs = sum(record.epochs for record in records)
        seconds = time.monotonic() - self._started
        if self._before is None:
            self._before = epochs
        if epochs != self._epochs:
            self._epochs, self._heard = epochs, time.time()
        by_rate = self._by_rate(search, list(engine.records.values()), epochs - self._before, seconds)
        by_budget = None if engine.deadline is None else max(0.0, engine.deadline - time.monotonic())
        left = min((value for value in (by_rate, by_budget) if value is not None), default=None)
        best = next(iter(engine.ranking()), None)
        return SweepProgress(
            how,
            time.time(),
            seconds,
            search.trials,
            engine.trained,
            sum(record.state in _ENDED for record in usual),
            sum(record.state == "paused" for record in usual),
            len(engine.active),
            sum(record.state == "failed" for record in records),
            sum(record.role == "baseline" and record.state in _ENDED for record in records),
            sum(record.role == "repeat" and record.state in _ENDED for record in records),
            epochs,
            sum(engine.images_per_second.values()),
            left if how == "running" else None,
            best.number if best else None,
            (best.accuracy or 0.0) if best else 0.0,
            best.design.parameters if best else 0,
            best.design.notation if best else "",
            self._heard,
        )

    def _by_rate(self, search: SearchConfig, records: list[TrialRecord], new: int, seconds: float) -> float | None:
        """Seconds left if epochs go on to take as long, and as many trials as usual are promoted."""
        if new < 3:
            return None
        usual = sum(record.epochs for record in records if not record.exempt and record.state != "duplicate")
        left = max(0.0, expected_epochs(search) * search.trials - usual)
        left += sum(search.epochs - record.epochs for record in records if record.exempt and record.state not in ENDED)
        return (left + search.epochs * _to_come(search, records)) * seconds / new


def _to_come(search: SearchConfig, records: list[TrialRecord]) -> int:
    """Baselines and runs of finalists that have not begun."""
    roles = Counter(record.role for record in records)
    over = roles["repeat"] > 0  # the search is, so the finalists are known
    named = sum(entry.best if isinstance(entry, WarmStart) else 1 for entry in search.baselines)
    chosen = len(finalists(records, search.finalists)) if over else min(search.finalists, search.trials + named)
    baselines = named - roles["baseline"] if set(roles) <= {"baseline"} else 0  # they come first
    return max(0, baselines) + max(0, chosen * (search.seeds - 1) - roles["repeat"])


def read_progress(folder: Path) -> SweepProgress | None:
    """The last heartbeat of the sweep in `folder`; None where there is none, or one of another version."""
    try:
        return SweepProgress(**json.loads((folder / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def expected_epochs(search: SearchConfig) -> float:
    """Epochs a trial is trained for on average when each rung promotes its share."""
    if search.promotion == "none":
        return search.epochs
    halving = Halving(search.epochs, search.first_rung, search.reduction, search.brackets)
    total = 0.0
    for share, rungs in zip(halving.shares, halving.brackets, strict=True):
        ends = [0, *(rung.epochs for rung in rungs), search.epochs]
        total += share * sum((end - at) / search.reduction**rung for rung, (at, end) in enumerate(pairwise(ends)))
    return total


def _metrics(engine: Engine, snapshot: SweepProgress) -> dict[str, float]:
    counts = {**engine.counts(), "unfinished": snapshot.paused + snapshot.running}
    metrics = {f"trials/{state}": float(count) for state, count in counts.items()}
    return metrics | ({} if snapshot.trial is None else {"best_accuracy": snapshot.accuracy})
