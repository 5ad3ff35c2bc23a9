"""How many networks a second are costed, against building them on PyTorch's meta device and counting their FLOPs.

Both sides start from the same frozen layers and end with the same parameters and MACs, which is checked. Each repeat
runs both, one after the other, so that a busy machine slows both; time is the process's own CPU time.

    python benchmarks/cost_model.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from typing import Any

import torch
from convscape.spaces.architecture import Architecture
from convscape.spaces.classics.catalog import CLASSICS, classic
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.cost import cost_table
from convscape.trainers.network import build_network
from torch.utils.flop_counter import FlopCounterMode

SPACE = {
    "stages": {"low": 1, "high": 4},
    "convolutions": {"low": 1, "high": 3},
    "block": ["plain", "residual", "bottleneck", "inception", "separable"],
    "filters": [16, 32, 64],
    "growth": [1.0, 1.5, 2.0],
    "kernel": [3, 5, 7],
    "large_filters": ["single", "stack"],
    "dilation": [1, 2],
    "padding": ["same", "valid"],
    "downsampling": ["max", "average", "l2", "overlapping", "strided", "convolution", "conv_pool", "none"],
    "norm": ["batch", "none"],
    "head": ["fc", "global_average", "convolution"],
}
IMAGES = ((1, 8, 8), (3, 17, 33), (1, 28, 28), (3, 32, 32), (3, 96, 96), (3, 224, 224), (3, 512, 512))
"""(C, H, W) of the images that sampled networks are for."""


class RandomTrial:
    """The part of an Optuna trial that a space asks, without a study behind it."""

    def __init__(self, source: random.Random) -> None:
        self.source = source

    def suggest_int(self, _name: str, low: int, high: int, *, step: int = 1, **_: Any) -> int:
        return self.source.randrange(low, high + 1, step)

    def suggest_float(self, _name: str, low: float, high: float, **_: Any) -> float:
        return self.source.uniform(low, high)

    def suggest_categorical(self, _name: str, choices: Any) -> Any:
        return self.source.choice(choices)


def by_arithmetic(network: Architecture) -> tuple[int, int]:
    """Parameters and MACs by the cost table, from the bare layers on."""
    totals = cost_table(Architecture(network.input, network.layers, network.classes, network.fit)).totals
    return totals.parameters, totals.macs


def by_building(network: Architecture) -> tuple[int, int]:
    """Parameters and MACs of the built network, on the meta device."""
    with torch.device("meta"):
        module = build_network(network).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, *network.input, device="meta"))
    return sum(parameter.numel() for parameter in module.parameters()), counter.get_total_flops() // 2


def seconds(work: Any, networks: list[Architecture], times: int) -> float:
    """CPU seconds a pass over `networks`."""
    start = time.process_time()
    for _ in range(times):
        for network in networks:
            work(network)
    return (time.process_time() - start) / times


def compare(networks: list[Architecture], repeats: int) -> tuple[list[float], float, float]:
    """Ratios of each repeat, and the median networks a second of both sides."""
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(seconds(by_arithmetic, networks, times=5))
        theirs.append(seconds(by_building, networks, times=1))
    ratios = [slow / fast for fast, slow in zip(ours, theirs, strict=True)]
    return ratios, len(networks) / statistics.median(ours), len(networks) / statistics.median(theirs)


def sample(space: ConvSpace, count: int) -> tuple[float, int]:
    """Networks sampled a CPU second, and how many of them could not be built."""
    source = random.Random(0)  # noqa: S311
    invalid = 0
    start = time.process_time()
    for _ in range(count):
        try:
            space.sample(RandomTrial(source), source.choice(IMAGES), 10)
        except Exception:  # noqa: BLE001 - whatever goes wrong is an invalid network
            invalid += 1
    return count / (time.process_time() - start), invalid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer networks and repeats")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    repeats = 3 if quick else 7
    space = ConvSpace(**SPACE)
    source = random.Random(0)  # noqa: S311
    sampled = [space.sample(RandomTrial(source), (3, 32, 32), 10) for _ in range(20 if quick else 100)]
    classics = [classic(name) for name in CLASSICS if not quick or name in ("lenet5", "vgg16", "resnet18", "all-cnn-c")]
    networks = sampled + classics
    wrong = sum(by_arithmetic(network) != by_building(network) for network in networks)

    print(f"{'networks':<24}{'by arithmetic':>16}{'on meta':>12}{'ratio':>9}   (networks a CPU second)")
    for name, group in (("sampled, 32x32", sampled), ("classics", classics)):
        ratios, fast, slow = compare(group, repeats)
        print(f"{f'{len(group)} {name}':<24}{fast:>16,.0f}{slow:>12,.1f}{statistics.median(ratios):>9.0f}")
    ratios, fast, slow = compare(networks, repeats)
    print(f"{f'{len(networks)} together':<24}{fast:>16,.0f}{slow:>12,.1f}{statistics.median(ratios):>9.0f}")
    print(f"{wrong} of {len(networks)} differ in parameters or MACs")
    count = 2_000 if quick else 100_000
    rate, invalid = sample(space, count)
    print(f"{rate:,.0f} networks sampled a CPU second, {invalid} of {count:,} invalid")
    print(
        json.dumps(
            {
                "ratio": round(statistics.median(ratios), 1),
                "n": repeats,
                "spread": [round(min(ratios), 1), round(max(ratios), 1)],
                "networks": len(networks),
                "different": wrong,
                "costed_per_second": round(fast),
                "built_per_second": round(slow, 1),
                "sampled_per_second": round(rate),
                "sampled": count,
                "invalid": invalid,
            }
        )
    )


if __name__ == "__main__":
    main()
