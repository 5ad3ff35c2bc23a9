"""What the textbooks advise for each setting of a ConvSpace, by the size of the images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .settings import MOST_STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALLEST_MAP = 4
"""A stage begins on a map of at least so many cells: halving a smaller one leaves nothing to see."""
MOST_HALVINGS = 5
"""Stages of a network for large images: usual input sizes divide by two so often (CS231n, layer sizing patterns)."""
WIDTHS = (32, 16, 64, 48, 24)
"""Filters of the first stage, of which wider networks cost the square: a middle one first, then the ends."""

ADVICE: Mapping[str, Any] = {
    "convolutions": 2,
    "block": "plain",
    "growth": 2,
    "kernel": 3,
    "large_filters": "stack",
    "dilation": 1,
    "stride": 1,
    "padding": "same",
    "downsampling": "max",
    "norm": "batch",
    "activation": "relu",
    "stage_dropout": 0.0,
    "dropout_kind": "spatial",
    "dropout": 0.2,
    "head": "global_average",
    "hidden": 0,
    "hidden_layers": 1,
    "fit": "crop",
}
"""Two 3x3 convolutions of stride 1 and size-keeping padding, then a max pooling of 2x2 that halves the map while the
filters double (CS231n ConvNet notes; Simonyan & Zisserman 2015); batch norm (Ioffe & Szegedy 2015); at the end the
average of each map (Lin et al. 2014) and a little dropout."""


def stages_for(input: tuple[int, int, int]) -> int:
    """How many stages the textbook gives images of (C, H, W): one for each halving of a map of SMALLEST_MAP cells.

    >>> [stages_for((1, side, side)) for side in (3, 8, 28, 32, 64, 224)]
    [1, 2, 3, 4, 5, 5]
    """
    side, stages = min(input[1:]), 0
    while side >= SMALLEST_MAP and stages < min(MOST_HALVINGS, MOST_STAGES):
        side, stages = side // 2, stages + 1
    return max(1, stages)


def advice(input: tuple[int, int, int], filters: int) -> dict[str, Any]:
    """A value for every setting of a ConvSpace, as the textbooks have it.

    Args:
        input: (C, H, W) of one image.
        filters: K of the first stage.
    """
    return {**ADVICE, "stages": stages_for(input), "filters": filters}
