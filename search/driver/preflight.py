"""What is refused before anything trains: a space, a budget or a named design that cannot be used on the images."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ...spaces import ConfigError, SweepError, values
from ..config import load_data
from ..proposals import DesignSpace, check_budget, check_conditional, initial_designs
from ..workers import refuse_unreachable, refuse_without_gpus
from .folder import refuse_store
from .forecast import refuse_too_short
from .phases import CHECKING, READING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ...trainers.data import Dataset
    from ..config import ResourcesConfig, SweepConfig


def read_and_check(
    config: SweepConfig, enter: Callable[[str], None] = lambda _: None, *, keeps: bool = True
) -> tuple[Dataset, DesignSpace]:
    """The images of a sweep that is to begin, and its designs for them, when nothing is known to be in the way of it.

    Args:
        config: the sweep file, with what the environment adds to it.
        enter: called with the name of each phase.
        keeps: whether results are to be kept, so that it matters whether the folder and MLflow's store can be written.

    Raises:
        ConfigError: the sweep file, or its space on these images, cannot be used.
        DataError: the images or weights are missing, damaged or too few.
        SweepError: MLflow's store, the cluster or this machine cannot do what is asked.
    """
    if keeps:
        refuse_store(config)
    check_machine(config.resources)
    enter(READING)
    dataset = load_data(config, anew=True)
    enter(CHECKING)
    designs = DesignSpace.for_images(config, dataset)
    check_designs(config, designs)
    refuse_too_short(config, dataset, designs)
    return dataset, designs


def check_designs(config: SweepConfig, designs: DesignSpace) -> None:
    """Refuses what cannot be searched on the images, before anything trains: space, budget, sampler and named designs.

    Args:
        config: the sweep file.
        designs: the designs the sweep may try, for the images.

    Raises:
        SpaceError: no network fits the images or the budget, or a crop or cutout is too large for the images.
        ConfigError: a start or baseline is not there or cannot be built for the images, the sampler needs another
            space, or a schedule would have to know a length that is chosen later.
    """
    designs.check()
    next(designs.draw(1, config.search.seed))  # a space of one's own may be at fault: it shows here
    if config.question:  # its networks are those of its variants
        return
    check_conditional(config, designs)
    check_budget(designs, config.search.seed)
    named = {enqueued.design.recipe.schedule for enqueued in initial_designs(config, designs)}
    check_schedules(config, designs, named)


def check_machine(resources: ResourcesConfig) -> None:
    """Refuses a cluster that does not answer, or a trial for which this machine, where it is to train, has too little.

    Args:
        resources: the cluster, and what each trial gets.

    Raises:
        SweepError: says what is wrong with the address, or how many CPUs or GPUs there are.
    """
    joined = (ray := sys.modules.get("ray")) is not None and ray.is_initialized()
    inline = resources.runner == "inline"
    if joined and not inline:
        return
    if resources.address and not inline:
        refuse_unreachable(resources.address)
        return
    from ...trainers.device import cpus_here, gpus_here

    if resources.gpus == "auto":
        refuse_without_gpus(gpus_here(), "this machine has none")
        return
    there = {"CPU": max(cpus_here(), os.cpu_count() or 1), "GPU": gpus_here()}
    wanted_here = {"CPU": 0.0 if inline else resources.cpus, "GPU": resources.gpus}  # inline those are threads alone
    for kind, wanted in wanted_here.items():
        if wanted > there[kind]:
            setting = f"resources.{kind.lower()}s"
            raise SweepError(
                f"{setting}: a trial needs {wanted:g} {kind}, and this machine has {there[kind]}",
                f"`--set {setting}={there[kind]}`, or `--set resources.address=…` to train on a cluster.",
            )


def check_schedules(config: SweepConfig, designs: DesignSpace, named: Collection[str] = ()) -> None:
    """Refuses a cosine where the length is chosen later: it goes down from the first epoch on, and must know the last.

    Args:
        config: the sweep file.
        designs: the designs the sweep may try.
        named: schedules of the designs that the sweep file names.

    Raises:
        ConfigError: says what to set.
    """
    schedules = {*named, *(values(designs.recipes.settings["schedule"]) or ())}
    if "cosine" in schedules and config.search.epochs == "auto" and config.timed:
        raise ConfigError(
            "recipe.schedule: cosine must know how many epochs there will be, and with search.epochs: auto and "
            "search.seconds that is chosen while the first trials train",
            "Set search.epochs to a number, or use `schedule: wsd`.",
            key="recipe.schedule",
        )
