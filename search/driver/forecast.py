"""What the time of a sweep will buy: trials of what length, by a measured epoch. Nothing is written."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from ...spaces import TrainingError
from ...trainers import Training
from ...trainers.device import cpus_here
from ...trainers.measuring import faster_precision, has_bfloat16
from ..config import AUTO
from ..proposals import textbook_designs
from ..scheduling import CONFIRMING, LAST, Length
from .time_left import expected_epochs

if TYPE_CHECKING:
    from ...trainers.data import Dataset
    from ..config import SweepConfig
    from ..proposals import DesignSpace
    from ..records import Design

MEASURED_IMAGES = 1_920
"""Images of the epoch that is measured, at most: longer epochs are reckoned from it."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the time of a sweep buys, if networks take as long as the first one."""

    epoch_seconds: float
    """Seconds that an epoch of the first network takes on one worker's CPUs."""
    workers: int
    """Trials at a time."""
    epochs: int
    """Epochs of a trial of full length."""
    trials: int
    """Trials of the search, most of which stop at a rung."""
    last: int
    """Epochs of the winner's last training; 0 where there is none, or where it has those of the full length."""


def forecast(config: SweepConfig, dataset: Dataset, designs: DesignSpace) -> Forecast | None:
    """What the time of a sweep will buy, by an epoch that is trained here and now.

    None where there is no time budget, and for sweeps that do not train on this machine's CPUs, of which an epoch here
    says nothing.

    Args:
        config: the sweep file.
        dataset: its images.
        designs: the designs that it may try.
    """
    search, resources = config.search, config.resources
    if not search.seconds or resources.gpus or resources.address:
        return None
    starts = textbook_designs(designs, search.trials) if search.start == AUTO else []
    first = starts[0].design if starts else next(designs.draw(1, search.seed))
    try:
        an_epoch = _epoch_seconds(first, dataset, max(1, math.floor(resources.cpus)), resources.precision)
    except TrainingError:
        return None
    fit = max(1, math.floor(cpus_here() / resources.cpus))
    workers = 1 if resources.runner == "inline" else min(resources.workers or fit, fit)
    total = search.seconds * workers / an_epoch
    length = Length(search, len(dataset.train), timed=True)
    if length.timed:
        length.epochs = length.suited(total)
    finals = search.finalists > 0
    last = LAST if finals and search.refit else 0.0
    kept = last + (CONFIRMING if finals and search.seeds > 1 else 0.0) if length.timed else 0.0
    runs = search.finalists * (search.seeds - 1) + search.refit if finals else 0
    of_finals = 0 if length.timed else runs * length.epochs
    trials = int(((1 - kept) * total - of_finals) / expected_epochs(search, length))
    of_the_last = min(length.most_refit, int(last * search.seconds / an_epoch)) if length.timed else 0
    return Forecast(
        epoch_seconds=an_epoch,
        workers=workers,
        epochs=length.epochs,
        trials=max(1, min(search.trials, trials)),
        last=of_the_last,
    )


def _epoch_seconds(
    design: Design, dataset: Dataset, threads: int, precision: Literal["auto", "float32", "bfloat16"]
) -> float:
    """Seconds of an epoch, from the second of two that are trained on some of the images."""

    def some(count: int) -> int:
        return max(1, math.ceil(count * share))

    share = min(1.0, MEASURED_IMAGES / len(dataset.train))
    few = replace(
        dataset,
        train=dataset.train.picked(np.arange(some(len(dataset.train)))),
        validation=dataset.validation.picked(np.arange(some(len(dataset.validation)))),
    )
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        if precision == "auto":
            fast = has_bfloat16("cpu") and faster_precision(design.architecture, design.recipe).precision == "bfloat16"
            precision = "bfloat16" if fast else "float32"
        training = Training(design.architecture, design.recipe, few, seed=0, epochs=2, precision=precision)
        training.run_epoch()
        return max(1e-6, training.run_epoch().seconds / share)
    finally:
        torch.set_num_threads(before)
