"""Which parts there are, in which order, and how long each takes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .against import measure_bare, measure_card, measure_ours
from .fusing import measure_stacked
from .networks import NETWORKS
from .recording import measure_compiled, measure_graphs
from .schedule import Part
from .sharing import measure_shared
from .why import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from .benchmark import Benchmark
    from .networks import Network

SECONDS = {"floor": 5, "bare": 1.5, "ours": 5, "shared": 8, "graphs": 3, "why": 6, "compile": 30, "stacked": 12}
"""A part of each group, about, on a GPU of a data centre."""
STARTING = 15
"""Seconds that the processes of the first part with several need to start."""
QUICK = 0.25
"""Share of the seconds with --quick."""
SHARED = ("small 32", "middle 32", "large 32")
STACKED = ("small 32", "middle 32")
"""Without and with batch norms."""
FIRST_COMPILED = "middle 32"
ON_A_CPU = ("small 32",)


def plan(bench: Benchmark) -> list[Part]:
    """All parts in their order: the floor and the bare step, ours and the loop, sharing, graphs, compile, stacked.

    A sample of each group comes first; what it leaves out comes last.

    Args:
        bench: that they measure.
    """
    by_name = {each.name: each for each in networks_of(bench)}
    other = list(bench.precisions[1:])
    small = [each for each in by_name.values() if not each.name.endswith(" 64")]
    large = [each for each in by_name.values() if each.name.endswith(" 64")]

    def parts(group: str, measure: Callable, networks: list[Network], precisions: list, more: float = 0) -> list[Part]:
        cells = [(network, precision) for precision in precisions for network in networks]
        share = QUICK if bench.quick else 1.0
        return [
            Part(
                f"{group} {network.name} {precision}",
                share * (SECONDS[group] + (more if number == 0 else 0)),
                partial(measure, bench, network, precision),
            )
            for number, (network, precision) in enumerate(cells)
        ]

    every, mine = list(by_name.values()), [bench.precision]
    first = [by_name[FIRST_COMPILED]] if FIRST_COMPILED in by_name else []
    return [
        Part("floor", SECONDS["floor"] * (QUICK if bench.quick else 1.0), lambda _: measure_card(bench)),
        *parts("bare", measure_bare, every, [*mine, *other]),
        *parts("ours", measure_ours, every, mine),
        *parts("ours", measure_ours, small, other),
        *parts("shared", measure_shared, [by_name[name] for name in SHARED if name in by_name], mine, STARTING),
        *parts("graphs", measure_graphs, every, mine),
        *parts("why", explain, every, mine),
        *parts("compile", measure_compiled, first, mine),
        *parts("stacked", measure_stacked, [by_name[name] for name in STACKED if name in by_name], mine),
        *parts("ours", measure_ours, large, other),
        *parts("graphs", measure_graphs, every, other),
        *parts("compile", measure_compiled, [each for each in every if each not in first], mine),
        *parts("why", explain, [] if bench.quick else every, other),
    ]


def networks_of(bench: Benchmark) -> list[Network]:
    """Those that are measured: on a CPU, which is there to show that it runs, the smallest alone."""
    return [each for each in NETWORKS if bench.device.type == "cuda" or each.name in ON_A_CPU]
