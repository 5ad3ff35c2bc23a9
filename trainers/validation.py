"""Validates a network: how well it does on images it has not learnt from, in batches that fit into memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from . import divergence
from .balance import balanced_accuracy
from .data import Images
from .device import autocast, empty_cache, is_out_of_memory

if TYPE_CHECKING:
    from torch import nn

    from .data import Dataset
    from .device import Precision
    from .recipe import Recipe


@dataclass(frozen=True)
class Validated:
    """What a network does on the validation part.

    `loss` is the mean cross-entropy, without label smoothing; `accuracy` the share of images that is right, 0 to 1.
    """

    loss: float
    accuracy: float
    """0 to 1."""
    balanced_accuracy: float
    """The mean over classes of the share of their images that is right, 0 to 1."""
    constant: bool
    """Whether every image gets equal scores, of more than one."""


class Validation:
    """The validation part of a data set, to be called with a network.

    Args:
        dataset: whose validation part it is.
        recipe: of the training, for errors to name.
        device: where a network computes.
        precision: of the layers' arithmetic.
        resident: keep all images on the device; else only a batch at a time.
        batch: images at a time.
        events: what a reader of the curve should know is appended to this list.
    """

    def __init__(
        self,
        dataset: Dataset,
        recipe: Recipe,
        *,
        device: torch.device,
        precision: Precision,
        resident: bool,
        batch: int,
        events: list[str],
    ) -> None:
        self._dataset, self._recipe, self._events = dataset, recipe, events
        self._device = device
        self._precision: Precision = precision
        self._images = Images(dataset.validation, dataset, device, resident=resident)
        self.batch = batch

    def __call__(self, network: nn.Module, epoch: int) -> Validated:
        """Validates a network; where memory is short, with half as many images at a time from then on.

        Args:
            network: on the device, in evaluation mode.
            epoch: epochs that were trained, for errors and events.

        Raises:
            TrainingError: the loss is not a finite number.
            RuntimeError: the device's memory does not hold a single image.
        """
        while True:
            try:
                return self._in_batches(network, epoch)
            except RuntimeError as error:
                if not is_out_of_memory(error) or self.batch == 1:
                    raise
            self.batch //= 2
            self._events.append(f"epoch {epoch}: out of memory; validation now takes {self.batch} images at a time")
            empty_cache(self._device)

    @torch.inference_mode()
    def _in_batches(self, network: nn.Module, epoch: int) -> Validated:
        part, classes = self._dataset.validation, len(self._dataset.classes)
        loss = torch.zeros((), dtype=torch.float64, device=self._device)
        right = torch.zeros(classes, dtype=torch.int64, device=self._device)
        lowest = torch.full((classes,), torch.inf, device=self._device)
        highest = -lowest
        chunks = np.split(np.arange(len(part)), range(self.batch, len(part), self.batch))
        for images, labels in self._images.epoch(chunks):
            with autocast(self._device, self._precision):
                scores = network(images).float()
            loss += F.cross_entropy(scores, labels, reduction="none").double().sum()
            right.index_add_(0, labels, (scores.argmax(1) == labels).long())
            lowest, highest = torch.minimum(lowest, scores.amin(0)), torch.maximum(highest, scores.amax(0))
        mean = loss.item() / len(part)
        divergence.check_number(mean, f"in the validation of epoch {epoch}", self._recipe)
        return Validated(
            mean,
            right.sum().item() / len(part),
            balanced_accuracy(right.cpu().numpy(), part.labels),
            constant=len(part) > 1 and divergence.identical(lowest, highest),
        )
