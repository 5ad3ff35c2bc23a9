"""What a data set holds, in lines: classes, parts, what was not read, and images that are in two parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .originals import originals_report

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from .dataset import Dataset, Part

CLASSES, SKIPPED = 12, 5
"""Classes that are counted each, and files not read that are named, at most."""
FAINT = 4 / 255
"""Standard deviation of pixels from 0 to 1 below which images are said to show nearly nothing."""


def data_report(dataset: Dataset) -> list[str]:
    """Lines that say what is learnt from, the same wherever they are shown.

    Args:
        dataset: as it is trained on.

    >>> from .dataset import load_dataset
    >>> for line in data_report(load_dataset("digits", train=1000, validation=100)):
    ...     print(line)
    digits: images of 1x8x8 in 10 classes, 141 to 149 of each: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
    1,000 to train on, 100 to validate on (cut from those to train on), 359 to test on (a fifth of all)
    """
    parts = {"train": dataset.train, "validate": dataset.validation, "test": dataset.test}
    origins = {
        "train": "",
        "validate": " (its own part)" if "validation" in dataset.own else " (cut from those to train on)",
        "test": " (its own part)" if "test" in dataset.own else " (a fifth of all)",
    }
    lines = [
        f"{dataset.name}: images of {'x'.join(map(str, dataset.input))} in {_classes(dataset)}",
        ", ".join(f"{len(part):,} to {name} on{origins[name]}" for name, part in parts.items()),
    ]
    if dataset.originals is not None:
        lines += originals_report(dataset.originals, dataset.input[1:], dataset.resize)
    if dataset.streamed:
        lines.append("The images come to more than data.memory: they are read anew each epoch.")
    if dataset.skipped:
        more = f", and {len(dataset.skipped) - SKIPPED} more" if len(dataset.skipped) > SKIPPED else ""
        lines.append(f"not read: {', '.join(dataset.skipped[:SKIPPED])}{more}")
    lines += _without_spread(dataset)
    contradicting = _in_two_classes([dataset.train, dataset.validation, dataset.test])
    if contradicting:
        named = f", as {' and '.join(dataset.in_two_classes)}" if dataset.in_two_classes else ""
        lines.append(
            f"{sum(contradicting.values()):,} images are in two classes, the same pixel by pixel{named}: "
            "no network can tell them apart. Take each out of the class that it is not of."
        )
    if twice := _in_two(dataset.train, [dataset.validation, dataset.test], contradicting.keys()):
        lines.append(
            f"{twice:,} of the images to validate or test on are among those to train on, too: accuracies are too high."
        )
    return [line.replace("\n", "\\n") for line in lines]  # a class's or a file's name may hold a newline


def _classes(dataset: Dataset) -> str:
    """The classes with how many images of each are trained and validated on."""
    labels = np.concatenate([dataset.train.labels, dataset.validation.labels, dataset.test.labels])
    counts = np.bincount(labels, minlength=len(dataset.classes))
    count, names = len(counts), dataset.classes[:CLASSES]
    more = f", and {count - CLASSES} more" if count > CLASSES else ""
    fewest, most = counts.min(), counts.max()
    if fewest == most:
        return f"{count} classes, {most:,} of each: {', '.join(names)}{more}"
    if count > CLASSES or 2 * fewest > most:
        return f"{count} classes, {fewest:,} to {most:,} of each: {', '.join(names)}{more}"
    return f"{count} classes: {', '.join(f'{name} {n:,}' for name, n in zip(names, counts, strict=True))}"


def _without_spread(dataset: Dataset) -> list[str]:
    """What is said of images that are one colour each, or hardly differ from grey to grey."""
    lines: list[str] = []
    if blank := sum(part.blank for part in (dataset.train, dataset.validation, dataset.test)):
        lines.append(f"{blank:,} images have one colour each: nothing is seen in them.")
    if max(dataset.std) < FAINT:
        lines.append(
            f"The pixels' standard deviation is {255 * max(dataset.std):.1g} of 255: the images are nearly black, or "
            "white. Of 16 bits the upper 8 are read: stretch their values to 0 to 65,535."
        )
    return lines


def _in_two(train: Part, others: Sequence[Part], but: Collection[int] = ()) -> int:
    """How many images of `others` are among those of `train`, pixel by pixel; those with a digest in `but` are none."""
    told = np.array(list(but), dtype=np.uint64)
    return sum(int(np.isin(part.digests, np.setdiff1d(train.digests, told)).sum()) for part in others)


def _in_two_classes(parts: Sequence[Part]) -> dict[int, int]:
    """How many images have each digest that images of different classes have."""
    labels = np.concatenate([part.labels for part in parts])
    found, at, counts = np.unique(
        np.concatenate([part.digests for part in parts]), return_inverse=True, return_counts=True
    )
    lowest, highest = np.full(len(found), labels.max()), np.zeros(len(found), dtype=labels.dtype)
    np.minimum.at(lowest, at, labels)
    np.maximum.at(highest, at, labels)
    differ = lowest < highest
    return dict(zip(found[differ].tolist(), counts[differ].tolist(), strict=True))
