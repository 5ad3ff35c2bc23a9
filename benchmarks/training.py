"""Images a second: Training against a DataLoader loop as recipes have it, and against the bare step.

One network small, one middle, one large, in one run, by turns:
  loop   torchvision-style images through PIL, ToTensor, Normalize and a DataLoader, float32, SGD with Nesterov momentum
  bare   the same step on one batch that never changes, in the precision and memory format Training uses
  ours   Training.run_epoch, its validation not counted

  compiled  with --compile: ours by torch.compile

usage: python benchmarks/training.py [DATA_ROOT] [--quick] [--threads N] [--compile]
DATA_ROOT holds FashionMNIST/raw; without it the digits are used, enlarged to 28x28. The last line is JSON: `ratio` is
ours over loop, the geometric mean of the three networks; `of_bare` likewise ours over bare; `spread` the range of
`ratio` over the `n` rounds.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from convscape.spaces.parsing import parse_notation
from convscape.trainers.data.dataset import Dataset, Part, load_dataset
from convscape.trainers.measuring.precision import faster_precision
from convscape.trainers.network import build_network
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms

NETWORKS = {
    "small": "INPUT[28x28x1] -> [CONV3-8 -> RELU -> POOL2]*2 -> FC-10",
    "middle": "INPUT[28x28x1] -> [[CONV3-32 -> BN -> RELU]*2 -> POOL2]*2 -> FC-10",
    "large": "INPUT[28x28x1] -> [[CONV3-64 -> BN -> RELU]*2 -> POOL2]*2 -> [CONV3-128 -> BN -> RELU]*2 -> FC-10",
}
IMAGES = {"small": 5120, "middle": 1280, "large": 512}
"""How many each round trains on: about the same time for each network."""


class Pictures(torch.utils.data.Dataset):
    """A part as torchvision's data sets give it: a PIL image, transformed, and a label."""

    def __init__(self, part: Part, dataset: Dataset) -> None:
        self.part = part
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(dataset.mean, dataset.std)])

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, index: int):
        return self.transform(Image.fromarray(self.part.images[index, 0])), int(self.part.labels[index])


def sgd(network: nn.Module, recipe: Recipe, **options) -> torch.optim.SGD:
    return torch.optim.SGD(
        network.parameters(), lr=recipe.learning_rate, momentum=0.9, nesterov=True, weight_decay=5e-4, **options
    )


def loop_speed(network: nn.Module, optimizer, loader: DataLoader) -> float:
    """Images a second of the loop in every tutorial."""
    start, seen = time.perf_counter(), 0
    for images, labels in loader:
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()
        seen += len(labels)
    return seen / (time.perf_counter() - start)


def bare_speed(network: nn.Module, optimizer, images, labels, precision: str, steps: int) -> float:
    """Images a second when only the step is left."""
    start = time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            scores = network(images)
        F.cross_entropy(scores.float(), labels).backward()
        optimizer.step()
    return steps * len(labels) / (time.perf_counter() - start)


def rounds(
    name: str, text: str, whole: Dataset, count: int, share: float, *, compiled: bool
) -> dict[str, list[float] | str]:
    """Speeds of the three or four, `count` rounds by turns after one that is not counted."""
    recipe = Recipe(learning_rate=0.01)
    architecture = parse_notation(text)
    few = np.arange(min(len(whole.train), max(2 * recipe.batch_size, round(IMAGES[name] * share))))
    dataset = replace(whole, train=whole.train.picked(few), validation=whole.validation.picked(few[:100]))
    precision = faster_precision(architecture, recipe).precision
    loader = DataLoader(Pictures(dataset.train, dataset), recipe.batch_size, shuffle=True, drop_last=True)
    plain, lean = build_network(architecture), build_network(architecture).to(memory_format=torch.channels_last)
    lean.pool_first = True  # as Training has it: what is compared is what else an epoch takes
    plain_sgd, lean_sgd = sgd(plain, recipe), sgd(lean, recipe, fused=True)
    trainings = {"ours": Training(architecture, recipe, dataset, seed=0, epochs=count + 1, precision=precision)}
    if compiled:
        trainings["compiled"] = Training(
            architecture, recipe, dataset, seed=0, epochs=count + 1, precision=precision, compile=True
        )
    steps = trainings["ours"].steps_per_epoch
    images, labels = next(iter(loader))
    images = images.contiguous(memory_format=torch.channels_last)
    speeds: dict[str, list[float]] = {key: [] for key in ("loop", "bare", *trainings)}
    for _ in range(count + 1):
        speeds["loop"].append(loop_speed(plain, plain_sgd, loader))
        speeds["bare"].append(bare_speed(lean, lean_sgd, images, labels, precision, steps))
        for key, training in trainings.items():
            speeds[key].append(training.run_epoch().images_per_second)
    return {"precision": precision, **{key: values[1:] for key, values in speeds.items()}}


def geometric(values: list[float]) -> float:
    return math.exp(statistics.mean(math.log(value) for value in values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?")
    parser.add_argument("--quick", action="store_true", help="few images and rounds: shows that it runs")
    parser.add_argument("--compile", action="store_true", help="torch.compile as well: minutes to compile")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    name, size = ("fashion-mnist", None) if options.root else ("digits", 28)
    whole = load_dataset(name, options.root, validation=200, size=size)
    count, share = (2, 0.1) if options.quick else (7, 1.0)
    print(f"{'network':<8} {'precision':<9} {'loop':>8} {'bare':>8} {'ours':>8} {'ours/loop':>10} {'ours/bare':>10}")
    against_loop: list[list[float]] = []
    against_bare: list[list[float]] = []
    for name, text in NETWORKS.items():
        found = rounds(name, text, whole, count, share, compiled=options.compile)
        loop, bare, ours = found["loop"], found["bare"], found["ours"]
        against_loop.append([o / x for o, x in zip(ours, loop, strict=True)])
        against_bare.append([o / x for o, x in zip(ours, bare, strict=True)])
        middle = [statistics.median(values) for values in (loop, bare, ours, against_loop[-1], against_bare[-1])]
        print(
            f"{name:<8} {found['precision']:<9} {middle[0]:>8.0f} {middle[1]:>8.0f} {middle[2]:>8.0f} "
            f"{middle[3]:>9.2f}x {middle[4]:>10.0%}"
            + (f"   compiled {statistics.median(found['compiled']):>8.0f}" if options.compile else ""),
            flush=True,
        )
    each_round = [geometric(list(ratios)) for ratios in zip(*against_loop, strict=True)]
    result = {
        "ratio": round(geometric([statistics.median(ratios) for ratios in against_loop]), 3),
        "n": count,
        "spread": [round(min(each_round), 3), round(max(each_round), 3)],
        "of_bare": round(geometric([statistics.median(ratios) for ratios in against_bare]), 3),
        "networks": {
            name: {"ratio": round(statistics.median(x), 3), "of_bare": round(statistics.median(y), 3)}
            for name, x, y in zip(NETWORKS, against_loop, against_bare, strict=True)
        },
        "threads": options.threads,
        "data": whole.name,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
