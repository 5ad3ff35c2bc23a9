"""The filters of a network as pictures: what its first layer looks for, and the weights of some inner ones."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import torch

from ...spaces import Conv, Flatten, Linear, LocallyConnected
from . import canvas
from .places import called, first_weights, some_of, spread, weighted
from .result import Drawing, Drawn, Omission, one_or_many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ...spaces import Step
    from ..predicting import Classifier

MOST_FILTERS, MOST_TEMPLATES = 64, 40
"""Filters, or templates of a linear layer, that are drawn, at most."""
MOST_CHANNELS = 12
"""Filters and channels of an inner layer that are drawn, at most; images of more channels are drawn by their first."""
INNER_LAYERS = 2
"""Inner layers that are drawn, at most."""
WEAK = 0.1
"""Part of the median size of a layer's filters below which one counts as weak."""
NOISE = (
    "Noise in place of edges, blobs and colours: the network was trained too short, with a learning rate too high, or "
    "with too little regularisation."
)


def draw_filters(classifier: Classifier) -> list[Drawn]:
    """The first layer's filters, of an MLP its templates, and the weights of up to INNER_LAYERS inner convolutions.

    Args:
        classifier: an `observable` one.
    """
    first = first_weights(classifier.architecture)
    if first is None:
        return [Omission("First filters", "No layer of this network has weights.")]
    drawn = [_templates(classifier, first) if isinstance(first.layer, Linear) else _first_filters(classifier, first)]
    inner = [
        step
        for step in weighted(classifier.architecture)
        if isinstance(step.layer, Conv) and max(step.layer.kernel) > 1 and step.path != first.path
    ]
    return [
        *drawn,
        *(_inner_filters(classifier, step, number) for number, step in enumerate(some_of(inner, INNER_LAYERS), 1)),
    ]


def smoothness(filters: Tensor) -> float | None:
    """Mean correlation of weights that lie beside each other, 0 for noise, towards 1 for smooth filters.

    Args:
        filters: (N, F1, F2).

    Returns:
        The sum of products of neighbouring weights by the sum of their squares; None where a filter has one cell, or
        all are zero.
    """
    pairs = [(filters[:, 1:], filters[:, :-1]), (filters[:, :, 1:], filters[:, :, :-1])]
    products = sum(float((one * other).sum()) for one, other in pairs)
    squares = sum(float((one.square() + other.square()).sum()) / 2 for one, other in pairs)
    return products / squares if squares else None


def _first_filters(classifier: Classifier, step: Step) -> Drawing:
    assert isinstance(step.layer, Conv | LocallyConnected)
    filters, where = _weights(classifier, step)
    count, channels = filters.shape[:2]
    shown = spread(count, MOST_FILTERS if channels in (1, 3) else MOST_CHANNELS)
    tiles, columns = _by_sign(filters[shown]), 0
    if channels not in (1, 3):
        columns = min(channels, MOST_CHANNELS)
        tiles = tiles[:, :columns].flatten(0, 1).unsqueeze(1)
    rows = [f"#{at}" for at in shown] if columns else []
    size = canvas.TILE if step.layer.kernel != (1, 1) else canvas.TILE // 2
    what = (
        "in colour" if channels == 3 else f"a row each, a tile for each of {columns} channels" if columns else "in grey"
    )
    return Drawing(
        file="first-filters.png",
        title=f"First filters: {called(step)}",
        shows=f"The weights of the filters that look at the image{where}, {what}, each by its own largest weight: "
        f"mid-grey is zero, light is what the filter looks for, dark is what speaks against it.{_number(shown, count)}"
        + (" A filter of one cell sees one pixel: it mixes channels." if step.layer.kernel == (1, 1) else ""),
        alarming=NOISE,
        found=_counted(filters, "filter"),
        png=canvas.grid(canvas.as_colour(canvas.enlarged(tiles, size)), columns or 16, rows=rows),
    )


def _templates(classifier: Classifier, step: Step) -> Drawn:
    before = _flattened(classifier, step)
    if prod(before) != step.input[0] or prod(before[1:]) == 1:
        return Omission("Templates", f"{called(step)} sees no map with rows and columns.")
    weights = _tensor(classifier, step).unflatten(1, before)
    is_scores = (
        step.output == (classifier.architecture.classes,) and step.path == classifier.architecture.steps[-1].path
    )
    shown = spread(len(weights), MOST_TEMPLATES)
    tiles = _by_sign(weights[shown] if before[0] in (1, 3) else weights[shown].mean(1, keepdim=True))
    names = [classifier.classes[at] for at in shown] if is_scores else []
    return Drawing(
        file="first-filters.png",
        title=f"Templates: {called(step)}",
        shows="The weights of each unit of the first fully connected layer, laid out as the image: the unit answers to "
        "what is light, and against what is dark; mid-grey is zero."
        + (" There is one for each class." if is_scores else "")
        + _number(shown, len(weights)),
        alarming="Templates of noise: regularisation (weight decay) is too weak, or the images are too few.",
        found=_counted(weights, "template"),
        png=canvas.grid(canvas.as_colour(canvas.enlarged(tiles)), 10, captions=names, most=12),
    )


def _flattened(classifier: Classifier, step: Step) -> tuple[int, ...]:
    """Shape (C, H, W) of the maps that were flattened before a linear layer; () where there were none."""
    steps = classifier.architecture.steps
    flattening = [each.input for each in steps[: steps.index(step)] if isinstance(each.layer, Flatten)]
    return next((shape for shape in reversed(flattening) if len(shape) == 3), ())


def _inner_filters(classifier: Classifier, step: Step, number: int) -> Drawing:
    weights = _tensor(classifier, step)
    rows, columns = spread(weights.shape[0], MOST_CHANNELS), spread(weights.shape[1], MOST_CHANNELS)
    chosen = weights[rows][:, columns]
    tiles = _by_sign(chosen).flatten(0, 1).unsqueeze(1)
    return Drawing(
        file=f"inner-filters-{number}.png",
        title=f"Inner filters: {called(step)}",
        shows="A row for each filter, in it the weights for each of its input maps; mid-grey is zero, a row has one "
        f"scale.{_number(rows, weights.shape[0])}{_number(columns, weights.shape[1], 'input map')} These weights see "
        "maps, not pixels: what excites the filters says more.",
        alarming="Rows that are grey but for a cell or two, or many rows alike: filters that learnt nothing of "
        "their own.",
        found=_counted(weights, "filter"),
        png=canvas.grid(
            canvas.as_colour(canvas.enlarged(tiles, 40)),
            len(columns),
            rows=[f"#{at}" for at in rows],
            heads=[str(at) for at in columns],
        ),
    )


def _weights(classifier: Classifier, step: Step) -> tuple[Tensor, str]:
    """Filters (K, C, F1, F2) of a layer that sees the image, and of unshared ones where in the image they are."""
    weights = _tensor(classifier, step)
    if not isinstance(step.layer, LocallyConnected):
        return weights, ""
    rows, columns = step.output[1:]
    middle = rows // 2 * columns + columns // 2
    banks = weights[middle].T.unflatten(1, (step.input[0], *step.layer.kernel))
    return banks, f" at the middle of {rows * columns:,} places, each of which has filters of its own"


def _tensor(classifier: Classifier, step: Step) -> Tensor:
    weights = classifier.network.get_submodule(step.path).weight
    assert isinstance(weights, torch.Tensor)
    return weights.detach().float()


def _by_sign(filters: Tensor) -> Tensor:
    """Filters (N, C, F1, F2) from 0 to 1, each by its own largest weight, 0.5 for zero."""
    largest = filters.flatten(1).abs().amax(1).clamp(min=1e-12)
    return 0.5 + filters / (2 * largest.view(-1, 1, 1, 1))


def _number(shown: Sequence[int], count: int, what: str = "filter") -> str:
    return "" if len(shown) == count else f" {len(shown)} of {one_or_many(count, what)} are drawn."


def _counted(filters: Tensor, what: str) -> str:
    """How smooth filters (N, C, F1, F2) are, and how many hardly have any weight."""
    sizes = filters.flatten(1).norm(dim=1)
    weak = int((sizes < WEAK * sizes.median()).sum()) if float(sizes.max()) else len(sizes)
    smooth = smoothness(filters.flatten(0, 1))
    said = "" if smooth is None else f"Weights beside each other correlate by {smooth:.2f}; those of noise would by 0. "
    are = "is" if weak == 1 else "are"
    return f"{said}{weak:,} of {one_or_many(len(filters), what)} {are} weaker than a tenth of the median."
