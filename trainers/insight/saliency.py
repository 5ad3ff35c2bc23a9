"""Which pixels a decision hangs on: by gradient, by guided backpropagation, and what a threshold cuts out by it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from scipy import ndimage
from scipy.stats import spearmanr

from ..network import build_network
from .places import nonlinearities

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from ..predicting import Classifier

    Method: TypeAlias = Callable[[nn.Module, Tensor, Tensor], Tensor]

QUANTILE = 0.8
"""Share of an image's pixels that are below the threshold on its saliency."""
BLUR = 1 / 14
"""Standard deviation of the blur before the threshold, as a part of the image's shorter side."""
RANDOM_SEED = 1
"""Seed of the weights that the saliency of a trained network is compared with."""


def gradient_saliency(network: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """How much each pixel moves the score of a class: the size of the gradient, the largest over the channels.

    The score is that before softmax (Simonyan et al. 2014, section 3).

    Args:
        network: in evaluation mode, prepared images -> scores.
        images: prepared, (N, C, H, W).
        classes: the class of each image whose score counts, int64 (N,).

    Returns:
        (N, H, W), at least 0.
    """
    from captum.attr import Saliency

    found = Saliency(network).attribute(images.clone().requires_grad_(), target=classes, abs=True)
    return found.detach().amax(1)


def guided_saliency(network: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Saliency by guided backpropagation: each ReLU lets only positive gradients pass (Springenberg et al. 2015).

    Args:
        network: in evaluation mode, prepared images -> scores, with ReLU as its only nonlinearity, not in place.
        images: prepared, (N, C, H, W).
        classes: the class of each image whose score counts, int64 (N,).

    Returns:
        (N, H, W), at least 0: the largest size over the channels.
    """
    from captum.attr import GuidedBackprop

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Setting backward hooks on ReLU")
        found = GuidedBackprop(network).attribute(images.clone().requires_grad_(), target=classes)
    assert isinstance(found, torch.Tensor)
    return found.detach().abs().amax(1)


def why_not_guided(classifier: Classifier) -> str:
    """Why guided backpropagation says nothing about a network; "" where it does."""
    names = sorted({str(step.layer.name) for step in nonlinearities(classifier.architecture)})  # pyright: ignore[reportAttributeAccessIssue]
    if names == ["relu"]:
        return ""
    if not names:
        return "Guided backpropagation is made for ReLU, and this network has no nonlinearity."
    return f"Guided backpropagation is made for ReLU alone, and this network has {' and '.join(names)}."


def segmented(saliency: Tensor) -> NDArray[np.bool_]:
    """The part of each image that a threshold on its saliency cuts out: of what is above it the largest piece.

    The saliency is blurred first; QUANTILE says where the threshold lies.

    Args:
        saliency: (N, H, W).

    Returns:
        (N, H, W); nothing of an image whose saliency is the same everywhere.
    """
    return np.stack([_largest_piece(each) for each in saliency.numpy()])


def _largest_piece(saliency: NDArray[np.float32]) -> NDArray[np.bool_]:
    smooth = ndimage.gaussian_filter(saliency, BLUR * min(saliency.shape))
    pieces = np.asarray(ndimage.label(smooth > np.quantile(smooth, QUANTILE))[0])  # pyright: ignore[reportIndexIssue]
    if not pieces.any():
        return np.zeros(saliency.shape, bool)
    return pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])


def likeness_to_random(
    classifier: Classifier, images: Tensor, classes: Tensor, saliency: Tensor, method: Method | None = None
) -> float | None:
    """Rank correlation of a network's saliency with that of the same network with random weights (Adebayo et al. 2018).

    A method whose maps stay alike shows the image's edges, not the network.

    Args:
        classifier: whose network it is.
        images: prepared, (N, C, H, W).
        classes: the class of each image whose score counts, int64 (N,).
        saliency: of the trained network, (N, H, W).
        method: that the saliency was found by; `gradient_saliency` where not given.

    Returns:
        Spearman's correlation, the mean over the images, -1 to 1; None where a map is the same everywhere.
    """
    random = build_network(classifier.architecture, RANDOM_SEED, inplace=False).requires_grad_(False).eval()
    other = (method or gradient_saliency)(random, images, classes)
    pairs = [
        (one.flatten().numpy(), two.flatten().numpy())
        for one, two in zip(saliency, other, strict=True)
        if one.max() > one.min() and two.max() > two.min()
    ]
    found = [
        float(spearmanr(one, two)[0])  # pyright: ignore[reportArgumentType]
        for one, two in pairs
    ]
    return sum(found) / len(found) if found else None
