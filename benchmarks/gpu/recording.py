"""The step recorded as a CUDA graph, and made by torch.compile."""

from __future__ import annotations

import os
import shutil
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .ours import Ours, has_graphs
from .schedule import LeftOutError
from .steps import BareStep, GraphedStep
from .timing import late
from .verdicts import PAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from convscape.trainers.device import Precision

    from .benchmark import Benchmark
    from .networks import Network

COMPILERS = {"cuda": ("cc", "gcc", "clang"), "cpu": ("c++", "g++", "clang++")}
"""Which compilers, of which one is needed, torch.compile calls for a device."""


def measure_graphs(bench: Benchmark, network: Network, precision: Precision, seconds: float) -> None:
    """The bare step as one CUDA graph, and `Training`'s own where it records one; each beside what it is without.

    Args:
        bench: with the device.
        network: that is trained.
        precision: of its layers' arithmetic.
        seconds: that it may take, about.

    Raises:
        LeftOutError: there is no GPU, or it has not the memory.
    """
    if bench.device.type != "cuda":
        raise LeftOutError("CUDA graphs need a GPU")
    bench.check_fit(network, precision)
    step = BareStep(network, precision, bench.device)
    steps = bench.steps(network, precision, step)

    def graphed() -> Callable[[], float]:
        recorded = GraphedStep(BareStep(network, precision, bench.device), network.batch, bench.device)
        return partial(recorded.speed, steps)

    ways: dict[str, Callable[[], float]] = {"bare": partial(step.speed, steps), "bare graphed": late(graphed)}
    if has_graphs():
        data = network.dataset(steps)
        ways["ours"] = late(lambda: Ours(network, data, precision, bench.device).epoch)
        ways["graphs"] = late(lambda: Ours(network, data, precision, bench.device, graphs=True).epoch)
    else:
        bench.report.leave_out(f"graphs {network.name} {precision}: ours", "Training has no `graphs`")
    turns = bench.turns("graphs", network, precision, ways, seconds / 2)
    for way, base in (("bare graphed", "bare"), ("graphs", "ours")):
        bench.gain("graphs", network, precision, bench.keep("graphs", network, precision, way, turns, base=base))


def measure_compiled(bench: Benchmark, network: Network, precision: Precision, seconds: float) -> None:
    """`Training` by torch.compile beside `Training`, and the seconds that compiling takes.

    Args:
        bench: with the device.
        network: that is trained.
        precision: of its layers' arithmetic.
        seconds: that it may take, about, most of it for the compiler.

    Raises:
        LeftOutError: there is no compiler here, or not the memory; or it shall be quick.
    """
    if bench.quick:
        raise LeftOutError("--quick")
    if missing := no_compiler(bench.device.type):
        raise LeftOutError(missing)
    bench.check_fit(network, precision)
    data = network.dataset(bench.steps(network, precision))
    plain = Ours(network, data, precision, bench.device)
    made = Ours(network, data, precision, bench.device, compile=True)
    ways = {"ours": plain.epoch, "compile": made.epoch}
    turns = bench.turns("compile", network, precision, ways, seconds / 8)
    times = bench.keep("compile", network, precision, "compile", turns, base="ours")
    if times is not None and made.first is not None and plain.first is not None:
        took = max(0.0, made.first - plain.first)
        bench.gain("compile", network, precision, times)
        more = {"against": f"pays after {took / (1 - 1 / times):.0f} s of training without"} if times >= PAYS else {}
        bench.report.row("compile", f"{network.name} {precision} compiling", took, "s", **more)


def no_compiler(device: str) -> str:
    """Why torch.compile cannot work for a kind of device, "" where it can."""
    if device == "cuda" and find_spec("triton") is None:
        return "torch.compile needs triton, which is not installed"
    named = [os.environ.get(name) for name in ("CC", "CXX")]
    if not any(map(shutil.which, filter(None, [*named, *COMPILERS[device]]))):
        return f"torch.compile needs a compiler, and there is none of {', '.join(COMPILERS[device])}"
    return ""
