"""What a data set holds, in lines: classes, parts, what was not read, and images that are in two parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .dataset import Dataset, Part

CLASSES, SKIPPED = 12, 5
"""Classes that are counted each, and files not read that are named, at most."""


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
    if dataset.streamed:
        lines.append("The images come to more than data.memory: they are read anew each epoch.")
    if dataset.skipped:
        more = f", and {len(dataset.skipped) - SKIPPED} more" if len(dataset.skipped) > SKIPPED else ""
        lines.append(f"not read: {', '.join(dataset.skipped[:SKIPPED])}{more}")
    if twice := _in_two(dataset.train, [dataset.validation, dataset.test]):
        lines.append(
            f"{twice:,} of the images to validate or test on are among those to train on, too: accuracies are too high."
        )
    return lines


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


def _in_two(train: Part, others: Sequence[Part]) -> int:
    """How many images of `others` are among those of `train`, pixel by pixel."""
    return sum(int(np.isin(part.digests, train.digests).sum()) for part in others)
