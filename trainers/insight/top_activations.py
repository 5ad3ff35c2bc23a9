"""The images that excite a filter most, cut to the part that the filter sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812

from . import canvas
from .places import called, spread
from .result import Drawing, Drawn, Omission

if TYPE_CHECKING:
    from torch import Tensor

    from ...spaces import Step
    from .observation import Observation, TopActivations
    from .sample import Sample

FILTERS, PATCHES = 8, 9
"""Filters of a layer, and patches of each, that are drawn, at most."""


def draw_top_activations(sample: Sample, observation: Observation, mean: tuple[float, ...]) -> list[Drawn]:
    """For some filters of up to three stages the parts of images that excite them most, a picture for each stage.

    Args:
        sample: the images.
        observation: what the network made of them.
        mean: of each channel, 0 to 1: what lies outside of an image is drawn so.
    """
    if not observation.top_activations:
        return [Omission("What excites filters", "This network has no maps behind its first weights.")]
    return [_drawn(each, sample, mean, number) for number, each in enumerate(observation.top_activations, 1)]


def window(step: Step, place: int) -> tuple[int, int, int, int]:
    """The part of the image that one cell of a step's output sees: first row, first column, rows, columns.

    It may reach beyond the image, where the layers pad.

    Args:
        step: a layer that gives maps.
        place: which cell, row by row.
    """
    cell = divmod(place, step.output[2])
    starts = [
        round(field.offset + at * field.stride - (field.size - 1) / 2)
        for field, at in zip(step.fields, cell, strict=True)
    ]
    return starts[0], starts[1], step.fields[0].size, step.fields[1].size


def cut(image: Tensor, part: tuple[int, int, int, int], mean: tuple[float, ...]) -> Tensor:
    """A part of an image (C, H, W); what lies outside of it is `mean`. A part larger than the image is the image.

    Args:
        image: 0 to 1.
        part: first row, first column, rows, columns.
        mean: of each channel.
    """
    height, width = image.shape[1:]
    row, column, rows, columns = part
    if rows >= height:
        row, rows = 0, height
    if columns >= width:
        column, columns = 0, width
    grey = torch.tensor(mean).view(-1, 1, 1)
    sides = (max(0, -column), max(0, column + columns - width), max(0, -row), max(0, row + rows - height))
    padded = F.pad(image - grey, sides) + grey
    row, column = row + sides[2], column + sides[0]
    return padded[:, row : row + rows, column : column + columns]


def _drawn(found: TopActivations, sample: Sample, mean: tuple[float, ...], number: int) -> Drawn:
    step, many = found.step, min(PATCHES, len(sample))
    differ = found.strongest.amax(0) > found.strongest.amin(0)
    alive = torch.nonzero(differ | (len(sample) == 1)).flatten().tolist()
    title = f"What excites filters: {called(step)}"
    if not alive:
        return Omission(title, "No filter of this layer answers to one image more than to another.")
    filters = [alive[at] for at in spread(len(alive), FILTERS)]
    best = found.strongest[:, filters].topk(many, dim=0).indices.T  # (filters, patches)
    tiles = [
        cut(torch.from_numpy(sample.pixels[at]).float() / 255, window(step, int(found.place[at, each])), mean)
        for each, images in zip(filters, best.tolist(), strict=True)
        for at in images
    ]
    rows, columns = (field.size for field in step.fields)
    whole = rows >= sample.pixels.shape[2] and columns >= sample.pixels.shape[3]
    seen = "the whole image" if whole else f"{rows}x{columns} pixels"
    return Drawing(
        file=f"top-activations-{number}.png",
        title=title,
        shows=f"A row for each filter: the {many} images that excite it most, strongest first, cut to what the filter "
        f"sees where it answers most, {seen}.",
        alarming="Rows without anything in common: the filters learnt nothing that can be named. In a late layer, rows "
        "that share a background or a watermark in place of the thing: the network learnt a short cut.",
        found=_of_one_class(found, alive, sample, many),
        png=canvas.grid(
            canvas.enlarged(canvas.as_colour(torch.stack(tiles)), 64), many, rows=[f"#{each}" for each in filters]
        ),
    )


def _of_one_class(found: TopActivations, alive: list[int], sample: Sample, many: int) -> str:
    """How much the images that excite a filter are of one class, on average over the filters that are not dead."""
    if sample.labels is None or many < 2:
        return ""
    best = found.strongest[:, alive].topk(many, dim=0).indices.T
    labels = torch.from_numpy(sample.labels)[best]
    most = [int(row.bincount().max()) for row in labels]
    return (
        f"Of the {many} images that excite a filter most {sum(most) / len(most):.1f} are of one class, on average over "
        f"{len(alive):,} filters."
    )
