"""What a data set holds is told in the same lines wherever it is shown."""

from __future__ import annotations

import numpy as np
import pytest
from convscape.trainers.data import Source, data_report
from convscape.trainers.data.dataset import split

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (40, 3, 8, 6), dtype=np.uint8)


def source(labels: list[int], **more: object) -> Source:
    classes = tuple(f"class {number}" for number in range(max(labels) + 1))
    return Source(IMAGES[: len(labels)], np.array(labels), classes, **more)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([0] * 20 + [1] * 20, "2 classes, 20 of each: class 0, class 1"),
        ([0] * 18 + [1] * 22, "2 classes, 18 to 22 of each: class 0, class 1"),
        ([0] * 30 + [1] * 10, "2 classes: class 0 30, class 1 10"),
        ([*range(13)] * 3, "13 classes, 3 of each: " + ", ".join(f"class {n}" for n in range(12)) + ", and 1 more"),
    ],
)
def test_classes_are_counted(labels: list[int], says: str) -> None:
    dataset = split("mine", source(labels))
    assert data_report(dataset)[0] == f"mine: images of 3x8x6 in {says}"
    assert len(data_report(dataset)) == 2


def test_parts_say_where_they_come_from() -> None:
    own = IMAGES[:4], np.array([0, 1, 0, 1])
    labels = [0] * 20 + [1] * 20
    said = [data_report(split("mine", source(labels, **more)))[1] for more in ({}, {"validation": own}, {"test": own})]
    assert said == [
        "26 to train on, 6 to validate on (cut from those to train on), 8 to test on (a fifth of all)",
        "32 to train on, 4 to validate on (its own part), 8 to test on (a fifth of all)",
        "32 to train on, 8 to validate on (cut from those to train on), 4 to test on (its own part)",
    ]


def test_images_in_two_parts_are_told() -> None:
    own = IMAGES[:4], np.array([0, 1, 0, 1])
    dataset = split("mine", source([0] * 20 + [1] * 20, validation=own, test=own))
    assert data_report(dataset)[2] == (
        "8 of the images to validate or test on are among those to train on, too: accuracies are too high."
    )


def test_what_was_not_read_is_named() -> None:
    skipped = tuple(f"{number}.png: cut short" for number in range(7))
    dataset = split("mine", source([0] * 20 + [1] * 20, skipped=skipped))
    assert data_report(dataset)[2] == f"not read: {', '.join(skipped[:5])}, and 2 more"
