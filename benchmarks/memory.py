"""Peak memory of a training step, measured against what memory.training_bytes predicts.

Each network trains a few steps in a process of its own at two batch sizes; the growth of the process's peak between
them is compared with the predicted growth, so that Python and torch themselves cancel out. On a CUDA device the
allocator's own peak is read.

usage: python benchmarks/memory.py [--quick] [--device cuda]
The last line is JSON: `ratio` is measured over predicted, the median over the `n` networks; `spread` their range.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys

import numpy as np
import torch
from convscape.spaces.classics import classic
from convscape.spaces.notation import parse
from convscape.trainers.data import Dataset, Part
from convscape.trainers.memory import training_bytes
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training

NETWORKS = {
    "plain": lambda: parse("INPUT[32x32x3] -> [[CONV3-32 -> RELU]*2 -> POOL2]*3 -> FC-10"),
    "normalised": lambda: parse("INPUT[32x32x3] -> [[CONV3-32 -> BN -> RELU]*2 -> POOL2]*3 -> FC-10"),
    "resnet18": lambda: classic("resnet18", (3, 64, 64), 10),
    "googlenet": lambda: classic("googlenet-torchvision", (3, 64, 64), 10),
    "vgg11": lambda: classic("vgg11", (3, 64, 64), 10),
}
BATCHES = {"plain": (64, 512), "normalised": (64, 512), "resnet18": (8, 64), "googlenet": (8, 64), "vgg11": (8, 64)}


def peak(name: str, batch: int, device: str) -> int:
    """Bytes at the peak of three steps; run in a process that does nothing else."""
    torch.set_num_threads(1)
    architecture = NETWORKS[name]()
    pixels = np.zeros((batch, *architecture.input), dtype=np.uint8)
    part = Part(pixels, np.arange(batch) % 10)
    one = Part(pixels[:1], part.labels[:1])
    pixels[:] = np.random.default_rng(0).integers(0, 256, pixels.shape, dtype=np.uint8)
    data = Dataset("noise", part, one, one, tuple("0123456789"), (0.5,) * 3, (0.3,) * 3)
    training = Training(
        architecture, Recipe(batch_size=batch, learning_rate=1e-6), data, seed=0, epochs=3, device=device
    )
    for _ in range(3):
        training.run_epoch()
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two networks only")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", nargs=2, metavar=("NETWORK", "BATCH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(peak(options.peak[0], int(options.peak[1]), options.device))
        return
    names = list(NETWORKS)[:2] if options.quick else list(NETWORKS)
    print(f"{'network':<12} {'batches':>10} {'predicted MB':>13} {'measured MB':>12} {'ratio':>7}")
    ratios: list[float] = []
    for name in names:
        peaks = [
            int(
                subprocess.run(  # noqa: S603 - this very file
                    [sys.executable, __file__, "--device", options.device, "--peak", name, str(batch)],
                    capture_output=True, text=True, check=True,
                ).stdout
            )
            for batch in BATCHES[name]
        ]  # fmt: skip
        predicted = [training_bytes(NETWORKS[name](), batch) for batch in BATCHES[name]]
        measured_growth, predicted_growth = peaks[1] - peaks[0], predicted[1] - predicted[0]
        ratios.append(measured_growth / predicted_growth)
        batches = "->".join(map(str, BATCHES[name]))
        print(
            f"{name:<12} {batches:>10} {predicted_growth / 2**20:>13,.0f} {measured_growth / 2**20:>12,.0f} "
            f"{ratios[-1]:>7.2f}",
            flush=True,
        )
    spread = [round(min(ratios), 3), round(max(ratios), 3)]
    print(json.dumps({"ratio": round(statistics.median(ratios), 3), "n": len(ratios), "spread": spread}))


if __name__ == "__main__":
    main()
