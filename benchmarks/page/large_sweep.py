"""A sweep of any size whose results are made up: engine, study and spool are real, and nothing is trained."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING
from zlib import crc32

from convscape.search.config import SweepConfig
from convscape.search.driver import SweepState
from convscape.search.driver.progress_callback import ProgressCallback
from convscape.search.files import CONFIG, write_sealed
from convscape.search.proposals import DesignSpace
from convscape.search.scheduling import Decision, Engine, Report
from convscape.search.study import Study
from convscape.search.tracking import Tracker
from convscape.trainers import EpochResult

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.records import Design

EPOCHS = 9
INPUT, CLASSES = (1, 28, 28), 10
WORKERS = 16
"""Trials that are under way at once."""


def make_sweep(folder: Path, trials: int, *, name: str = "large", uri: str | None = None) -> None:
    """Makes a sweep of so many trials in its folder, as one that has ended leaves it.

    Args:
        folder: the folder of sweeps.
        trials: how many.
        name: the sweep's.
        uri: MLflow's tracking URI, to which nothing is sent here; `convscape sync` does that.
    """
    config = SweepConfig.model_validate(
        {
            "name": name,
            "folder": str(folder),
            "data": {"name": "fashion-mnist"},
            "space": {"stages": [1, 2, 3], "kernel": [3, 5, 7], "norm": ["batch", "none"], "filters": [8, 16, 32]},
            "search": {"trials": trials, "epochs": EPOCHS, "sampler": "random", "finalists": 0, "refit": False},
            "tracking": {"uri": uri or f"sqlite:///{folder}/mlflow.db", "experiment": "page"},
        }
    )
    config.sweep_folder.mkdir(parents=True)
    write_sealed(config.sweep_folder / CONFIG, config.to_json())
    tracker = _Unsent(config.sweep_folder, uri=config.tracking_uri, experiment="page", sweep=name, at_once=False)
    study = Study(config.sweep_folder, sampler=config.samplers(), objectives=config.search.objectives)
    tracker.start(params={}, tags={})
    callback = ProgressCallback(config.sweep_folder)
    engine = Engine(config, DesignSpace.of(config, INPUT, CLASSES), study, tracker, callback=callback)
    callback(engine)
    busy: deque[tuple[int, Design, int]] = deque()
    while True:
        while len(busy) < WORKERS and (job := engine.next()) is not None:
            busy.append((job.number, job.design, job.start + 1))
        if not busy:
            break
        number, design, epoch = busy.popleft()
        if engine.report(Report(number=number, results=(_result(design, epoch),))) is Decision.CONTINUE:
            busy.append((number, design, epoch + 1))
    engine.close()
    callback.end(engine, SweepState.COMPLETED)
    tracker.finish(status="completed", metrics={})
    tracker.close(wait=False)


class _Unsent(Tracker):
    """A tracker whose results stay in the spool: each result would otherwise have the upload process started."""

    def _watch(self) -> None:
        pass


def _result(design: Design, epoch: int) -> EpochResult:
    """An accuracy that grows with the epochs, that two settings decide, and that luck has a share in."""
    luck = crc32(f"{design.key} {epoch}".encode()) % 1_000 / 1_000
    rate = abs(math.log10(design.recipe.learning_rate) + 1.0)
    size = min(1.0, math.log10(max(10, design.parameters)) / 6)
    reached = 0.35 + 0.35 * size - 0.15 * rate + 0.25 * (1 - 1 / (1 + epoch)) + 0.04 * luck
    reached = min(0.999, max(0.1, reached))
    return EpochResult(
        epoch=epoch,
        train_loss=2 * (1 - reached),
        validation_loss=2 * (1 - reached),
        validation_accuracy=reached,
        balanced_accuracy=reached,
        seconds=1.0,
        images_per_second=1_000.0,
    )
