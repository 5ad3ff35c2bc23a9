"""One driver and simulated workers: engine, study and tracker for real, and nothing is trained.

A process of its own for each size, so that peak memory is that of one: `python -m convscape.benchmarks.scale.driver
JSON`.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import sys
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convscape.search.config import SweepConfig
from convscape.search.driver.progress_callback import ProgressCallback
from convscape.search.files import SPOOL
from convscape.search.proposals import DesignSpace
from convscape.search.scheduling import Decision, Engine, Job, Report
from convscape.search.study import Study
from convscape.search.tracking import Tracker

from .once import Faults, faults, in_study
from .simulated import result

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCHS = 9
"""Epochs of a trial of full length; with halving by 3 most end after the first."""
INPUT, CLASSES = (1, 28, 28), 10
"""Images that the designs are for, as Fashion-MNIST's."""
PARTS = 6
"""Parts of the time, each of which gives a rate."""
PROFILED = 0.3
"""Part of the time, after the measured one, for which the driver is profiled."""
SHOWN = 12
"""Functions of the profile that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a driver is to stand."""

    folder: str
    """Where the sweep is kept; it must exist."""
    uri: str
    """MLflow's tracking URI."""
    workers: int
    """Simulated workers, each of which always has a job."""
    seconds: float
    """For how long they report, once each has a job."""
    patience: float
    """Seconds that handing out those first jobs may take; fewer workers have one then."""
    sampler: str = "tpe"
    """`search.sampler` of the sweep."""
    promotion: str = "halving"
    """`search.promotion` of the sweep: with "none" each trial has all its epochs."""

    def config(self) -> SweepConfig:
        """Its sweep file: the space and all else as a sweep file has them that says nothing of it."""
        search = {"trials": 1_000_000, "epochs": EPOCHS, "sampler": self.sampler, "promotion": self.promotion}
        return SweepConfig.model_validate(
            {
                "name": "driver",
                "folder": self.folder,
                "data": {"name": "fashion-mnist"},
                "search": search,
                "resources": {"precision": "float32", "workers": self.workers},
                "tracking": {"uri": self.uri, "experiment": "scale"},
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a driver took in."""

    workers: int
    """Simulated workers that had a job."""
    first_jobs: float
    """Jobs a second that were handed out at the start, while nobody reported."""
    results: int
    """Results, each of an epoch, that were taken in once all workers were busy."""
    jobs: int
    """Jobs handed out meanwhile: promotions, and new designs."""
    rates: tuple[float, ...]
    """Results a second, in each part of that time."""
    result_ms: float
    """CPU time of the driver's that taking in a result took, the mean in milliseconds."""
    job_ms: float
    """CPU time of the driver's that finding a job took, the mean in milliseconds."""
    sent: float
    """Entries a second that MLflow took of what was reported to the tracker, from the first job on."""
    unsent: float
    """Part of what was reported that MLflow did not have when the time was up, 0 to 1."""
    memory: float
    """Peak resident memory of the process, MB."""
    study: Faults
    """Epochs that the study lacks, or has more than once."""
    profile: tuple[tuple[str, float], ...] = ()
    """Functions and their own part of the driver's time, 0 to 1, the largest first."""


class Workers:
    """Simulated workers, equally fast, which report in turns.

    Args:
        engine: gives jobs and takes their reports; both cross JSON as they do between processes.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._busy: deque[tuple[Job, int]] = deque()
        self.results = self.jobs = 0
        self.seconds_of_jobs = self.seconds_of_results = 0.0
        self.told: set[tuple[int, int]] = set()
        """(trial, epoch) of every result."""

    @property
    def busy(self) -> int:
        """Workers that have a job."""
        return len(self._busy)

    def start(self, count: int, seconds: float) -> float:
        """Gives a job to each of `count` workers, or to as many as `seconds` allow. Gives the seconds it took."""
        begun = time.perf_counter()
        while len(self._busy) < count and time.perf_counter() - begun < seconds:
            self._begin()
        self.jobs, self.seconds_of_jobs = 0, 0.0
        return time.perf_counter() - begun

    def report(self, seconds: float) -> float:
        """Has the workers train and report until `seconds` are over. Gives the results a second."""
        before, begun = self.results, time.perf_counter()
        while self._busy and time.perf_counter() - begun < seconds:
            job, epoch = self._busy.popleft()
            since = time.process_time()
            report = Report(number=job.number, results=(result(job.design.notation, epoch),))
            decision = self._engine.report(Report.from_json(json.loads(json.dumps(report.to_json()))))
            self.seconds_of_results += time.process_time() - since
            self.results += 1
            self.told.add((job.number, epoch))
            if decision is Decision.CONTINUE:
                self._busy.append((job, epoch + 1))
            else:
                self._begin()
        return (self.results - before) / (time.perf_counter() - begun)

    def _begin(self) -> None:
        since = time.process_time()
        job = self._engine.next()
        assert job is not None, "the space is exhausted"
        job = Job.from_json(json.loads(json.dumps(job.to_json())))
        self.seconds_of_jobs += time.process_time() - since
        self.jobs += 1
        self._busy.append((job, job.start + 1))


@contextmanager
def opened(config: SweepConfig) -> Iterator[Engine]:
    """A new sweep's engine, with study, tracker and heartbeat as a launch has them."""
    folder = config.sweep_folder
    folder.mkdir(parents=True)
    tracker = Tracker(folder, uri=config.tracking_uri, experiment=config.tracking.experiment, sweep=config.name)
    try:
        tracker.start(params={}, tags={})
        study = Study(folder, sampler=config.samplers(), objectives=config.search.objectives)
        designs = DesignSpace.of(config, INPUT, CLASSES)
        yield Engine(config, designs, study, tracker, callback=ProgressCallback(folder))
    finally:
        tracker.close()


def take(load: Load) -> Taken:
    """Has simulated workers report to a driver as fast as it takes their results in."""
    config = load.config()
    folder, begun = config.sweep_folder, time.perf_counter()
    with opened(config) as engine:
        workers = Workers(engine)
        first = workers.start(load.workers, load.patience)
        busy = workers.busy
        rates = tuple(workers.report(load.seconds / PARTS) for _ in range(PARTS))
        results, jobs = workers.results, workers.jobs
        result_ms = 1e3 * workers.seconds_of_results / max(1, results)
        job_ms = 1e3 * workers.seconds_of_jobs / max(1, jobs)
        left, reported = engine.ledger.tracker.flush(0.0), _lines(folder / SPOOL)
        seconds = time.perf_counter() - begun
        memory = _peak()
        profile = _profiled(workers, PROFILED * load.seconds)
    trials = {number for number, _ in workers.told}
    there = in_study(folder)
    for pair in [pair for pair in there if pair[0] not in trials]:  # duplicates have another trial's results
        del there[pair]
    return Taken(
        workers=busy,
        first_jobs=busy / first,
        results=results,
        jobs=jobs,
        rates=rates,
        result_ms=result_ms,
        job_ms=job_ms,
        sent=max(0.0, (reported - left) / seconds),
        unsent=min(1.0, left / reported),
        memory=memory,
        study=faults(there, workers.told),
        profile=profile,
    )


def _profiled(workers: Workers, seconds: float) -> tuple[tuple[str, float], ...]:
    profile = cProfile.Profile()
    profile.runcall(workers.report, seconds)
    stats = pstats.Stats(profile)
    own = {where: values[2] for where, values in stats.stats.items()}  # pyright: ignore[reportAttributeAccessIssue]
    most = sorted(own, key=lambda where: -own[where])[:SHOWN]
    return tuple((_name(*where), own[where] / sum(own.values())) for where in most)


def _name(file: str, line: int, function: str) -> str:
    return f"{'/'.join(Path(file).parts[-2:])}:{line} {function}" if line else function


def _peak() -> float:
    """MB; `getrusage` would give the parent's where that was larger."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1_024 / 1e6


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


if __name__ == "__main__":
    print(json.dumps(asdict(take(Load(**json.loads(sys.argv[1]))))))
