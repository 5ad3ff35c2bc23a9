"""Replays a table through the real study, engine and promotion: simulated workers, a clock that jumps, no training.

    moments = simulate(world, settings, workers=8, seconds=3600.0)

A sweep of hours takes seconds. What decides in a real sweep decides here: `Engine`, `Study`, `Halving`, `Finals`.
"""

from __future__ import annotations

import heapq
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convscape.search.config import SweepConfig
from convscape.search.proposals import DesignSpace
from convscape.search.scheduling import Decision, Engine, Report
from convscape.search.scheduling.time_budget import TimeBudget
from convscape.search.study import Study
from convscape.trainers import EpochResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from convscape.search.records import Design
    from convscape.search.scheduling import Job
    from world import World

CLASSES = 10
"""Classes of the tables' images."""
TOGETHER = 0.75
"""How fast a run on several workers' CPUs is, as a part of what as many single ones do together (measured on two)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The network in hand from a moment on."""

    seconds: float
    """Since the sweep began."""
    truth: float
    """Test accuracy, 0 to 1, without luck, of what had the highest validation accuracy by then."""


class Clock(TimeBudget):
    """A time budget by a clock that is set."""

    def __init__(self, seconds: float | None) -> None:
        super().__init__()
        self.now, self._seconds = 0.0, seconds

    @property
    def left(self) -> float | None:
        return None if self._seconds is None else max(0.0, self._seconds - self.now)

    def within(self, seconds: float) -> bool:
        return self._seconds is not None and self.now >= self._seconds - seconds


class Silent:
    """A tracker that nothing is told to."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


def simulate(world: World, settings: dict[str, Any], *, workers: int, seconds: float) -> list[Moment]:
    """A sweep in `world`: the networks in hand, each from when on; the last is what is handed over.

    Args:
        world: what designs reach, and what they take.
        settings: sections of a sweep file, `search`, `space` and `recipe`; `search.seconds` is set here.
        workers: trials at a time.
        seconds: after which nothing new starts.
    """
    shared = Path("/dev/shm")  # noqa: S108 - the study is written at each step: in memory that takes no time
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as temporary:
        config = SweepConfig.model_validate(
            {"name": "simulated", "folder": temporary, "data": {"name": "digits"}, **settings,
             "search": {**settings.get("search", {}), "seconds": seconds}}
        )  # fmt: skip
        config.sweep_folder.mkdir()
        search = config.search
        study = Study(config.sweep_folder, sampler=search.sampler, seed=search.seed)
        designs = replace(DesignSpace.of(config, world.input, CLASSES), images=world.images)
        engine = Engine(config, designs, study, Silent())  # pyright: ignore[reportArgumentType]
        engine.time_budget = clock = Clock(seconds)
        hand = Hand(world)
        events: list[tuple[float, int, int, Job]] = []
        idle = workers
        while True:
            while idle and (job := engine.next()) is not None:
                idle -= 1
                heapq.heappush(events, (clock.now + _seconds(world, job, workers), job.number, job.start + 1, job))
            if not events:
                break
            clock.now, number, epoch, job = heapq.heappop(events)
            value = hand.saw(clock.now, job.design, job.seed, epoch, job.epochs)
            result = EpochResult(
                epoch=epoch, train_loss=1.0, validation_loss=1.0, validation_accuracy=value, balanced_accuracy=value,
                seconds=_seconds(world, job, workers), images_per_second=1.0,
            )  # fmt: skip
            if engine.report(Report(number=number, results=(result,))) is Decision.CONTINUE:
                heapq.heappush(events, (clock.now + _seconds(world, job, workers), number, epoch + 1, job))
            else:
                idle += 1
        engine.close()
        return [*hand.moments, Moment(clock.now, _handed_over(engine, world))]


class Hand:
    """The network in hand: what had the highest validation accuracy so far.

    Args:
        world: what designs reach.
    """

    def __init__(self, world: World) -> None:
        self._world, self._best = world, -1.0
        self.moments: list[Moment] = []
        """The networks in hand so far, each from when on."""

    def saw(self, now: float, design: Design, seed: int, epoch: int, length: int) -> float:
        """Validation accuracy of a run after an epoch, 0 to 1; the network is in hand from now on if it is the best."""
        value = self._world.observed(design, seed, epoch, length)
        if value > self._best:
            self._best = value
            self.moments.append(Moment(now, self._world.truth(design, epoch, length)))
        return value


def _seconds(world: World, job: Job, workers: int) -> float:
    return world.seconds(job.design) / (max(1.0, TOGETHER * workers) if job.alone else 1.0)


def _handed_over(engine: Engine, world: World) -> float:
    """Test accuracy without luck of what `export` would give."""
    from convscape.search.records import ranked, standings

    trials = list(engine.records.values())
    winner = ranked(trials)[0]
    last = [record for record in trials if record.refit and record.repeats == winner.number and record.epochs]
    if last:  # the images that it has more of are not in the table
        return world.truth(last[-1].design, last[-1].epochs, engine.length.of(last[-1]))
    standing = standings(trials).get(winner.number)
    if standing is None or standing.run is None:
        return world.truth(winner.design, winner.best_epoch, engine.length.of(winner))
    run = engine.records[standing.run]
    return world.truth(run.design, run.epochs, engine.length.of(run))
