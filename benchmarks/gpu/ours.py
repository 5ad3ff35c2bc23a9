"""What `Training` makes of the same network, with its images and all that an epoch has besides the step."""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING

from convscape.trainers import Training

if TYPE_CHECKING:
    import torch
    from convscape.trainers import Dataset
    from convscape.trainers.device import Precision

    from .networks import Network

EPOCHS = 10**6
"""More than are run: the learning rate is constant."""


class Ours:
    """A `Training` of a network, an epoch at a time.

    Args:
        network: to train.
        data: to learn from.
        precision: of the layers' arithmetic.
        device: where it computes.
        memory: bytes of the device that it may take; None for all.
        options: further ones of `Training`.
    """

    def __init__(
        self,
        network: Network,
        data: Dataset,
        precision: Precision,
        device: torch.device,
        *,
        memory: int | None = None,
        **options: bool,
    ) -> None:
        start = time.perf_counter()
        self._training = Training(
            network.architecture,
            network.recipe,
            data,
            seed=0,
            epochs=EPOCHS,
            device=str(device),
            precision=precision,
            memory=memory,
            **options,
        )
        self._set_up = time.perf_counter() - start
        self.first: float | None = None
        """Seconds of setting up and of the first epoch, once that was run."""

    def epoch(self) -> float:
        """Images a second of one epoch, its validation not counted.

        Raises:
            RuntimeError: training tells of something that makes the figure another's: memory that ran out, or a
                compiler or a recording that failed.
        """
        result = self._training.run_epoch()
        if result.events:
            raise RuntimeError(result.events[-1])
        if self.first is None:
            self.first = self._set_up + result.seconds
        return result.images_per_second


def has_graphs() -> bool:
    """Whether `Training` can record its step as a CUDA graph."""
    return "graphs" in inspect.signature(Training).parameters
