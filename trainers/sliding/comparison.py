"""Compares one pass over larger images with classifying their crops one by one: scores, answers and seconds."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

from ...spaces import ArchitectureError
from ..predicting import pictures_at_a_time
from .network import sliding_network
from .score_map import crops, slide

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from ...spaces import Architecture, Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class CropComparison:
    """One pass over larger images beside their crops, each classified by the trained network itself.

    Where no layer pads, the scores are equal but for rounding. A layer that pads has zeros around each crop where the
    pass sees the image, at the borders of every crop; only along the image's own border the pass has zeros, too.
    """

    images: int
    size: tuple[int, int, int]
    """(C, H, W) of an image."""
    crop: tuple[int, int, int]
    """(C, H, W) of a crop, the network's own input."""
    stride: Pair
    """Cells (rows, columns) from one crop to the next."""
    places: Pair
    """Crops of one image (down the rows, along the columns)."""
    pads: bool
    """Whether a layer pads."""
    difference: float
    """The largest difference of a score, as a part of the largest score of a crop."""
    inner_difference: float | None
    """The largest difference at places that are not the outermost, as a part of the largest score of a crop. None where
    there is no such place."""
    agreement: float
    """Share of the places, 0 to 1, at which both name the same class."""
    pass_seconds: tuple[float, ...]
    """Of one pass over all images, each time that it was measured; the first, which warms up, is not among them."""
    crops_seconds: tuple[float, ...]
    """Of all crops of all images, measured by turns with the pass."""

    @property
    def ratios(self) -> tuple[float, ...]:
        """How many times as long the crops took as the pass, each time."""
        return tuple(all_ / one for one, all_ in zip(self.pass_seconds, self.crops_seconds, strict=True))

    def to_json(self) -> dict[str, Any]:
        """All of it as values for JSON, medians, `n` and the range of seconds and ratios worked out."""
        measured = {"pass_seconds": self.pass_seconds, "crops_seconds": self.crops_seconds, "ratio": self.ratios}
        return {**asdict(self), **{name: _summary(values) for name, values in measured.items()}}


@torch.inference_mode()
def compare_with_crops(
    architecture: Architecture, network: nn.Module, images: Tensor, *, repeats: int = 5
) -> CropComparison:
    """Slides a trained network over images, and classifies all their crops at the same places with it as it is.

    Seconds are of this machine at this moment: what else it does meanwhile slows both down.

    Args:
        architecture: of the network.
        network: trained, as `build_network` made it; in evaluation mode.
        images: (N, C, H, W), prepared as those that it was trained on, at least of its own size, on its device.
        repeats: times that both are measured, by turns.

    Raises:
        ArchitectureError: the network cannot slide, or not over images of this size, or its head is a global pooling:
            then it gives one vector of scores for an image of any size, and there is no map to compare.
    """
    sliding = sliding_network(architecture, network.state_dict())
    over = sliding.over(images)
    if over.stride is None:
        raise ArchitectureError(
            "the network's head is a global pooling: it gives one vector of scores for an image of any size",
            "There is no map to compare with crops.",
        )
    _, *size = architecture.input
    at_a_time = pictures_at_a_time(architecture)
    windows = crops(images, (size[0], size[1]), over.stride)
    rows, columns = windows.shape[1:3]

    def one_by_one() -> Tensor:
        found = [network(part) for image in windows for part in image.flatten(0, 1).split(at_a_time)]
        return torch.cat(found).view(len(images), rows, columns, -1).permute(0, 3, 1, 2)

    works = (lambda: slide(sliding, images), one_by_one)
    scores, wanted = (work() for work in works)  # the first of each does not count
    taken = _by_turns(works, repeats, images.device)
    scores = scores[:, :, :rows, :columns]  # a rest of the image may have given one place more
    differences = (scores - wanted).abs()
    largest = wanted.abs().max().clamp(min=torch.finfo(wanted.dtype).tiny)
    inner = differences[:, :, 1 : rows - 1, 1 : columns - 1]
    return CropComparison(
        images=len(images),
        size=over.input,
        crop=architecture.input,
        stride=over.stride,
        places=(rows, columns),
        pads=over.pads,
        difference=(differences.max() / largest).item(),
        inner_difference=(inner.max() / largest).item() if inner.numel() else None,
        agreement=(scores.argmax(1) == wanted.argmax(1)).double().mean().item(),
        pass_seconds=taken[0],
        crops_seconds=taken[1],
    )


def _by_turns(works: Sequence[Callable[[], Tensor]], repeats: int, device: torch.device) -> list[tuple[float, ...]]:
    """Seconds of each of `works`, measured one after the other in each repeat."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, seconds in zip(works, taken, strict=True):
            start = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds.append(time.perf_counter() - start)
    return [tuple(seconds) for seconds in taken]


def _summary(values: tuple[float, ...]) -> dict[str, Any]:
    return {"median": statistics.median(values), "n": len(values), "range": [min(values), max(values)]}
