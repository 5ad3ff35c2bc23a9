"""Loads the images that a sweep file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...trainers.data import Dataset
    from .schema import SweepConfig


def load_data(config: SweepConfig) -> Dataset:
    """The images that a sweep file's `data` section names, split by the sweep's seed to train, validate and test.

    Raises:
        DataError: images are missing, damaged or too few.
    """
    from ...trainers.data import load_dataset

    data = config.data
    return load_dataset(
        data.name,
        data.root,
        train=data.train,
        validation=data.validation,
        seed=config.search.seed,
        size=data.size,
        code=config.code or (),
        memory=data.memory,
    )
