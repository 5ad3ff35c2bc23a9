"""One driver and simulated workers: engine, study and tracker for real, and nothing is trained.

Run as a program, so that peak memory is that of one size: `python -m convscape.benchmarks.scale.driver JSON`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from convscape.search.config import SweepConfig
from convscape.search.driver.progress_callback import ProgressCallback
from convscape.search.proposals import DesignSpace
from convscape.search.scheduling import Decision, Engine, Job, Report
from convscape.search.study import Study
from convscape.search.tracking import Tracker, UploadProgress
from convscape.trainers import EpochResult

if TYPE_CHECKING:
    from typing import Any

EPOCHS = 9
"""Epochs of a trial of full length; with halving by 3 most end after the first."""
INPUT, CLASSES = (1, 28, 28), 10
"""Images that the designs are for, as Fashion-MNIST's."""


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
    """For how long they report, once each has a job. Handing out those first jobs may take as long."""
    sampler: str = "tpe"
    """`search.sampler` of the sweep."""
    promotion: str = "halving"
    """`search.promotion` of the sweep: with "none" each trial has all its epochs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a driver took in."""

    workers: int
    """Simulated workers that had a job."""
    first_jobs: float
    """Jobs a second handed out at the start, when nobody reports."""
    results: int
    """Results, each of an epoch, that were taken in once all workers were busy."""
    seconds: float
    """How long that took."""
    result_ms: float
    """Milliseconds that taking in a result took, the mean."""
    jobs: int
    """Jobs handed out meanwhile: promotions, and new designs."""
    job_ms: float
    """Milliseconds that finding the next job took, the mean."""
    unsent: float
    """Part of what was reported to the tracker that MLflow did not have when the time was up, 0 to 1."""
    sent: float
    """Entries a second that MLflow took, from the first job on."""
    memory: float
    """Peak resident memory of the process, MB."""
    twice: int
    """Epochs that the study has more than once, and those that it lacks."""

    @property
    def rate(self) -> float:
        """Results a second."""
        return self.results / self.seconds


def accuracy(job: Job, epoch: int) -> float:
    """What a simulated network reaches, 0 to 1: a number of its notation's own, and more with each epoch."""
    return crc32(job.design.notation.encode()) % 8_999 / 10_000 + epoch / 100


def result(job: Job, epoch: int) -> EpochResult:
    """The result of an epoch that took a minute."""
    reached = accuracy(job, epoch)
    return EpochResult(
        epoch=epoch,
        train_loss=1.0 - reached,
        validation_loss=1.0 - reached,
        validation_accuracy=reached,
        balanced_accuracy=reached,
        seconds=60.0,
        images_per_second=1_000.0,
    )


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

    def start(self, count: int, seconds: float) -> float:
        """Gives a job to each of `count` workers, or to as many as `seconds` allow. Gives the seconds it took."""
        begun = time.perf_counter()
        while len(self._busy) < count and time.perf_counter() - begun < seconds:
            self._begin()
        self.jobs, self.seconds_of_jobs = 0, 0.0
        return time.perf_counter() - begun

    def report(self, seconds: float) -> float:
        """Has the workers train and report until `seconds` are over. Gives the seconds it took."""
        begun = ended = time.perf_counter()
        while self._busy and ended - begun < seconds:
            job, epoch = self._busy.popleft()
            before = time.perf_counter()
            decision = self._engine.report(_sent(Report(number=job.number, results=(result(job, epoch),))))
            ended = time.perf_counter()
            self.seconds_of_results += ended - before
            self.results += 1
            self.told.add((job.number, epoch))
            if decision is Decision.CONTINUE:
                self._busy.append((job, epoch + 1))
            else:
                self._begin()
        return ended - begun

    @property
    def busy(self) -> int:
        """Workers that have a job."""
        return len(self._busy)

    def _begin(self) -> None:
        before = time.perf_counter()
        job = self._engine.next()
        assert job is not None, "the space is exhausted"
        job = Job.from_json(json.loads(json.dumps(job.to_json())))
        self.seconds_of_jobs += time.perf_counter() - before
        self.jobs += 1
        self._busy.append((job, job.start + 1))


def _sent(report: Report) -> Report:
    return Report.from_json(json.loads(json.dumps(report.to_json())))


def take(load: Load) -> Taken:
    """Has simulated workers report to a driver as fast as it takes their results in."""
    config = SweepConfig.model_validate(
        {
            "name": "driver",
            "folder": load.folder,
            "data": {"name": "fashion-mnist"},
            "search": {
                "trials": 1_000_000,
                "epochs": EPOCHS,
                "reduction": 3,
                "sampler": load.sampler,
                "promotion": load.promotion,
            },
            "tracking": {"uri": load.uri, "experiment": "scale"},
        }
    )
    folder = config.sweep_folder
    folder.mkdir(parents=True)
    search = config.search
    tracker = Tracker(folder, uri=load.uri, experiment="scale", sweep="driver")
    tracker.start(params={}, tags={})
    study = Study(folder, sampler=config.samplers(), objectives=search.objectives)
    callback = ProgressCallback(folder)
    engine = Engine(config, DesignSpace.of(config, INPUT, CLASSES), study, tracker, callback=callback)
    workers = Workers(engine)
    begun = time.perf_counter()
    first = workers.start(load.workers, load.seconds)
    busy = workers.busy
    seconds = workers.report(load.seconds)
    left = tracker.flush(0.0)
    unsent, sent = _unsent(folder, left, time.perf_counter() - begun)
    tracker.close()
    return Taken(
        workers=busy,
        first_jobs=busy / first,
        results=workers.results,
        seconds=seconds,
        result_ms=1e3 * workers.seconds_of_results / max(1, workers.results),
        jobs=workers.jobs,
        job_ms=1e3 * workers.seconds_of_jobs / max(1, workers.jobs),
        unsent=unsent,
        sent=sent,
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        twice=0,
    )


def _unsent(folder: Path, left: int, seconds: float) -> tuple[float, float]:
    written = (folder / "spool.jsonl").read_bytes().count(b"\n")
    return left / written, (written - left) / seconds


if __name__ == "__main__":
    print(json.dumps(asdict(take(Load(**json.loads(sys.argv[1]))))))
