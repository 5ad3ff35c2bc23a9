"""What the pictures of a data set were before they became images of one size, in lines: colours and sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .pixels import Resize, Shape

UNNOTICED = 1.005
"""Two shapes count as alike where one is at most this much wider, for its height, than the other."""


@dataclass(frozen=True, kw_only=True)
class Originals:
    """What the pictures of a data set were where they come from, upright. A size is height and width, in pixels."""

    grey: int
    """How many have one channel."""
    colour: int
    """How many have three."""
    smallest: Shape
    """The size of fewest pixels."""
    median: Shape
    """The size that half of all have at most, by pixels."""
    largest: Shape
    """The size of most pixels."""
    narrowest: float
    """The least width of a picture, as a part of its height."""
    widest: float
    """The greatest width of a picture, as a part of its height."""


def originals_of(pictures: Iterable[tuple[int, Shape]]) -> Originals:
    """What pictures were, by the channels and the size of each; of at least one."""
    seen = list(pictures)
    sizes = sorted((size for _, size in seen), key=lambda size: (size[0] * size[1], size))
    aspects = [width / height for height, width in sizes]
    return Originals(
        grey=sum(channels == 1 for channels, _ in seen),
        colour=sum(channels == 3 for channels, _ in seen),
        smallest=sizes[0],
        median=sizes[(len(sizes) - 1) // 2],
        largest=sizes[-1],
        narrowest=min(aspects),
        widest=max(aspects),
    )


def originals_report(originals: Originals, shape: Shape, resize: Resize) -> list[str]:
    """Lines that say in what colours and sizes pictures lie, and what becomes of them.

    Args:
        originals: what the pictures were.
        shape: height and width of the images that they became, in pixels.
        resize: how they were brought to it.

    >>> photos = originals_of([(3, (480, 640)), (1, (120, 160)), (3, (3000, 2000))])
    >>> for line in originals_report(photos, (64, 64), "crop"):
    ...     print(line)
    2 in colour, 1 grey: read as RGB
    120x160 to 3000x2000 (height x width), median 480x640, 0.67 to 1.3 times as wide as high
    brought to 64x64 by data.resize: crop, which cuts off up to 33%
    """
    return [*_colours(originals), _sizes(originals), *_fate(originals, shape, resize)]


def _colours(originals: Originals) -> list[str]:
    if originals.colour and originals.grey:
        return [f"{originals.colour:,} in colour, {originals.grey:,} grey: read as RGB"]
    if originals.colour:
        return ["all in colour: read as RGB"]
    return ["all grey: read with one channel"] if originals.grey else []


def _sizes(originals: Originals) -> str:
    if _of_one_size(originals):
        return f"all {_text(originals.smallest)} (height x width)"
    low, high = f"{originals.narrowest:.2g}", f"{originals.widest:.2g}"
    return (
        f"{_text(originals.smallest)} to {_text(originals.largest)} (height x width), median "
        f"{_text(originals.median)}, {low if low == high else f'{low} to {high}'} times as wide as high"
    )


def _fate(originals: Originals, shape: Shape, resize: Resize) -> list[str]:
    """What becomes of the pictures, and what that costs the one whose shape differs most."""
    if _of_one_size(originals) and originals.smallest == shape:
        return []
    aspect = shape[1] / shape[0]
    most = max(originals.widest / aspect, aspect / originals.narrowest)
    if most <= UNNOTICED:
        return [f"brought to {_text(shape)}"]
    cost = {
        "crop": f"which cuts off up to {1 - 1 / most:.0%}",
        "pad": f"which leaves up to {1 - 1 / most:.0%} of an image black",
        "stretch": f"which makes things up to {most:.2g} times too wide or too high",
    }[resize]
    return [f"brought to {_text(shape)} by data.resize: {resize}, {cost}"]


def _of_one_size(originals: Originals) -> bool:
    return originals.smallest == originals.largest and originals.narrowest == originals.widest


def _text(size: Shape) -> str:
    return "x".join(map(str, size))
