"""Measures which precision trains faster on a device, bfloat16 or float32."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...spaces import cost_table
from ..data import Dataset, Part
from ..training import Training

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...spaces import Architecture
    from ..device import Precision
    from ..recipe import Recipe

WORTH = 1.05
"""How many times faster bfloat16 must be to be worth its eight bits of mantissa."""
STEPS = 4
"""Training steps of a round in each precision; one where a step takes long."""
ROUNDS = 9
"""Rounds of both precisions, at most."""
CLEAR = 3
"""Rounds that are enough where all of them say the same."""
LONGEST = 3.0
"""Seconds after which no further round is begun."""
STEP_MACS = {"cpu": 1e9, "cuda": 1e11}
"""Multiply-accumulates of a step's forward pass, some tenths of a second's work: batches are made smaller to it."""


@dataclass(frozen=True)
class Measured:
    """The precision that trains faster, and how the measurement came out."""

    precision: Precision
    ratio: float
    """Images a second in bfloat16 over those in float32, of the fastest round of each: other work only slows."""
    spread: tuple[float, float]
    """The lowest and highest ratio of a round."""
    n: int
    """How many rounds there were."""


def has_bfloat16(device: str = "cpu") -> bool:
    """Whether a device's processor computes in bfloat16 itself; where it does not, bfloat16 is slower."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if not hasattr(torch.cpu, "get_capabilities"):  # torch 2.9 has none
        return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))


def faster_precision(architecture: Architecture, recipe: Recipe, device: str = "cpu") -> Measured:
    """Trains `architecture` in float32 and bfloat16 by turns, on noise, for a few seconds, and says which is faster.

    Meant to be called once a sweep, with a network in the middle of its space, and remembered: a curve can only go on
    in the precision it began with. Training starts from random weights, whatever the recipe's `weights`.

    Args:
        architecture: the network.
        recipe: how it is trained; batches are made smaller where a step would take long.
        device: as torch names it.

    Raises:
        TrainingError: the network does not fit the device.
    """
    macs = max(1, cost_table(architecture).totals.macs)
    affordable = int(STEP_MACS[torch.device(device).type] / macs)
    batch = min(recipe.batch_size, max(2, affordable))
    images = _noise(architecture, batch * (STEPS if affordable >= batch else 1))
    gentle = replace(recipe, learning_rate=1e-9, batch_size=batch, weights=None)
    pair: tuple[Precision, Precision] = ("float32", "bfloat16")
    trainings = [Training(architecture, gentle, images, seed=0, epochs=1, device=device, precision=p) for p in pair]
    for training in trainings:
        training.run_epoch()
    start, ratios, fastest = time.perf_counter(), [], [0.0, 0.0]
    while not ratios or (not _is_clear(ratios) and time.perf_counter() - start < LONGEST):
        speeds = [training.run_epoch().images_per_second for training in trainings]
        fastest = list(map(max, fastest, speeds))
        ratios.append(speeds[1] / speeds[0])
    ratio = fastest[1] / fastest[0]
    return Measured("bfloat16" if ratio >= WORTH else "float32", ratio, (min(ratios), max(ratios)), len(ratios))


def _is_clear(ratios: Sequence[float]) -> bool:
    """Whether further rounds would hardly change which precision is chosen."""
    alike = len({ratio >= WORTH for ratio in ratios}) == 1
    return len(ratios) >= (CLEAR if alike else ROUNDS)


def _noise(architecture: Architecture, count: int) -> Dataset:
    """A data set of random pixels for `architecture`."""
    random = np.random.default_rng(0)

    def part(size: int) -> Part:
        pixels = random.integers(0, 256, (size, *architecture.input), dtype=np.uint8)
        return Part(pixels, random.integers(0, architecture.classes, size))

    channels = architecture.input[0]
    names = tuple(str(number) for number in range(architecture.classes))
    return Dataset(
        name="noise",
        train=part(count),
        validation=part(2),
        test=part(1),
        classes=names,
        mean=(0.5,) * channels,
        std=(0.29,) * channels,
    )
