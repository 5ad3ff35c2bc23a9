"""What a sweep has too little of to come to a good answer, and the setting that mends it, before anything trains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ...spaces import Conv, cost_table, values
from ...trainers.data import data_set_called
from ...trainers.device import cpus_here
from ..config import suit_transfer
from ..scheduling import Length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...spaces import Architecture
    from ...trainers.data import Dataset
    from ..config import DataConfig, ResourcesConfig, SearchConfig, SweepConfig
    from ..proposals import DesignSpace

STEPS_AN_EPOCH = 2
"""Steps of an epoch below which the rate's way down and the averaged weights are of nothing."""
RUNG_STEPS = 39
"""Steps before the first judgement below which it says little: of the best tenth of 323 networks six tenths were in the
best third after so many, and all after 78 to 117."""
TRIAL_STEPS = 100
"""Steps of a whole training below which a network from chance has hardly begun to learn."""
TWO_POINTS = 50
"""Validation images of which each counts for two points of accuracy."""
HANDFUL = 10
"""Images to train on below which a class is not learnt but remembered."""
FAR_MORE, DRAWN = 4.0, 20
"""So many times the image's longer side is far more than the image; and designs that are looked at."""
NAMED = 5
"""Classes that are named, at most."""


def adequacy(config: SweepConfig, dataset: Dataset, designs: DesignSpace) -> list[str]:
    """Lines that say what there is too little of, each with the setting that mends it; none where all is well.

    Args:
        config: the sweep file.
        dataset: its images.
        designs: the designs that it may try, for these images.
    """
    found = [
        *_of_the_images(config.data),
        *_of_the_workers(config.resources),
        *_of_the_steps(config.search, len(dataset.train), values(designs.recipes.settings["batch_size"])),
        *_of_the_validation(config.search, dataset),
        *_of_the_classes(dataset),
        *_of_the_networks(config, designs),
        *_of_the_weights(config, dataset),
    ]
    return [f"Note: {line}".replace("\n", "\\n") for line in found]  # a class's name may hold a newline


def _of_the_images(data: DataConfig) -> Iterator[str]:
    if data.root and data_set_called(data.name) == "digits":
        yield "data.root is not read: the digits come with scikit-learn. For images in a folder: `data.name: folder`."


def _of_the_workers(resources: ResourcesConfig) -> Iterator[str]:
    fit = max(1, math.floor(cpus_here() / resources.cpus))
    if resources.workers and resources.workers > fit and not (resources.gpus or resources.address):
        each = f" of {resources.cpus:g} CPUs each" if resources.cpus != 1 else ""
        yield (
            f"resources.workers: {resources.workers:,}{each} are more than this machine has room for: {fit:,} train at "
            "a time."
        )


def _of_the_steps(search: SearchConfig, images: int, batches: tuple[object, ...] | None) -> Iterator[str]:
    sizes = sorted(size for size in batches or () if isinstance(size, int))
    if sizes and STEPS_AN_EPOCH * sizes[-1] > max(images, STEPS_AN_EPOCH * 4):
        steps = math.ceil(images / sizes[-1])
        yield (
            f"batches of {sizes[-1]} make an epoch of {images:,} images {_steps(steps)}. "
            f"`recipe.batch_size: auto` takes smaller ones."
        )
    an_epoch = max(1, images // (sizes[-1] if sizes else 64))
    judged = search.promotion != "none"
    if judged and search.first_rung != "auto" and search.first_rung * an_epoch < RUNG_STEPS:
        yield (
            f"search.first_rung: {search.first_rung} judges trials after {_steps(search.first_rung * an_epoch)}, which "
            f"says little of how they end. `auto` waits for 100."
        )
    length = Length(search, images, timed=search.seconds is not None)
    if search.epochs != "auto" and length.epochs * an_epoch < TRIAL_STEPS:
        yield (
            f"search.epochs: {search.epochs} of {images:,} images are {_steps(length.epochs * an_epoch)}, too few to "
            f"learn much. `auto` takes as many as help."
        )


def _of_the_validation(search: SearchConfig, dataset: Dataset) -> Iterator[str]:
    if (images := len(dataset.validation)) > TWO_POINTS:
        return
    remedy = "`data.validation: 0.3` gives it more"
    if "validation" in dataset.own:
        remedy = "Put more images into that part"
    elif search.cross_validate and search.finalists and search.seeds > 1 and dataset.splits_again:
        remedy += "; finalists are compared on several splits"
    counted = f"{images} image{'s' * (images != 1)}"
    yield f"of {counted} to validate on each counts for {100 / images:.1f} points of accuracy. {remedy}."


def _of_the_classes(dataset: Dataset) -> Iterator[str]:
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.classes))
    few = [(name, int(count)) for name, count in zip(dataset.classes, counts, strict=True) if count < HANDFUL]
    if not few:
        return
    named = ", ".join(f"{name} {count}" for name, count in few[:NAMED])
    more = f", and {len(few) - NAMED} classes more" if len(few) > NAMED else ""
    balanced = " `recipe.class_weights: balanced` has every class count the same." if counts.max() > 2 * HANDFUL else ""
    yield f"too few images to learn from: {named}{more}. Give them more, or leave them out.{balanced}"


def _of_the_networks(config: SweepConfig, designs: DesignSpace) -> Iterator[str]:
    """Of networks that all see far more than the image most of the later weights only ever meet padding."""
    if "class" in config.space:  # it may be at fault now and then
        return
    side = max(designs.input[1:])
    drawn = designs.draw(DRAWN, config.search.seed)
    seen = sorted(_sees(design.architecture) for design in drawn if design.recipe.weights is None)
    if seen and (least := seen[len(seen) // 4]) > FAR_MORE * side:
        yield (
            f"three in four networks of the space see {least:,} cells or more, and an image has {side}: fewer "
            f"`space.stages`, smaller filters or larger images would do."
        )


def _sees(architecture: Architecture) -> int:
    """Cells of the image, along its longer side, that a cell of the last map of a convolution sees."""
    rows = [row for row in cost_table(architecture).rows if isinstance(row.layer, Conv)]
    return max(rows[-1].receptive_field) if rows else 1


def _of_the_weights(config: SweepConfig, dataset: Dataset) -> Iterator[str]:
    channels, *sides = dataset.input
    images, classes = len(dataset.train), len(dataset.classes)
    if config.recipe_space().weights or not suit_transfer(images, classes, channels, min(sides)):
        return
    yield (
        f"{images:,} images to train on are few for {classes} classes. Weights learnt on other images would do more "
        f"than any search from chance: `recipe.weights: [null, torchvision:resnet18]` tries both; it downloads 45 MB."
    )


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count:,} steps"
