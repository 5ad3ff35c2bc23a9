"""One driver and workers that are Ray's and report by Ray Tune, but only sleep: what Tune adds.

A process of its own, since Ray sends the worker's class as it stands here:
`python -m convscape.benchmarks.scale.through_tune JSON`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import ray
from convscape.search.scheduling import Report
from convscape.search.workers import ray_runner
from ray import tune

from .driver import PARTS, Load, opened
from .simulated import result

if TYPE_CHECKING:
    from convscape.search.scheduling import Decision, Engine

OFFERED = 500.0
"""Results a second that all workers together would report if nobody kept them waiting."""
EACH = 3
"""Results a worker, on the average, after which all are taken to be at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenThroughTune:
    """What a driver took in through Ray Tune."""

    workers: int
    """Workers that had a job."""
    start: float
    """Seconds until they had."""
    results: int
    """Results, each of an epoch, that were taken in from then on."""
    rates: tuple[float, ...]
    """Results a second, in each part of that time."""
    cpu_ms: float
    """CPU time of the driver's a result, the mean in milliseconds, jobs included."""


class Reporting(tune.Trainable):
    """A worker that sleeps in place of training."""

    seconds = 0.0
    """That an epoch takes."""

    def setup(self, config: dict[str, Any]) -> None:
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._job, self._epoch = new_config, new_config["start"]
        return True

    def step(self) -> dict[str, Any]:
        time.sleep(self.seconds)
        self._epoch += 1
        told = result(json.dumps(self._job["design"]), self._epoch)
        return Report(number=self._job["number"], results=(told,)).to_json()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        pass

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        pass


class Counted:
    """Notes when an engine takes in a report, and ends its sweep.

    Args:
        engine: whose `report` is counted from now on.
        load: how many workers there are to be, and for how long they report.
    """

    def __init__(self, engine: Engine, load: Load) -> None:
        self._engine, self._load, self._report = engine, load, engine.report
        self.moments: list[float] = []
        """When reports were taken in."""
        self.busy = 0
        """Workers that had a job."""
        self.since = self.cpu = 0.0
        engine.report = self._counted

    def _counted(self, report: Report) -> Decision:
        self.moments.append(time.perf_counter())
        return self._report(report)

    def end(self) -> None:
        """Waits until all workers have jobs and report, then as long as the load says, and ends the sweep."""
        until, wanted = time.perf_counter() + self._load.patience, self._load.workers
        while min(len(self._engine.active), len(self.moments) / EACH) < wanted and time.perf_counter() < until:
            time.sleep(0.1)
        self.since, before, self.busy = time.perf_counter(), time.process_time(), len(self._engine.active)
        time.sleep(self._load.seconds)
        self.cpu = time.process_time() - before
        self._engine.interrupted = "interrupted"


def take(load: Load) -> TakenThroughTune:
    """Has Ray's workers report through Tune, more often than a driver can take in."""
    Reporting.seconds = load.workers / OFFERED
    setattr(ray_runner, "_sharing", lambda *_: Reporting)  # noqa: B010 - the one thing that is not as in any sweep
    ray.init(
        address="local", num_cpus=load.workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    try:
        config, begun = load.config(), time.perf_counter()
        with opened(config) as engine:
            counted = Counted(engine, load)
            ending = threading.Thread(target=counted.end, daemon=True)
            ending.start()
            ray_runner.run_ray(engine, None, config.resources, config.sweep_folder)  # pyright: ignore[reportArgumentType]
            ending.join()
    finally:
        ray.shutdown()
    part = load.seconds / PARTS
    of_parts = [int((moment - counted.since) // part) for moment in counted.moments]
    results = sum(0 <= each < PARTS for each in of_parts)
    return TakenThroughTune(
        workers=counted.busy,
        start=counted.since - begun,
        results=results,
        rates=tuple(of_parts.count(each) / part for each in range(PARTS)),
        cpu_ms=1e3 * counted.cpu / max(1, results),
    )


if __name__ == "__main__":
    print(json.dumps(asdict(take(Load(**json.loads(sys.argv[1]))))))
