"""Augments images in batches, on the device they live on: shifts, mirror images, square holes, blends of two."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Beta


def gathered(pixels: Tensor, where: Tensor, *, crop: int, flip: bool) -> Tensor:
    """Images of a batch, each shifted and mirrored by chance: (B, C, H, W), in memory format channels last.

    Chance comes from torch's global state.

    Args:
        pixels: all images, (N, C, H, W).
        where: indices (B,) of those in the batch.
        crop: largest shift up, down, left and right, in cells; what comes in is the image's reflection at its edge.
        flip: mirror each image, left to right, with a probability of one half.
    """
    count, (height, width) = len(where), pixels.shape[2:]
    rows = torch.arange(height, device=pixels.device).expand(count, height)
    columns = torch.arange(width, device=pixels.device).expand(count, width)
    if flip:
        mirrored = torch.rand((count, 1), device=pixels.device) < 0.5
        columns = torch.where(mirrored, width - 1 - columns, columns)
    if crop:
        shifts = torch.randint(-crop, crop + 1, (2, count, 1), device=pixels.device)
        rows, columns = _reflected(rows + shifts[0], height), _reflected(columns + shifts[1], width)
    return pixels[where[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cut_out(images: Tensor, size: int) -> Tensor:
    """Images (N, C, H, W), each with a square of zeros around a random cell (DeVries & Taylor 2017).

    Squares reach over the edge, as in the paper, so that some images lose less. Chance comes from torch's global state.

    Args:
        images: normalised, so that zero is the mean; changed in place.
        size: the square's side in cells.
    """
    count, (height, width) = len(images), images.shape[2:]
    top = torch.randint(height, (count, 1), device=images.device) - size // 2
    left = torch.randint(width, (count, 1), device=images.device) - size // 2
    rows, columns = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    down = (rows >= top) & (rows < top + size)
    across = (columns >= left) & (columns < left + size)
    return images.masked_fill_((down[:, :, None] & across[:, None, :])[:, None], 0.0)


class Mixed(NamedTuple):
    """A batch whose images are each made of two."""

    images: Tensor
    """(N, C, H, W)."""
    others: Tensor
    """Label of the second image of each, (N,)."""
    share: float
    """What the first image of each counts, 0 to 1."""


def mixed(images: Tensor, labels: Tensor, *, mixup: float, cutmix: float) -> Mixed:
    """A batch mixed with itself in another order: blended (Zhang et al. 2018), or cut in rectangles (Yun et al. 2019).

    Rectangles reach over the edge, as in the paper, and count by the area they cover. Chance comes from torch's global
    state.

    Args:
        images: (N, C, H, W); left as they are.
        labels: classes of the images, (N,).
        mixup: a of Beta(a, a), from which the share of a blend is drawn; 0 for no blends.
        cutmix: the same for rectangles. Where both are above 0, one of the two is taken by chance; one has to be.
    """
    order = torch.randperm(len(images), device=images.device)
    blends = mixup > 0 and (cutmix == 0 or torch.rand(()).item() < 0.5)
    a = torch.tensor(mixup if blends else cutmix)
    share = Beta(a, a).sample().item()
    if blends:
        return Mixed(torch.lerp(images[order], images, share), labels[order], share)
    height, width = images.shape[2:]
    spans = [_span(size, (1 - share) ** 0.5) for size in (height, width)]
    (top, bottom), (left, right) = spans
    images = images.clone()
    images[:, :, top:bottom, left:right] = images[order, :, top:bottom, left:right]
    return Mixed(images, labels[order], 1 - (bottom - top) * (right - left) / (height * width))


def _span(size: int, part: float) -> tuple[int, int]:
    """Where a span of a `part` of `size` cells begins and ends, around a cell drawn at random."""
    half, middle = int(size * part) / 2, int(torch.randint(size, ()).item())
    return max(0, round(middle - half)), min(size, round(middle + half))


def _reflected(index: Tensor, size: int) -> Tensor:
    """Indices beyond 0..size-1 sent back, the cell at the edge counting once: -1 becomes 1."""
    period = max(2 * (size - 1), 1)
    within = index.remainder(period)
    return torch.where(within < size, within, period - within)
