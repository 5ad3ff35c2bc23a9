"""Images on the device: uint8, drawn and normalised a batch at a time."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from .augmentation import cut_out, gathered
from .streaming import Loader, Streamed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from .data import Dataset, Part
    from .recipe import Recipe


class Images:
    """One part of a data set on `device`, kept there or streamed to it: whoever asks for batches cannot tell.

    The pixels stay uint8: on the CPU they are the part's own memory, which several workers of a node may share, and
    normalising a batch costs a hundredth of the step that follows.
    """

    def __init__(self, part: Part, dataset: Dataset, device: torch.device) -> None:
        labels = _shared(part.labels).to(device)
        if isinstance(part.images, Streamed):
            self._store = Loader(part.images, labels)
        else:
            self._store = Resident(_shared(part.images).to(device), labels)
        shape = (1, len(dataset.mean), 1, 1)
        # (x/255 - mean)/std as one product and one sum
        self._scale = torch.tensor([1 / (255 * s) for s in dataset.std], device=device).view(shape)
        self._shift = torch.tensor(
            [-m / s for m, s in zip(dataset.mean, dataset.std, strict=True)], device=device
        ).view(shape)

    def epoch(
        self, chunks: Sequence[NDArray[np.int64]], augment: Recipe | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """`batch` of one chunk of indices after the other."""
        for batch in self._store.epoch(chunks):
            yield self._prepared(*batch, augment)

    def batch(self, indices: NDArray[np.int64], augment: Recipe | None = None) -> tuple[Tensor, Tensor]:
        """Normalised images (N, C, H, W), float32 and channels last, and labels (N,), at `indices`.

        Args:
            indices: which ones.
            augment: whose crop, flip and cutout to apply; None to leave images as they are.
        """
        return self._prepared(*self._store.batch(indices), augment)

    def _prepared(self, pixels: Tensor, where: Tensor, labels: Tensor, augment: Recipe | None) -> tuple[Tensor, Tensor]:
        if augment and (augment.crop or augment.flip):
            pixels = gathered(pixels, where, crop=augment.crop, flip=augment.flip)
        else:
            pixels = pixels.index_select(0, where)
        pixels = pixels.to(torch.float32, memory_format=torch.channels_last)
        images = torch.addcmul(self._shift, pixels, self._scale)
        if augment and augment.cutout:
            images = cut_out(images, augment.cutout)
        return images, labels


class Resident:
    """Images and labels that lie on the device as a whole."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self._images, self._labels = images, labels

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Pixels, where in them the images at `indices` are, and their labels."""
        where = torch.from_numpy(indices).to(self._labels.device)
        return self._images, where, self._labels.index_select(0, where)

    def epoch(self, chunks: Sequence[NDArray[np.int64]]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """`batch` of one chunk of indices after the other."""
        return map(self.batch, chunks)


def _shared(array: NDArray[np.generic]) -> Tensor:
    """A tensor over the memory of `array`, which nothing here writes to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)
