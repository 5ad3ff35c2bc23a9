"""Images that a class, or a filter, would answer to most, made by gradient ascent from the mean image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Ascent:
    """How an image is made by gradient ascent.

    Raised is the score less lambda·L2, from an image of zeros, which is the mean of what was trained on (Simonyan et
    al. 2014, section 2). That the images become no noise, they are blurred and their small values clipped to 0 now and
    then (Yosinski et al. 2015, section 3.1), and shifted by a few pixels before each step (Mordvintsev et al. 2015).
    """

    steps: int = 96
    rate: float = 0.3
    """How far the first step goes, in standard deviations of the pixels; the gradient is brought to this size first. It
    falls to 0 on a line, so that the last shifts leave no grain."""
    l2: float = 0.2
    """Lambda, in parts of the gradient's size."""
    blur: float = 0.7
    """Standard deviation of the blur, in pixels; 0 for none."""
    blur_every: int = 2
    """Steps from one blur to the next."""
    clip: float = 0.2
    """Share of an image's pixels, the smallest, that are clipped to 0; 0 for none."""
    clip_every: int = 16
    """Steps from one clipping to the next."""
    jitter: int = 1
    """Pixels that an image is shifted by in each direction, at most."""


def ascend(
    score: Callable[[Tensor], Tensor],
    shape: tuple[int, int, int, int],
    ascent: Ascent,
    seed: int,
    bounds: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Images that raise a score, each its own, (N, C, H, W). Torch's global random state is left alone.

    Args:
        score: prepared images (N, C, H, W) -> the score of each, (N,).
        shape: (N, C, H, W) of the images to make.
        ascent: how they are made.
        seed: of the shifts.
        bounds: the least and the largest value of a pixel, (1, C, 1, 1) each; none when not given.
    """
    generator = torch.Generator().manual_seed(seed)
    images = torch.zeros(shape)
    for step in range(1, ascent.steps + 1):
        down, right = torch.randint(-ascent.jitter, ascent.jitter + 1, (2,), generator=generator).tolist()
        shifted = images.roll((down, right), (2, 3)).requires_grad_()
        (gradient,) = torch.autograd.grad(score(shifted).sum(), shifted)
        gradient = gradient.roll((-down, -right), (2, 3))
        if (flat := ~gradient.flatten(1).any(1)).any():  # as of zeros without biases: any way will do
            gradient[flat] = torch.randn(gradient[flat].shape, generator=generator)
        size = gradient.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)
        rate = ascent.rate * (1 - step / (ascent.steps + 1))
        images = images + rate * (gradient / size - 2 * ascent.l2 * images)
        if ascent.blur and step % ascent.blur_every == 0 and step < ascent.steps:
            blurred = ndimage.gaussian_filter(images.numpy(), (0, 0, ascent.blur, ascent.blur), mode="nearest")
            images = torch.from_numpy(blurred)
        if ascent.clip and step % ascent.clip_every == 0 and step < ascent.steps:
            images = _without_small(images, ascent.clip)
        if bounds:
            images = torch.clamp(images, *bounds)
    return images


def _without_small(images: Tensor, share: float) -> Tensor:
    """Images whose smallest pixels, by the size over their channels, are 0."""
    sizes = images.square().sum(1, keepdim=True)
    threshold = torch.quantile(sizes.flatten(1), share, dim=1).view(-1, 1, 1, 1)
    return images * (sizes > threshold)
