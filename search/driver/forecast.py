"""What the time of a sweep will buy, and how long a question takes, by a measured epoch. Nothing is written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from ...spaces import ConfigError, TrainingError
from ...trainers.device import cpus_here
from ..config import AUTO
from ..proposals import textbook_designs
from ..scheduling import CONFIRMING, LAST, Length
from .runner import choose_runner
from .time_left import expected_epochs

if TYPE_CHECKING:
    from ...trainers.data import Dataset
    from ..config import SweepConfig
    from ..proposals import DesignSpace
    from ..records import Design, Experiment


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


FEW_IMAGES = 256
"""Images by which a launch judges whether an epoch fits into its time."""
SHORT = 60.0
"""Seconds of a sweep up to which it is judged: more is worth no second of waiting."""


def refuse_too_short(config: SweepConfig, dataset: Dataset, designs: DesignSpace) -> None:
    """Refuses a time budget of up to SHORT seconds into which not even an epoch of the first network fits.

    Of sweeps that do not train on this machine's CPUs nothing is known, and none is refused.

    Args:
        config: the sweep file.
        dataset: its images.
        designs: the designs that it may try.

    Raises:
        ConfigError: says how long an epoch takes, and what would do.
    """
    seconds = config.search.seconds
    if not seconds or seconds > SHORT or not _trains_here(config):
        return
    from ..workers import epoch_seconds, threads_of  # here, for start-up: it brings torch

    try:
        an_epoch = epoch_seconds(_first(config, designs), dataset, threads_of(config.resources), "float32", FEW_IMAGES)
    except TrainingError:
        return
    if an_epoch > seconds:
        enough = max(600, math.ceil(100 * an_epoch / 60) * 60)
        raise ConfigError(
            f"search.seconds: {seconds:g} s, and one epoch of the first network takes about {an_epoch:.1f} s",
            f"Allow more, as in `--set search.seconds={enough}`, or train on fewer images (data.train).",
            key="search.seconds",
        )


def _trains_here(config: SweepConfig) -> bool:
    return not (config.resources.gpus or config.resources.address)


def _first(config: SweepConfig, designs: DesignSpace) -> Design:
    starts = textbook_designs(designs, config.search.trials) if config.search.start == AUTO else []
    return starts[0].design if starts else next(designs.draw(1, config.search.seed))


def _workers(config: SweepConfig, designs: DesignSpace) -> int:
    """How many trials run at a time on this machine."""
    fit = max(1, math.floor(cpus_here() / config.resources.cpus))
    return 1 if choose_runner(config, designs).name == "inline" else min(config.resources.workers or fit, fit)


def experiment_seconds(
    config: SweepConfig, dataset: Dataset, designs: DesignSpace, experiment: Experiment
) -> float | None:
    """Seconds that all trainings of a design question will take, by an epoch of a typical base in every variant.

    A time budget is left out of account, and so is that the question may be settled early. None for sweeps that do not
    train on this machine's CPUs.

    Args:
        config: the sweep file, with its question, and with as many trials as the experiment has trainings.
        dataset: its images.
        designs: the designs that its bases are drawn from.
        experiment: what is planned.
    """
    if not _trains_here(config):
        return None
    from ..workers import epoch_seconds, threads_of  # here, for start-up: it brings torch

    length = Length(config.search, len(dataset.train), timed=config.timed)
    macs = [sum(design.macs for design in base.values()) for base in experiment.bases]
    _, typical = min(zip(macs, experiment.bases, strict=True), key=lambda each: abs(each[0] - fmean(macs)))
    threads, precision = threads_of(config.resources), config.resources.precision
    try:
        an_epoch = fmean(epoch_seconds(design, dataset, threads, precision) for design in typical.values())
    except TrainingError:
        return None
    return an_epoch * length.epochs * experiment.trainings / _workers(config, designs)


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
    if not search.seconds or not _trains_here(config):
        return None
    from ..workers import epoch_seconds, threads_of  # here, for start-up: it brings torch

    try:
        an_epoch = epoch_seconds(_first(config, designs), dataset, threads_of(resources), resources.precision)
    except TrainingError:
        return None
    workers = _workers(config, designs)
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
