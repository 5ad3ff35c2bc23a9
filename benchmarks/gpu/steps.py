"""The bare training step, on one batch that never changes: what is left when all else is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from convscape.trainers import build_network
from convscape.trainers.device import autocast
from convscape.trainers.recording import cuda_graph

from .networks import CLASSES, RATE
from .timing import seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from convscape.trainers.device import Precision
    from torch import Tensor, nn

    from .networks import Network

MOMENTUM, DECAY = 0.9, 5e-4
WARM_UP = 3
"""Steps before one is recorded: what is allocated or chosen at the first steps must be there."""


def sgd(network: nn.Module, **options: bool) -> torch.optim.SGD:
    """SGD with Nesterov momentum, as recipes have it by default."""
    weights = network.parameters()
    return torch.optim.SGD(weights, lr=RATE, momentum=MOMENTUM, nesterov=True, weight_decay=DECAY, **options)


def batch_for(network: Network, device: torch.device, images: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Normal noise (N, C, H, W) and labels (N,), on the device.

    Args:
        network: for its input.
        device: where the batch shall lie.
        images: how many.
        seed: of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randn(images, *network.architecture.input, generator=generator)
    return pixels.to(device), (torch.arange(images) % CLASSES).to(device)


class BareStep:
    """Forward pass, backward pass and SGD on one resident batch, as `Training` computes them.

    Args:
        network: to train.
        precision: of the layers' arithmetic.
        device: where it computes.
        channels_last: the memory format of images and weights; else channels first.
        images: of the batch; None for the network's own number.
    """

    def __init__(
        self,
        network: Network,
        precision: Precision,
        device: torch.device,
        *,
        channels_last: bool = True,
        images: int | None = None,
        seed: int = 0,
    ) -> None:
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self._device = device
        self._precision: Precision = precision
        self.images, self.labels = batch_for(network, device, images or network.batch, seed)
        self.images = self.images.contiguous(memory_format=layout)
        self.network = build_network(network.architecture, seed).to(device).to(memory_format=layout)
        self.network.pool_first = True  # as Training has it: what is compared is what else an epoch takes
        self._optimizer = sgd(self.network, fused=True)

    def __call__(self) -> Tensor:
        """One step; its loss, on the device, which may not be done yet."""
        self._optimizer.zero_grad()
        with autocast(self._device, self._precision):
            scores = self.network(self.images)
        loss = F.cross_entropy(scores.float(), self.labels)
        loss.backward()
        self._optimizer.step()
        return loss.detach()

    def seconds(self, steps: int) -> float:
        """Seconds of so many steps, one after the other."""
        return seconds_of(repeat(self, steps), self._device)

    def speed(self, steps: int) -> float:
        """Images a second of so many steps."""
        return steps * len(self.labels) / self.seconds(steps)


def repeat(action: Callable[[], object], times: int) -> Callable[[], None]:
    """What does `action` so many times."""

    def repeated() -> None:
        for _ in range(times):
            action()

    return repeated


class GraphedStep:
    """A training step recorded as one CUDA graph: a replay launches all its kernels at once.

    Args:
        step: without arguments, on tensors that stay where they are, and with nothing that waits for the device; its
            optimiser must keep its state on the device, and its gradients are made anew each time.
        images: that each step learns from.
        device: a GPU.

    Raises:
        RuntimeError: the step cannot be recorded.
        CaptureError: CUDA could not end the recording, and this process is not to measure on.
    """

    def __init__(self, step: Callable[[], Tensor], images: int, device: torch.device) -> None:
        self._images, self._device = images, device
        aside = torch.cuda.Stream(device)  # as CUDA asks of what goes before a recording
        aside.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                step()
        torch.cuda.current_stream(device).wait_stream(aside)
        self._replay, self.loss = cuda_graph(step)

    def speed(self, steps: int) -> float:
        """Images a second of so many replays.

        Raises:
            RuntimeError: the loss is no longer a number, so that the replays are not what was recorded.
        """
        seconds = seconds_of(repeat(self._replay, steps), self._device)
        if not bool(torch.isfinite(self.loss).all()):
            raise RuntimeError(f"the recorded step's loss is {self.loss.tolist()}")
        return steps * self._images / seconds
