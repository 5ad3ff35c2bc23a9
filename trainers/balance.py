"""For classes of unequal size: what each image counts in the loss, and an accuracy that counts classes alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def balanced_weights(labels: NDArray[np.int64], classes: int) -> Tensor:
    """What an image of each class counts, (classes,): N / (classes there are * images of the class).

    The mean over all images is 1, so that a learning rate means as much with as without. A class without images, as
    a small `data.train` may leave one, gets 0.

    Args:
        labels: of all images, (N,).
        classes: how many there are, those without images included.

    >>> balanced_weights(np.array([0, 0, 0, 2]), 3).tolist()
    [0.6666666865348816, 0.0, 2.0]
    """
    counts = np.bincount(labels, minlength=classes)
    present = np.count_nonzero(counts)
    return torch.tensor(np.where(counts > 0, len(labels) / (present * np.maximum(counts, 1)), 0.0), dtype=torch.float32)


def balanced_accuracy(right: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """The mean over classes of the share of their images that is right, 0 to 1; classes without images are left out.

    Args:
        right: images of each class that were classified right, (classes,).
        labels: of all images, (N,).

    >>> balanced_accuracy(np.array([3, 0]), np.array([0, 0, 0, 1]))
    0.5
    """
    counts = np.bincount(labels, minlength=len(right))
    return float((right[counts > 0] / counts[counts > 0]).mean())
