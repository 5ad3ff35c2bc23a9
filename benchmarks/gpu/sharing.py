"""Several trials at a time on one device, each a process of its own, as workers of a sweep are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .crew import Task, steps_of_each
from .schedule import LeftOutError

if TYPE_CHECKING:
    from convscape.trainers.device import Precision

    from .benchmark import Benchmark
    from .networks import Network


def measure_shared(bench: Benchmark, network: Network, precision: Precision, seconds: float) -> None:
    """Images a second altogether, for each number of trials at a time.

    Args:
        bench: with the device.
        network: that every trial trains.
        precision: of its layers' arithmetic.
        seconds: that it may take, about.
    """
    steps, speeds = bench.steps(network, precision), bench.report.speeds
    crew = bench.crew()
    for count in bench.counts:
        try:
            bench.check_fit(network, precision, 1 / count)
        except LeftOutError as why:
            bench.report.leave_out(f"shared {network.name} {precision}: {count} at a time", str(why))
            continue
        task = Task(
            network=network.name,
            precision=precision,
            way="ours",
            steps=steps_of_each(steps, count),
            seconds=0.0 if bench.quick else seconds / 2 / len(bench.counts),
            share=1 / count,
        )
        measured = crew.train(task, count)
        alone = speeds.get(("shared 1", network.name, precision))
        more = {"against": f"{measured.median / alone:.2f}x shared 1"} if alone else {}
        bench.keep("shared", network, precision, f"shared {count}", measured, **more)
    found = [speeds.get((f"shared {count}", network.name, precision)) for count in bench.counts]
    alone, *several = found
    if alone and (best := max(filter(None, several), default=None)):
        bench.gain("trials at a time", network, precision, best / alone)
