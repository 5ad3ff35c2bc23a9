"""Keeps or sends images as uint8 to the device, and draws, augments and normalises them a batch at a time."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch

from ..device import IMAGES
from .augmentation import cut_out, gathered
from .streaming import Loader, Streamed, sent_at_once

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from ..recipe import Recipe
    from .dataset import Dataset, Part

_SENT: WeakKeyDictionary[Part, dict[torch.device, Tensor]] = WeakKeyDictionary()
"""Images that lie on a GPU as a whole: sent once a process, for trainings on the same images one after the other."""


def bytes_on(dataset: Dataset, device: torch.device, memory: int) -> int:
    """Bytes of `device` that the images of a training take: none on the CPU, where they are the data set's own.

    Images that come to more than a quarter of `memory` stay where they are and are sent a batch at a time.

    Args:
        dataset: whose training and validation images are counted.
        device: where the training runs.
        memory: bytes of the device that the training may take.
    """
    parts = (dataset.train.images, dataset.validation.images)
    if device.type == "cpu" or any(isinstance(images, Streamed) for images in parts):
        return 0
    needed = sum(images.nbytes for images in parts if not isinstance(images, Streamed))
    return needed if needed <= memory // IMAGES else 0


class Images:
    """One part of a data set for `device`, kept there or sent to it: whoever asks for batches cannot tell.

    The pixels stay uint8: on the CPU they are the part's own memory, which several workers of a node may share, and
    normalising a batch costs a hundredth of the step that follows.

    Args:
        part: of `dataset`.
        dataset: whose normalisation is used.
        device: where batches are wanted.
        resident: keep all images there; else only a batch at a time.
    """

    def __init__(self, part: Part, dataset: Dataset, device: torch.device, *, resident: bool = True) -> None:
        labels = _shared(part.labels).to(device)
        if isinstance(part.images, Streamed):
            self._store = Loader(part.images, labels)
        elif resident:
            self._store = Resident(_sent(part, dataset, device), labels)
        else:
            self._store = Hosted(_shared(part.images), labels)
        shape = (1, len(dataset.mean), 1, 1)
        # (x/255 - mean)/std as one product and one sum
        self._scale = torch.tensor([1 / (255 * s) for s in dataset.std], device=device).view(shape)
        self._shift = torch.tensor(
            [-m / s for m, s in zip(dataset.mean, dataset.std, strict=True)], device=device
        ).view(shape)

    def epoch(
        self, chunks: Sequence[NDArray[np.int64]], augment: Recipe | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields the normalised images and the labels of one batch after the other, as `batch` gives them.

        Args:
            chunks: indices of the images of each batch.
            augment: whose crop, flip and cutout to apply; None to leave images as they are.

        Raises:
            DataError: a streamed file is gone or was changed since it was looked at.
        """
        for batch in self._store.epoch(chunks):
            yield self._prepared(*batch, augment)

    def batch(self, indices: NDArray[np.int64], augment: Recipe | None = None) -> tuple[Tensor, Tensor]:
        """Normalised images (B, C, H, W), float32 and channels last, and their labels (B,).

        Args:
            indices: of the images in the part, (B,).
            augment: whose crop, flip and cutout to apply; None to leave images as they are.

        Raises:
            DataError: a streamed file is gone or was changed since it was looked at.
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
    """Images and labels that lie on the device as a whole.

    Args:
        images: uint8 (N, C, H, W), on the device.
        labels: (N,), on the device.
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self._images, self._labels = images, labels

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """One batch of images that lie on the device.

        Args:
            indices: of the images, (B,).

        Returns:
            The pixels of all images, (N, C, H, W), where in them the batch's are, (B,), and their labels, (B,).
        """
        return next(self.epoch([indices]))

    def epoch(self, chunks: Sequence[NDArray[np.int64]]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yields one batch of images that lie on the device after the other.

        Each is the pixels of all images, (N, C, H, W), where in them the batch's are, (B,), and their labels, (B,).

        Args:
            chunks: indices of the images of each batch.
        """
        for where in sent_at_once(chunks, self._labels.device):
            yield self._images, where, self._labels.index_select(0, where)


class Hosted:
    """Images that lie in the machine's memory and are sent to the labels' device a batch at a time.

    Args:
        images: uint8 (N, C, H, W), in the machine's memory.
        labels: (N,), on the device.
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self._images, self._labels = images, labels

    def batch(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """One batch, sent to the labels' device.

        Args:
            indices: of the images, (B,).

        Returns:
            Pixels uint8 (B, C, H, W), where in them the images are, (B,), and their labels, (B,).
        """
        return next(self.epoch([indices]))

    def epoch(self, chunks: Sequence[NDArray[np.int64]]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yields one batch after the other, sent to the labels' device.

        Each is pixels uint8 (B, C, H, W), where in them the images are, (B,), and their labels, (B,).

        Args:
            chunks: indices of the images of each batch.
        """
        device = self._labels.device
        for chunk, there in zip(chunks, sent_at_once(chunks, device), strict=True):
            pixels = self._images.index_select(0, torch.from_numpy(chunk))
            if device.type == "cuda":
                pixels = pixels.pin_memory()  # so that nobody waits for it to be sent
            where = torch.arange(len(pixels), device=device)
            yield pixels.to(device, non_blocking=True), where, self._labels.index_select(0, there)


def _sent(part: Part, dataset: Dataset, device: torch.device) -> Tensor:
    """All images of `part` of `dataset` on `device`, where those of other data sets are no longer kept."""
    assert not isinstance(part.images, Streamed)
    if device.type == "cpu":
        return _shared(part.images)
    for other in set(_SENT) - {dataset.train, dataset.validation, dataset.test}:
        del _SENT[other]  # `bytes_on` counts one data set: the sweep's own beside a fold's would be too much
    there = _SENT.setdefault(part, {})
    if device not in there:
        there[device] = _shared(part.images).to(device)
    return there[device]


def _shared(array: NDArray[np.generic]) -> Tensor:
    """A tensor over the memory of `array`, which nothing here writes to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)
