"""Which runner `resources.runner: auto` means: Ray where it helps longer than it takes to start, else this process."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ...trainers.device import cpus_here
from ..config import AUTO
from ..scheduling import Length
from .terminal import format_duration
from .time_left import expected_epochs

if TYPE_CHECKING:
    from ..config import SweepConfig
    from ..proposals import DesignSpace

RAY_PAYS = 25.0
"""Seconds of work, as it is reckoned here, from which on Ray is started: the digits' sweep, reckoned as 29 s, took 66 s
in one process and 41 s with two workers."""
PASSES = 3
"""An epoch's steps cost so many forward passes: one forward, and two products of its size backward."""
MACS_A_SECOND, STEP_SECONDS = 5e9, 0.004
"""What one CPU usually does of a convolution, and what a step takes beside it: usual, not measured, so that a sweep has
the same runner each time it is resumed."""
BATCH = 64
"""Images of the step that is reckoned with."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Where trials are trained, and why there."""

    name: Literal["ray", "inline"]
    """As `resources.runner`: "ray" or "inline"."""
    reason: str
    """Why, as words that follow "since"."""


def choose_runner(config: SweepConfig, designs: DesignSpace) -> Runner:
    """Where a sweep's trials are trained. It is the same each time on one machine; a trial comes to the same in both.

    Args:
        config: the sweep file.
        designs: the designs that it may try, for its images.
    """
    resources = config.resources
    if resources.runner != "auto":
        return Runner(resources.runner, "resources.runner says so")
    if (ray := sys.modules.get("ray")) is not None and ray.is_initialized():
        return Runner("ray", "Ray runs in this process already")
    for key in ("address", "gpus", "epoch_seconds"):
        if getattr(resources, key):
            return Runner("ray", f"resources.{key} is given")
    workers = resources.workers or math.floor(cpus_here() / resources.cpus)
    if workers <= 1:
        return Runner("inline", "one trial at a time is all that there is room for")
    work = seconds_of_work(config, designs)
    about = f"it is about {format_duration(work)} of work for one CPU"
    if work < RAY_PAYS:
        return Runner("inline", f"{about}, and Ray pays from {format_duration(RAY_PAYS)} on")
    at_a_time = max(1, min(workers, math.floor(cpus_here() / resources.cpus)))
    return Runner("ray", f"{about}, for {at_a_time:,} worker{'s' * (at_a_time != 1)}")


def seconds_of_work(config: SweepConfig, designs: DesignSpace) -> float:
    """Seconds that a sweep would take one usual CPU, by its networks' MACs, or that its time budget gives it.

    Args:
        config: the sweep file.
        designs: the designs that it may try, for its images.
    """
    search, time = config.search, config.search.seconds or math.inf
    if config.search.seconds and search.epochs == AUTO:
        return time
    length = Length(search, designs.images, timed=False)
    macs = designs.in_the_middle(search.seed).macs
    an_epoch = designs.images * (PASSES * macs / MACS_A_SECOND + STEP_SECONDS / BATCH)
    finals = search.finalists * (search.seeds - 1) + search.refit if search.finalists else 0
    return min(time, an_epoch * (search.trials * expected_epochs(search, length) + finals * length.epochs))
