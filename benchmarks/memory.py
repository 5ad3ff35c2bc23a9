"""Peak memory of a training step and of validation, measured against what `trainers.memory` predicts.

Each network trains a few steps in a process of its own at two batch sizes, in float32 and in bfloat16, and validates
two numbers of images at once; the growth of the process's peak between them is compared with the predicted growth, so
that Python and torch themselves cancel out. On a CUDA device the allocator's own peak is read.

usage: python benchmarks/memory.py [--quick] [--device cuda]
The last line is JSON: `ratio` is measured over predicted, the median over the `n` networks in each of the three
ways; `spread` their range.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys

import numpy as np
import torch
from convscape.spaces.classics.catalog import classic
from convscape.spaces.cost import cost_table
from convscape.spaces.parsing import parse_notation
from convscape.trainers.data.dataset import Dataset, Part
from convscape.trainers.device.memory import training_bytes
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training

NETWORKS = {
    "plain": lambda: parse_notation("INPUT[32x32x3] -> [[CONV3-32 -> RELU]*2 -> POOL2]*3 -> FC-10"),
    "normalised": lambda: parse_notation("INPUT[32x32x3] -> [[CONV3-32 -> BN -> RELU]*2 -> POOL2]*3 -> FC-10"),
    "resnet18": lambda: classic("resnet18", (3, 64, 64), 10),
    "googlenet": lambda: classic("googlenet-torchvision", (3, 64, 64), 10),
    "vgg11": lambda: classic("vgg11", (3, 64, 64), 10),
}
BATCHES = {"plain": (64, 512), "normalised": (64, 512), "resnet18": (8, 64), "googlenet": (8, 64), "vgg11": (8, 64)}


WAYS = ("float32", "bfloat16", "validation")


def peak(name: str, way: str, batch: int, device: str) -> int:
    """Bytes at the peak of three epochs of a step each; run in a process that does nothing else."""
    torch.set_num_threads(1)
    architecture = NETWORKS[name]()
    pixels = np.random.default_rng(0).integers(0, 256, (batch, *architecture.input), dtype=np.uint8)
    many = Part(pixels, np.arange(batch) % 10)
    few = Part(pixels[:2], many.labels[:2])
    train, validation = (few, many) if way == "validation" else (many, few)
    data = Dataset(
        name="noise",
        train=train,
        validation=validation,
        test=few,
        classes=tuple("0123456789"),
        mean=(0.5,) * 3,
        std=(0.3,) * 3,
    )
    recipe = Recipe(batch_size=len(train), learning_rate=1e-6)
    precision = "bfloat16" if way == "bfloat16" else "float32"
    training = Training(architecture, recipe, data, seed=0, epochs=3, device=device, precision=precision)
    training._validation.batch = batch  # noqa: SLF001 - more than it takes by itself
    for _ in range(3):
        training.run_epoch()
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def predicted(name: str, way: str, batch: int) -> int:
    """Bytes by arithmetic."""
    network = NETWORKS[name]()
    if way == "validation":
        return cost_table(network).inference_memory(batch).activations + 4 * batch * math.prod(network.input)
    return training_bytes(network, batch, precision="bfloat16" if way == "bfloat16" else "float32")


def measured(name: str, way: str, batch: int, device: str) -> int:
    """`peak` in a process of its own."""
    call = [sys.executable, __file__, "--device", device, "--peak", name, way, str(batch)]
    return int(subprocess.run(call, capture_output=True, text=True, check=True).stdout)  # noqa: S603 - this very file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two networks only")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", nargs=3, metavar=("NETWORK", "WAY", "BATCH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        name, way, batch = options.peak
        print(peak(name, way, int(batch), options.device))
        return
    names = list(NETWORKS)[:2] if options.quick else list(NETWORKS)
    print(f"{'network':<12} {'':<10} {'images':>9} {'predicted MB':>13} {'measured MB':>12} {'ratio':>6}")
    ratios: list[float] = []
    for name, way in ((name, way) for name in names for way in WAYS):
        few, many = BATCHES[name]
        if way == "validation":  # it holds so much less
            few, many = 4 * few, 4 * many
        grown = measured(name, way, many, options.device) - measured(name, way, few, options.device)
        expected = predicted(name, way, many) - predicted(name, way, few)
        ratios.append(grown / expected)
        images = f"{few}->{many}"
        print(
            f"{name:<12} {way:<10} {images:>9} {expected / 2**20:>13,.0f} {grown / 2**20:>12,.0f} {ratios[-1]:>6.2f}",
            flush=True,
        )
    spread = [round(min(ratios), 3), round(max(ratios), 3)]
    print(json.dumps({"ratio": round(statistics.median(ratios), 3), "n": len(ratios), "spread": spread}))


if __name__ == "__main__":
    main()
