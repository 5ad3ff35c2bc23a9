"""Tells how far a sweep is while it runs: to a terminal, to `convscape status` in another one, and to MLflow."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ..files import LINES, PROGRESS, SPOOLED, STOP, write_sealed
from ..records import ranked, state_counts
from .progress import SweepProgress, SweepState
from .time_left import seconds_left

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..scheduling import Engine

WRITE_EVERY = 1.0
"""Seconds between two writes of heartbeat.json, with a point of MLflow's summary each; a trial that begins is written
sooner."""
_ASKED_EVERY = 0.5  # seconds between two looks whether the sweep is to stop
_LOOK_EVERY, _SHARE = 0.1, 0.02  # seconds; the most of the driver's time that looking may take


class ProgressCallback:
    """The engine's callback: now and then it takes the sweep's progress, shows it, and writes it down for others.

    It is written to heartbeat.json in the sweep's folder and to the sweep's run in MLflow. Call it once when the engine
    is made: what was trained before then says nothing of how long the rest takes. No call raises. Taking the progress
    takes longer the more trials there are, and is done the less often.

    Args:
        folder: the sweep's folder.
        show: called with each progress, such as a `TerminalProgress`.
    """

    def __init__(self, folder: Path, show: Callable[[SweepProgress], None] = lambda _: None) -> None:
        self._path, self._show = folder / PROGRESS, show
        self._started = time.monotonic()
        self._looked = self._written = self._asked = -float("inf")
        self._wait = _LOOK_EVERY
        self._running, self._hastened = 0, -float("inf")
        self._before: int | None = None
        self._epochs, self._heard = -1, 0.0

    def __call__(self, engine: Engine) -> None:
        now = time.monotonic()
        if now - self._asked >= _ASKED_EVERY:
            self._asked = now
            self._stop_where_asked(engine)
        if len(engine.active) > self._running and now - self._hastened >= WRITE_EVERY:
            # Of a trial that has begun nothing more may be heard for long: that it runs is told at once.
            self._hastened, self._written = now, -float("inf")
            self._beat(engine, SweepState.RUNNING)
        elif now - self._looked >= self._wait:
            self._beat(engine, SweepState.RUNNING)

    def end(self, engine: Engine, state: SweepState) -> None:
        """Shows and writes the last progress of a sweep that has ended.

        Args:
            engine: the sweep's engine.
            state: how the sweep ended.
        """
        self._written = -float("inf")
        self._beat(engine, state, live=False)

    def _stop_where_asked(self, engine: Engine) -> None:
        stop = self._path.with_name(STOP)
        with suppress(OSError):
            if stop.exists():
                stop.unlink()
                engine.interrupted = "interrupted"

    def _beat(self, engine: Engine, state: SweepState, *, live: bool = True) -> None:
        begun = time.monotonic()
        with suppress(Exception):  # whatever it is, the sweep does not end of being looked at
            progress = self._taken(engine, state, live=live)
            self._running = progress.running
            with suppress(Exception):
                self._show(progress)
            if begun - self._written >= WRITE_EVERY:
                self._written = begun
                engine.ledger.summary(_metrics(engine, progress), step=progress.epochs)
                lines = {
                    LINES: engine.ledger.study.flushed_lines(),
                    SPOOLED: engine.ledger.tracker.flushed_lines(),
                }
                write_sealed(self._path, {**progress.to_json(), **lines})
        self._looked = time.monotonic()
        self._wait = max(_LOOK_EVERY, (self._looked - begun) / _SHARE)

    def _taken(self, engine: Engine, state: SweepState, *, live: bool) -> SweepProgress:
        search = engine.config.search
        records = [record for record in engine.records.values() if not record.duplicate]  # theirs is another's
        searched = [record for record in records if record.judged]
        epochs = sum(record.epochs for record in records)
        seconds = time.monotonic() - self._started
        if self._before is None:
            self._before = epochs
        if epochs != self._epochs:
            self._epochs, self._heard = epochs, time.time()
        by_rate = seconds_left(search, engine.length, list(engine.records.values()), epochs - self._before, seconds)
        left = min((value for value in (by_rate, engine.time_budget.left) if value is not None), default=None)
        best = next(iter(ranked(engine.records.values())), None)
        return SweepProgress(
            state=state,
            time=time.time(),
            seconds=seconds,
            wanted=search.trials,
            begun=engine.proposals.trained,
            ended=sum(record.ended and record.trained for record in searched),
            paused=sum(record.paused for record in searched),
            running=len(engine.active),
            failed=sum(record.failed for record in records),
            baselines=sum(record.baseline and record.ended and record.trained for record in records),
            finals=sum(record.repetition and record.ended and record.trained for record in records),
            epochs=epochs,
            images_per_second=sum(engine.images_per_second.values()),
            left=left if live else None,
            trial=best.number if best else None,
            accuracy=(best.accuracy or 0.0) if best else 0.0,
            parameters=best.design.parameters if best else 0,
            notation=best.design.notation if best else "",
            heard=self._heard,
        )


def _metrics(engine: Engine, progress: SweepProgress) -> dict[str, float]:
    counts = {**state_counts(engine.records.values()), "unfinished": progress.paused + progress.running}
    metrics = {f"trials/{state}": float(count) for state, count in counts.items()}
    return metrics | ({} if progress.trial is None else {"best_accuracy": progress.accuracy})
