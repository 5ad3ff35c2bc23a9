"""Why a step is slow: what a profile says of it, and whether it is faster in other ways."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from .gaps import recorded, summed_up
from .ours import Ours
from .report import say
from .schedule import LeftOutError
from .steps import BareStep, repeat
from .verdicts import to_explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from convscape.trainers.device import Precision

    from .benchmark import Benchmark
    from .networks import Network

PROFILED = 10
"""Steps of a profile."""
LARGER = 4
"""How many times as large a batch is tried."""


def explain(bench: Benchmark, network: Network, precision: Precision, seconds: float) -> None:
    """Profiles ours where it is slow beside the bare step, and the bare step where it is slow beside the floor.

    Args:
        bench: with the speeds that were measured.
        network: that is trained.
        precision: of its layers' arithmetic.
        seconds: that it may take, about.

    Raises:
        LeftOutError: neither is slow, or neither was measured.
    """
    slow = to_explain(bench.report.speeds, network.name, precision)
    if bench.quick:  # whatever they are, to show that it runs
        slow = ["ours", "bare"]
    if not slow:
        raise LeftOutError("nothing to explain: ours is near the bare step, and that near the floor")
    steps = bench.steps(network, precision) if bench.quick else PROFILED
    if "ours" in slow:
        training = Ours(network, network.dataset(steps), precision, bench.device)
        training.epoch()
        _profile(bench, network, precision, "ours", training.epoch, steps)
    if "bare" in slow:
        step = BareStep(network, precision, bench.device)
        step.seconds(steps)
        _profile(bench, network, precision, "bare", repeat(step, steps), steps)
        _try(bench, network, precision, step, seconds / 2)


def _profile(
    bench: Benchmark, network: Network, precision: Precision, way: str, action: Callable[[], object], steps: int
) -> None:
    """Sums up a profile of `action`, that is so many steps, against the time they take without a profiler."""
    speed = bench.report.speeds[way, network.name, precision]
    gaps = summed_up(recorded(action, bench.device), steps * network.batch / speed)
    for what in ("idle", "copies", "layout", "casts"):
        bench.report.row("why", f"{network.name} {precision} {way}: {what}", getattr(gaps, what), "of the time")
    for line in gaps.lines():
        say(f"         {line}")


def _try(bench: Benchmark, network: Network, precision: Precision, step: BareStep, seconds: float) -> None:
    """The bare step in other ways, of which one may be nearer to the floor."""
    steps = bench.steps(network, precision, step)
    first = BareStep(network, precision, bench.device, channels_last=False)
    larger = BareStep(network, precision, bench.device, images=LARGER * network.batch)
    ways: dict[str, Callable[[], float]] = {
        "bare": partial(step.speed, steps),
        "channels first": partial(first.speed, steps),
        f"batch x {LARGER}": partial(larger.speed, max(1, steps // LARGER)),
    }
    if bench.device.type == "cuda":
        ways["cudnn.benchmark"] = partial(_with_cudnn_benchmark, BareStep(network, precision, bench.device), steps)
    turns = bench.turns("tried", network, precision, ways, seconds)
    for way in ways:
        if way != "bare":
            bench.keep("tried", network, precision, way, turns, base="bare")


def _with_cudnn_benchmark(step: BareStep, steps: int) -> float:
    """Images a second where cuDNN tries its algorithms out, which it does when it first sees a shape."""
    former = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        return step.speed(steps)
    finally:
        torch.backends.cudnn.benchmark = former
