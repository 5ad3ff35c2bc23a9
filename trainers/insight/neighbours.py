"""Which images the last hidden layer takes for alike, beside those that pixels do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from threadpoolctl import threadpool_limits

from . import canvas
from .activations import different
from .result import Drawing, Drawn, Omission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from .observation import Observation
    from .sample import Sample

QUERIES, NEAREST = 8, 5
"""Images whose neighbours are drawn, and neighbours of each, at most."""
COMPARED_SIZE = 64
"""Pixels of an image's longer side at which pixels are compared, at most: larger ones are averaged."""


def nearest(vectors: NDArray[np.float32], many: int) -> NDArray[np.int64]:
    """The nearest other vectors of each, by Euclidean distance, the nearest first.

    Args:
        vectors: (N, D).
        many: how many to give, fewer than N.

    Returns:
        Their numbers, (N, many).
    """
    from sklearn.neighbors import NearestNeighbors

    with threadpool_limits(1):  # sums come out alike however many cores there are
        found = NearestNeighbors(n_neighbors=many, algorithm="brute").fit(vectors)
        return found.kneighbors(return_distance=False).astype(np.int64)


def same_class(nearest: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Share of images whose nearest neighbour is of their own class, 0 to 1.

    Args:
        nearest: numbers of the neighbours, the nearest first, (N, many).
        labels: the class of each image, (N,).
    """
    return float((labels[nearest[:, 0]] == labels).mean())


def draw_neighbours(sample: Sample, observation: Observation, classes: Sequence[str]) -> list[Drawn]:
    """The nearest neighbours of a few images in the last hidden layer, beside those by pixels.

    Args:
        sample: the images.
        observation: what the network made of them.
        classes: names, in the order of the labels.
    """
    if (why := why_no_features(observation, least=3)) is not None:
        return [Omission("Nearest neighbours", why)]
    assert observation.features is not None
    many = min(NEAREST, len(sample) - 1)
    by_features = nearest(observation.features.numpy(), many)
    by_pixels = nearest(_compared(torch.from_numpy(sample.pixels)), many)
    queries = different(sample, QUERIES)
    found = ""
    if sample.labels is not None:
        ours, theirs = same_class(by_features, sample.labels), same_class(by_pixels, sample.labels)
        found = (
            f"The nearest neighbour is of the same class for {ours:.0%} of the images in the last hidden layer, and "
            f"for {theirs:.0%} by pixels."
        )
    return [
        Drawing(
            file="neighbours.png",
            title="Nearest neighbours",
            shows=f"An image and the {many} most like it, nearest first: in the network's last hidden layer, then "
            "by pixels."
            + (" A blue frame says that the class is the same, an orange one that it is not." if found else ""),
            alarming="Neighbours by the network that are no more of one class than those by pixels: it learnt nothing "
            "that pixels do not say.",
            found=found,
            png=_drawn(sample, queries, by_features[queries], by_pixels[queries], classes),
        )
    ]


def why_no_features(observation: Observation, least: int) -> str | None:
    """Why the last hidden layer cannot be compared between images; None where it can.

    Args:
        observation: what the network made of a sample.
        least: images that are needed.
    """
    if observation.features is None:
        return "This network has no hidden layer: its scores come of the pixels at once."
    if not bool(observation.features.isfinite().all()):
        return "The last hidden layer holds values that are no numbers."
    if len(observation.features) < least:
        return f"{len(observation.features)} images are too few: give {least} or more."
    return None


def _compared(pixels: Tensor) -> NDArray[np.float32]:
    """Images (N, C, H, W) as vectors, (N, D), averaged to COMPARED_SIZE where they are larger."""
    height, width = pixels.shape[2:]
    scale = COMPARED_SIZE / max(height, width)
    if scale >= 1:
        return pixels.flatten(1).float().numpy()
    shape = (max(1, round(height * scale)), max(1, round(width * scale)))
    parts = [F.interpolate(some.float(), shape, mode="area").flatten(1) for some in pixels.split(64)]
    return torch.cat(parts).numpy()


def _drawn(
    sample: Sample,
    queries: Sequence[int],
    by_features: NDArray[np.int64],
    by_pixels: NDArray[np.int64],
    classes: Sequence[str],
) -> bytes:
    many = by_features.shape[1]
    rows = []
    for query, ours, theirs in zip(queries, by_features, by_pixels, strict=True):
        numbers = [query, *ours.tolist(), *theirs.tolist()]
        tiles = canvas.enlarged(canvas.as_colour(torch.tensor(sample.pixels[numbers]).float() / 255), 64)
        if sample.labels is not None:
            alike = sample.labels[numbers] == sample.labels[query]
            tiles[1:] = torch.cat(
                [
                    canvas.framed(tile.unsqueeze(0), canvas.GOOD if same else canvas.BAD)
                    for tile, same in zip(tiles[1:], alike[1:].tolist(), strict=True)
                ]
            )
        gap = torch.ones(1, *tiles.shape[1:])
        rows.append(torch.cat([tiles[:1], gap, tiles[1 : 1 + many], gap, tiles[1 + many :]]))
    heads = [
        "image",
        "",
        *(f"network {at}" for at in range(1, many + 1)),
        "",
        *(f"pixels {at}" for at in range(1, many + 1)),
    ]
    labels = [sample.label(at, classes) for at in queries]
    return canvas.grid(torch.cat(rows), len(heads), rows=labels, heads=heads)
