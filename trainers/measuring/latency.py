"""Measures how long a network takes to classify an image, where it trains."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import torch

from ..device import autocast

if TYPE_CHECKING:
    from ..training import Training

WARM_UP, REPEATS = 5, 30


def measure_latency(training: Training) -> float:
    """Seconds that the averaged network takes for one image: the median of 30 forward passes after 5 that do not count.

    The device, the threads and the precision are the training's. What else the machine does meanwhile slows it down,
    too.
    """
    image = torch.zeros(1, *training.architecture.input, device=training.device)
    image = image.to(memory_format=torch.channels_last)
    seconds: list[float] = []
    with torch.inference_mode(), autocast(training.device, training.precision):
        for _ in range(WARM_UP + REPEATS):
            start = time.perf_counter()
            training.averaged(image)
            if training.device.type == "cuda":
                torch.cuda.synchronize(training.device)
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[WARM_UP:])
