"""Measures with how many threads a training's step is faster, beside whatever else the machine does."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import torch

from ..device import autocast

if TYPE_CHECKING:
    from ..training import Training

IMAGES = 64
"""Images of the step that is measured, at most."""
ROUNDS = 3
"""Times that a step is measured with each number of threads, by turns, after one that is not counted."""


def faster_threads(training: Training, few: int, many: int) -> int:
    """Threads with which a training on the CPU is faster now, `few` or `many`. It is not changed, nor is chance.

    Threads wait for one another at each operation: where other work has one of the CPUs, a step of 64 images of 8x8
    took 93 to 430 ms on two threads, and 13 on one; on a quiet machine 6 (two cores).

    Args:
        training: on the CPU.
        few: threads, at least 1.
        many: more of them.
    """
    before, network = torch.get_num_threads(), training.network
    images = torch.zeros(min(IMAGES, max(1, training.batch_size // training.parts)), *training.architecture.input)
    images = images.to(memory_format=torch.channels_last)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    learning = network.training
    network.eval()  # nothing is drawn, and batch norms learn nothing
    seconds: dict[int, list[float]] = {few: [], many: []}
    try:
        for _ in range(1 + ROUNDS):
            for threads, taken in seconds.items():
                torch.set_num_threads(threads)
                start = time.perf_counter()
                with autocast(training.device, training.precision):
                    scores = network(images)
                torch.autograd.grad(scores.float().sum(), weights)
                taken.append(time.perf_counter() - start)
    finally:
        network.train(learning)
        torch.set_num_threads(before)
    return min(seconds, key=lambda threads: statistics.median(seconds[threads][1:]))
