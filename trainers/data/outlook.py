"""What is known of a data set before its images are decoded: how many there are, how large, and of which classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .dataset import HELD_OUT, load_dataset
from .decoding import read_shape
from .folder import HEADS_READ, Files, no_images
from .folder_layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What is known of a data set before its images are decoded."""

    train: int
    """Images to train on, about: files that cannot be decoded are counted."""
    classes: tuple[str, ...]
    """Names of the classes."""
    channels: int
    """C of the images, 1 where all are grey."""
    sizes: tuple[tuple[int, int], ...]
    """(H, W) of some images, spread over all; one alone where all images have it."""


def outlook_of(name: str, root: Path | None) -> Outlook:
    """What is known of a data set before its images are decoded; those that are known by name are read.

    Args:
        name: one of `names.DATA_SETS`.
        root: where its files are; not for "digits".

    Raises:
        DataError: there are no images, or they cannot be found.
    """
    if name != "folder" or root is None:
        dataset = load_dataset(name, root)
        channels, height, width = dataset.input
        return Outlook(train=len(dataset.train), classes=dataset.classes, channels=channels, sizes=((height, width),))
    layout = layout_of(root)
    places = [place for place in (layout.train, layout.validation, layout.test) if place]
    parts = [Files(place, layout.classes, None) for place in places]
    parts[0].open()
    train = len(parts[0])
    some = np.unique(np.linspace(0, train - 1, min(HEADS_READ, train), dtype=np.int64)).tolist()
    shapes = [shape for at in some if (shape := read_shape(Path(parts[0].name(at))))]
    if not shapes:
        read = [(parts[0].name(at), parts[0].read(at)[0]) for at in some]
        reasons = [f"{name}: {said}" for name, said in read if isinstance(said, str)]
        raise no_images(layout.train, [*parts[0].passed_over, *reasons])
    sizes = tuple((height, width) for _, height, width in shapes)
    share = (1 if layout.validation else 1 - HELD_OUT) * (1 if layout.test else 1 - HELD_OUT)
    return Outlook(
        train=round(share * train),
        classes=layout.classes,
        channels=max(channels for channels, _, _ in shapes),
        sizes=sizes[:1] if _have_all(sizes[0], sizes, parts) else sizes,
    )


def _have_all(size: tuple[int, int], some: Sequence[tuple[int, int]], parts: Sequence[Files]) -> bool:
    """Whether all images have a size; where `some` of them have, the heads of all are read."""
    if set(some) != {size}:
        return False
    shapes = (read_shape(Path(part.name(at))) for part in parts for at in range(len(part)))
    return all(shape is None or shape[1:] == size for shape in shapes)
