"""Measures whether a network trains faster with more threads: beside other work, or within a quota, it may not."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from ...spaces import cost_table
from ..training import Training
from .precision import STEP_MACS, STEPS, noise

if TYPE_CHECKING:
    from ...spaces import Architecture
    from ..device import Precision
    from ..recipe import Recipe

MUCH = 3.0
"""So many times slower must many threads be, for beside other work they are ten times and more."""
ROUNDS = 3
"""Rounds of both, at most."""
LONGEST = 0.2
"""Seconds after which no further round is begun."""


def faster_threads(
    architecture: Architecture, recipe: Recipe, few: int, many: int, precision: Precision = "float32"
) -> int:
    """Of two numbers of threads the larger, unless `architecture` trains far slower with it here and now, on the CPU.

    Threads of one training wait for each other many times a step, and spin while they do. Where other work has their
    CPUs that is many times slower than one thread alone.

    Args:
        architecture: the network.
        recipe: how it is trained; batches are made smaller where a step would take long.
        few: threads.
        many: threads, more than `few`.
        precision: of the training.

    Returns:
        `many`, or `few` where `many` are MUCH slower. This process computes with as many as before.
    """
    affordable = int(STEP_MACS["cpu"] / max(1, cost_table(architecture).totals.macs))
    batch = min(recipe.batch_size, max(2, affordable))
    images = noise(architecture, batch * (STEPS if affordable >= batch else 1))
    gentle = replace(recipe, learning_rate=1e-9, batch_size=batch, weights=None)
    training = Training(architecture, gentle, images, seed=0, epochs=1, precision=precision)
    before = torch.get_num_threads()
    took: dict[int, list[float]] = {few: [], many: []}
    try:
        training.run_epoch()
        begun = time.perf_counter()
        while len(took[many]) < ROUNDS and (not took[many] or time.perf_counter() - begun < LONGEST):
            for threads, seconds in took.items():
                torch.set_num_threads(threads)
                seconds.append(1 / training.run_epoch().images_per_second)
    finally:
        torch.set_num_threads(before)
    return few if statistics.median(took[many]) > MUCH * statistics.median(took[few]) else many
