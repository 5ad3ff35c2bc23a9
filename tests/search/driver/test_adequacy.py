"""What there is too little of is said before anything trains, with the setting that mends it; the defaults avoid it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from convscape.search.config import parse_sweep_file
from convscape.search.driver import adequacy
from convscape.search.proposals import DesignSpace
from convscape.trainers.data import Dataset, load_dataset
from convscape.trainers.data.dataset import split
from convscape.trainers.data.sources import Source


def photos(of_each: tuple[int, ...], side: int = 32, channels: int = 3, **parts: Any) -> Dataset:
    """Noise in colour, so many images of each class."""
    labels = np.repeat(np.arange(len(of_each)), of_each)
    images = np.random.default_rng(0).integers(0, 256, (len(labels), channels, side, side), dtype=np.uint8)
    return split("photos", Source(images, labels, tuple(f"class{n}" for n in range(len(of_each)))), **parts)


def notes(dataset: Dataset, **sections: dict[str, Any]) -> list[str]:
    config = parse_sweep_file(json.dumps({"name": "x", "data": {"name": "digits"}} | sections))
    return adequacy(config, dataset, DesignSpace.for_images(config, dataset))


DIGITS = load_dataset("digits", train=1000, validation=250)
FEW = load_dataset("digits", train=150, validation=60)


@pytest.mark.parametrize("dataset", [DIGITS, FEW, photos((200,) * 4)])
def test_the_defaults_lack_nothing_that_a_setting_could_give(dataset: Dataset) -> None:
    assert notes(dataset) == notes(dataset, search={"seconds": 60}) == []


@pytest.mark.parametrize(
    ("dataset", "sections", "said"),
    [
        (FEW, {"recipe": {"batch_size": [32, 128]}}, "batches of 128 make an epoch of 150 images 2 steps."),
        (DIGITS, {"recipe": {"batch_size": 600}}, "batches of 600 make an epoch of 1,000 images 2 steps."),
        (DIGITS, {"data": {"name": "Digits", "root": "photos"}}, "data.root is not read: the digits come with"),
        (
            DIGITS, {"resources": {"workers": 1000}},
            "resources.workers: 1,000 are more than this machine has room for: ",
        ),
        (FEW, {"search": {"first_rung": 2}}, "search.first_rung: 2 judges trials after 4 steps,"),
        (FEW, {"search": {"epochs": 9}}, "search.epochs: 9 of 150 images are 18 steps, too few"),
        (
            load_dataset("digits", train=1000, validation=50), {},
            "of 50 images to validate on each counts for 2.0 points of accuracy. `data.validation: 0.3`",
        ),
        (load_dataset("digits", train=900, validation=1), {}, "of 1 image to validate on each counts for 100.0 points"),
        (photos((300, 9, 12), side=28), {}, "too few images to learn from: class1 6, class2 8. Give them more"),
        (DIGITS, {"space": {"stages": 3, "kernel": 5, "convolutions": 3}}, "and an image has 8: fewer `space.stages`"),
        (photos((120,) * 4), {}, "307 images to train on are few for 4 classes. Weights learnt on other images would"),
    ],
)  # fmt: skip
def test_what_is_lacking_is_said_with_what_mends_it(dataset: Dataset, sections: Any, said: str) -> None:
    (found,) = notes(dataset, **sections)
    assert found.startswith("Note: ")
    assert said in found


@pytest.mark.parametrize(
    ("dataset", "sections"),
    [
        (DIGITS, {"recipe": {"batch_size": 500}}),
        (FEW, {"search": {"first_rung": 20}}),
        (FEW, {"search": {"first_rung": 2, "promotion": "none"}}),
        (FEW, {"search": {"epochs": 50, "first_rung": 50}}),
        (load_dataset("digits", train=1000, validation=51), {}),
        (photos((120,) * 4, channels=1), {}),
        (photos((120,) * 4, side=28), {}),
        (photos((120,) * 4), {"recipe": {"weights": [None, "torchvision:resnet18"]}}),
    ],
)
def test_nothing_is_said_just_above(dataset: Dataset, sections: Any) -> None:
    assert notes(dataset, **sections) == []


def test_validation_images_of_a_part_of_their_own_are_not_cut_otherwise() -> None:
    few = load_dataset("digits", train=1000, validation=20)
    own = Dataset(**{**vars(few), "own": ("validation",)})
    (found,) = notes(own)
    assert found.endswith("5.0 points of accuracy. Put more images into that part.")
