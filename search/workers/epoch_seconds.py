"""Measures how long an epoch of a design takes on this machine's CPU."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from ...trainers import Training
from ...trainers.measuring import faster_precision, has_bfloat16

if TYPE_CHECKING:
    from ...trainers.data import Dataset
    from ..records import Design

MEASURED_IMAGES = 1_920
"""Images of the epoch that is measured, at most: longer epochs are reckoned from it."""


def epoch_seconds(
    design: Design,
    dataset: Dataset,
    threads: int,
    precision: Literal["auto", "float32", "bfloat16"],
    images: int = MEASURED_IMAGES,
) -> float:
    """Seconds of an epoch on this machine's CPU, from the second of two that are trained on some of the images.

    Args:
        design: what is trained.
        dataset: all the images.
        threads: that it computes with.
        precision: as `resources.precision`.
        images: of the epoch that is measured, at most.

    Raises:
        TrainingError: the design cannot be trained.
    """

    def some(count: int) -> int:
        return max(1, math.ceil(count * share))

    share = min(1.0, images / len(dataset.train))
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
