"""Several networks of one shape trained as one, beside as many one by one and as many in processes of their own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from convscape.trainers import build_network

from .crew import Task, steps_of_each
from .stacked import StackedStep
from .steps import BareStep, GraphedStep, batch_for
from .timing import late

if TYPE_CHECKING:
    from collections.abc import Callable

    from convscape.trainers.device import Precision

    from .benchmark import Benchmark
    from .networks import Network

RATES = 1e-4
"""Learning rate of the first network; that of the n-th is an n-th of it."""


def measure_stacked(bench: Benchmark, network: Network, precision: Precision, seconds: float) -> None:
    """K networks as one, for each number K: images a second altogether.

    Args:
        bench: with the device.
        network: whose shape all K have.
        precision: of the layers' arithmetic.
        seconds: that it may take, about.
    """
    steps = bench.steps(network, precision)
    gains: list[float] = []
    for count in bench.counts:
        base = f"one by one {count}"
        ways = _ways(bench, network, precision, count, max(2, steps // (2 * count)))
        turns = bench.turns("stacked", network, precision, ways, seconds / 4 / len(bench.counts))
        for way in ways:
            times = bench.keep("stacked", network, precision, way, turns, base="" if way == base else base)
            gains += [times] if times is not None and count > 1 else []
        if count > 1:
            task = Task(
                network=network.name,
                precision=precision,
                way="bare",
                steps=steps_of_each(steps, count),
                seconds=0.0 if bench.quick else seconds / 4 / len(bench.counts),
                share=1 / count,
            )
            measured = bench.crew().train(task, count)
            alone = bench.report.speeds.get((base, network.name, precision))
            more = {"against": f"{measured.median / alone:.2f}x {base}"} if alone else {}
            bench.keep("stacked", network, precision, f"processes {count}", measured, **more)
    bench.gain("stacked", network, precision, max(gains, default=None))


def _ways(
    bench: Benchmark, network: Network, precision: Precision, count: int, steps: int
) -> dict[str, Callable[[], float]]:
    """Ways to have `count` networks take `steps` steps each."""
    device = bench.device
    batches = [batch_for(network, device, network.batch, seed) for seed in range(count)]
    own = [torch.stack(each) for each in zip(*batches, strict=True)]

    def stack(images: torch.Tensor, labels: torch.Tensor) -> StackedStep:
        networks = [build_network(network.architecture, seed).to(device) for seed in range(count)]
        for each in networks:
            each.pool_first = True
        return StackedStep(networks, [RATES / (1 + n) for n in range(count)], images, labels, precision)

    single = [BareStep(network, precision, device, seed=seed) for seed in range(count)]
    trained = count * steps * network.batch
    ways: dict[str, Callable[[], float]] = {
        f"one by one {count}": lambda: trained / sum(step.seconds(steps) for step in single),
        f"stacked {count}": late(lambda: partial(stack(*own).speed, steps)),
    }
    if count == bench.counts[-1]:
        ways[f"stacked {count}, one batch for all"] = late(lambda: partial(stack(*batches[0]).speed, steps))
    if device.type == "cuda":
        graphed = late(lambda: partial(GraphedStep(stack(*own), count * network.batch, device).speed, steps))
        ways[f"stacked {count} graphed"] = graphed
    return ways
