"""Why a step is slow: what a profile says of it, and whether it is faster in other ways."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from .gaps import NoKernelError, recorded, summed_up
from .ours import Ours
from .report import say
from .schedule import LeftOutError
from .steps import BareStep, repeat
from .timing import late, seconds_of
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
        slow = [way for way in ("ours", "bare") if (way, network.name, precision) in bench.report.speeds]
    if not slow:
        raise LeftOutError("nothing to explain: ours is near the bare step, and that near the floor")
    steps = bench.steps(network, precision) if bench.quick else PROFILED
    if "ours" in slow:
        training = Ours(network, network.dataset(steps), precision, bench.device)
        training.epoch()
        _profile(bench, network, precision, "ours", training.epoch)
    if "bare" in slow:
        step = BareStep(network, precision, bench.device)
        step.seconds(steps)
        _profile(bench, network, precision, "bare", repeat(step, steps))
        _try(bench, network, precision, step, seconds / 4)


def _profile(bench: Benchmark, network: Network, precision: Precision, way: str, action: Callable[[], object]) -> None:
    """Sums up a profile of `action` against the time that it takes without a profiler: of ours a validation is part."""
    try:
        gaps = summed_up(recorded(action, bench.device), seconds_of(action, bench.device))
    except NoKernelError as why:
        bench.report.leave_out(f"why {network.name} {precision} {way}", str(why))
        return
    for what in ("idle", "copies", "layout", "casts"):
        bench.report.row("why", f"{network.name} {precision} {way}: {what}", getattr(gaps, what), "of the time")
    first, *kernels = gaps.lines()
    bench.report.reasons += [f"{network.name} {precision}, {way}: {first}", *kernels]
    for line in (first, *kernels):
        say(f"         {line}")


def _try(bench: Benchmark, network: Network, precision: Precision, step: BareStep, seconds: float) -> None:
    """The bare step in other ways, of which one may be nearer to the floor."""
    steps = bench.steps(network, precision, step)

    def other(count: int = steps, **options: Any) -> Callable[[], float]:
        return partial(BareStep(network, precision, bench.device, **options).speed, count)

    larger = max(1, steps // LARGER)
    ways: dict[str, Callable[[], float]] = {
        "bare": partial(step.speed, steps),
        "channels first": late(lambda: other(channels_last=False)),
    }
    try:
        bench.check_fit(network, precision, batches=LARGER)
        ways[f"batch x {LARGER}"] = late(lambda: other(larger, images=LARGER * network.batch))
    except LeftOutError as why:
        bench.report.leave_out(f"tried {network.name} {precision}: batch x {LARGER}", str(why))
    if bench.device.type == "cuda":
        ways["cudnn.benchmark"] = partial(_with_cudnn_benchmark, BareStep(network, precision, bench.device), steps)
    turns = bench.turns("tried", network, precision, ways, seconds)
    tried = {way: bench.keep("tried", network, precision, way, turns, base="bare") for way in ways if way != "bare"}
    words = ", ".join(f"{way} {times:.2f}x" for way, times in tried.items() if times is not None)
    bench.report.reasons.append(f"{network.name} {precision}, bare, tried: {words or 'nothing worked'}")


def _with_cudnn_benchmark(step: BareStep, steps: int) -> float:
    """Images a second where cuDNN tries its algorithms out, which it does when it first sees a shape."""
    former = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        return step.speed(steps)
    finally:
        torch.backends.cudnn.benchmark = former
