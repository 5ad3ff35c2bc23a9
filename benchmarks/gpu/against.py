"""The floor, the bare step, ours and the tutorials' loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .floor import KINDS, Card, bandwidth, floor_of, matrix_rate
from .loop import Loop, workers_here
from .ours import Ours
from .steps import BareStep
from .timing import late

if TYPE_CHECKING:
    from convscape.trainers.device import Precision

    from .benchmark import Benchmark
    from .networks import Network
    from .timing import Measured


def measure_card(bench: Benchmark) -> None:
    """The card's matrix rates and its bandwidth.

    Args:
        bench: is told them.
    """

    def keep(name: str, measured: Measured, unit: str, scale: float) -> None:
        low, high = (value / scale for value in measured.spread)
        bench.report.row("floor", name, measured.median / scale, unit, n=measured.n, spread=[low, high])

    rates: dict[str, float] = {}
    for kind in KINDS:
        measured = matrix_rate(bench.device, kind)
        rates[kind] = measured.median
        keep(f"matrix rate {kind}", measured, "TFLOP/s", 1e12)
    moved = bandwidth(bench.device)
    keep("bandwidth", moved, "GB/s", 1e9)
    bench.card = Card(rates, moved.median)


def measure_bare(bench: Benchmark, network: Network, precision: Precision, seconds: float) -> None:
    """The bare step, and its floor where the card was measured.

    Args:
        bench: with the device.
        network: that is trained.
        precision: of its layers' arithmetic.
        seconds: that it may take, about.
    """
    bench.check_fit(network, precision)
    if bench.card:
        floor = floor_of(network.architecture, network.batch, precision, bench.card)
        speed = network.batch / floor.seconds
        bench.report.speeds["floor", network.name, precision] = speed
        more = {"batch": network.batch, "bound": floor.bound, "ms": floor.seconds * 1e3}
        bench.report.row("floor", f"{network.name} {precision} floor", speed, "images/s", **more)
    step = BareStep(network, precision, bench.device)
    ways = {"bare": partial(step.speed, bench.steps(network, precision, step))}
    turns = bench.turns("bare", network, precision, ways, seconds / 2)
    bench.keep("bare", network, precision, "bare", turns)


def measure_ours(bench: Benchmark, network: Network, precision: Precision, seconds: float) -> None:
    """`Training`, the bare step and the loop, by turns.

    Args:
        bench: with the device.
        network: that is trained.
        precision: of its layers' arithmetic.
        seconds: that it may take, about.
    """
    bench.check_fit(network, precision)
    step = BareStep(network, precision, bench.device)
    steps = bench.steps(network, precision, step)
    data = network.dataset(steps)
    workers = workers_here(network)
    ways = {
        "bare": partial(step.speed, steps),
        "ours": late(lambda: Ours(network, data, precision, bench.device).epoch),
        "loop": late(lambda: Loop(network, data, precision, bench.device, workers).speed),
    }
    turns = bench.turns("ours", network, precision, ways, seconds / 2)
    bench.keep("ours", network, precision, "bare", turns)
    bench.keep("ours", network, precision, "ours", turns, base="bare")
    bench.keep("ours", network, precision, "loop", turns, base="ours", workers=workers)
    speeds = bench.report.speeds
    plain, half = (speeds.get(("ours", network.name, each)) for each in ("float32", "bfloat16"))
    if plain and half:
        bench.report.gains["bfloat16", network.name] = half / plain
