"""Tells how far a sweep is while it runs: to a terminal, to `convscape status` in another one, and to MLflow."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ..files import LINES, PROGRESS, SPOOLED, STOP, write_sealed
from ..records import ranked, reach_of_share, standings, state_counts, sureness
from ..scheduling import OPEN
from .phases import COMPARING, FINALS, LAST_TRAINING, SEARCH, TUNING, Phases
from .progress import TOLD, RunningTrial, SweepProgress, SweepState
from .time_left import Pace, work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..records import TrialRecord
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
        show: called with each progress, such as a `ProgressDisplay`.
        phases: what the launch or resume did so far; how the sweep gets on is added.
        validated: how many validation images a run has; 0 where that is not known.
        at_most: how many a finalist's runs may have together, where they have splits of their own; else 0.
        say: called with what a person in front of this process is to know.
    """

    def __init__(
        self,
        folder: Path,
        show: Callable[[SweepProgress], None] = lambda _: None,
        *,
        phases: Phases | None = None,
        validated: int = 0,
        at_most: int = 0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._path, self._show, self._say = folder / PROGRESS, show, say
        self._phases, self._validated, self._pace = phases or Phases(), validated, Pace()
        self._at_most = at_most or None
        self._started = time.monotonic()
        self._looked = self._written = self._asked = -float("inf")
        self._wait = _LOOK_EVERY
        self._running, self._hastened = 0, -float("inf")
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

    def enter(self, engine: Engine, phase: str) -> None:
        """Begins the phase of that name, which is shown and written at once.

        Args:
            engine: the sweep's engine.
            phase: what is done from now on, in a few words.
        """
        self._phases.enter(phase)
        self._written = -float("inf")
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
                self._say("Stopped by `convscape stop`: finishing the running epochs and saving.")

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
        if epochs != self._epochs:
            self._epochs, self._heard = epochs, time.time()
        now = time.monotonic()
        self._pace.look(records, now)
        active = [engine.records[number] for number in sorted(engine.active)]
        if live and self._pace.epochs and (phase := _phase(active)):
            self._phases.enter(phase)
        left, done, budget = self._left(engine)
        best = next(iter(ranked(engine.records.values())), None)
        mean, reach = _how_sure(best, records, self._validated, self._at_most)
        return SweepProgress(
            state=state,
            time=time.time(),
            seconds=now - self._started,
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
            done=done,
            budget=budget,
            trial=best.number if best else None,
            accuracy=(best.accuracy or 0.0) if best else 0.0,
            reach=reach,
            mean_accuracy=mean,
            parameters=best.design.parameters if best else 0,
            notation=best.design.notation if best else "",
            heard=self._heard,
            trials=tuple(_running(engine, record) for record in active[:TOLD] if live),
            phases=tuple(self._phases.so_far),
        )

    def _left(self, engine: Engine) -> tuple[float | None, float | None, float | None]:
        """Seconds left, the part that is done, and the time budget where they go by that."""
        to_do = work(engine.config.search, engine.length, list(engine.records.values()))
        by_rate = to_do and to_do.seconds_left(self._pace)
        budget, by_time = engine.config.search.seconds, engine.time_budget.left
        if by_time is not None and (by_rate is None or engine.length.timed or by_time < by_rate):
            return by_time, max(0.0, 1 - by_time / budget) if budget else None, budget
        return by_rate, to_do and to_do.share, None


def _phase(active: list[TrialRecord]) -> str:
    """What is going on where these trials are trained; "" where none is."""
    if any(record.refit for record in active):
        return LAST_TRAINING
    if any(record.repetition for record in active):
        return FINALS
    places = [record.pairing for record in active if record.pairing]
    if places:
        return TUNING if all(place.tunes for place in places) else COMPARING
    return SEARCH if active else ""


def _running(engine: Engine, record: TrialRecord) -> RunningTrial:
    of = engine.active[record.number][0]
    return RunningTrial(
        number=record.number,
        epochs=record.epochs,
        of=of if of < OPEN else None,
        repeats=record.repeats,
        refit=record.refit,
    )


def _how_sure(
    best: TrialRecord | None, records: list[TrialRecord], images: int, at_most: int | None
) -> tuple[float | None, float]:
    """The mean of the best trial's runs from other seeds, None before any, and the reach of its accuracy."""
    if best is None:
        return None, 0.0
    found = standings(records) if any(record.repetition for record in records) else {}
    if best.number not in found or not images:
        return None, reach_of_share(best.accuracy or 0.0, images)
    known = sureness(found, best.number, images, at_most)[best.number]
    return known.mean, known.reach


def _metrics(engine: Engine, progress: SweepProgress) -> dict[str, float]:
    counts = {**state_counts(engine.records.values()), "unfinished": progress.paused + progress.running}
    metrics = {f"trials/{state}": float(count) for state, count in counts.items()}
    return metrics | ({} if progress.trial is None else {"best_accuracy": progress.accuracy})
