"""Compares ways to search on a table: regret against time, ranks, over seeds and numbers of workers.

    python benchmarks/tabular/compare.py TABLE [SIDE ...] [--seeds 20] [--workers 2] [--budgets 2 3 5 7 10 15 20 30 50]
                                         [--half 0] [--curves FILE]

A budget counts full trainings, of 27 epochs and of the table's mean seconds, of all workers together: with 10 of them
and 2 workers a sweep lasts as long as 5. Regret is how far the network in hand at the end, without luck, is below the
table's best. Ours is told the time there is and runs once for each budget; a rival runs once for the longest, and has
at every earlier one what it then had in hand. The last training of ours has neither more images here nor mixed ones:
what they bring is not in the table.

Sides are groups (ours, parts, ideas, rivals, libraries) or names of one. `parts` is ours with a part of it left out or
another in its place, `ideas` what is not built; `libraries` needs those installed (see libraries.py). The last line is
JSON; `within_a_point` is the smallest of the budgets from which on the median regret is at most one point.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from convscape.search.config import DataConfig, SweepConfig
from convscape.search.proposals import DesignSpace
from ideas import RULES
from libraries import LIBRARIES
from make import RECIPE, SHIFTS, SPACE
from rivals import RIVALS, race
from simulator import CLASSES, simulate
from world import LONG, World

if TYPE_CHECKING:
    from simulator import Moment

OURS: dict[str, dict[str, Any]] = {"ours": {}}
PARTS: dict[str, dict[str, Any]] = {
    "no textbook": {"start": []},
    "random": {"sampler": "random"},
    "random, no textbook": {"start": [], "sampler": "random"},
    "27 epochs": {"epochs": LONG},
    "first rung 1": {"first_rung": 1},
    "no halving": {"promotion": "none"},
    "stopping": {"promotion": "stopping"},
    "no finals": {"finalists": 0},
    "no last training": {"refit": False},
}
IDEAS: dict[str, dict[str, Any]] = {
    "evolution": {"sampler": "ideas.Evolution"},
    **{name: {"rule": name} for name in RULES},
}
SETTINGS = {**OURS, **PARTS, **IDEAS}
"""What sides of ours have in the `search` section of a sweep file; `rule` is what trials are ranked by at a rung."""
OTHERS = {**RIVALS, **LIBRARIES}
GROUPS: dict[str, list[str]] = {
    "ours": [*OURS], "parts": [*PARTS], "ideas": [*IDEAS], "rivals": [*RIVALS], "libraries": [*LIBRARIES],
}  # fmt: skip
POINT = 1.0
"""Regret, in points of accuracy, of a network that is as good as any."""


def run(side: str, world: World, workers: int, seconds: list[float], seed: int) -> list[float]:
    """Test accuracy without luck, 0 to 1, of what a side has in hand after each of `seconds`."""
    recipe = {**RECIPE, **SHIFTS[world.data], "mixup": 0, "cutmix": 0}
    if side in SETTINGS:
        search = {**SETTINGS[side], "seed": seed}
        rule = search.pop("rule", "")
        settings = {"space": SPACE, "recipe": recipe, "search": search}
        with contextlib.ExitStack() as stack:
            for module in ("engine", "restore") if rule else ():
                stack.enter_context(patch(f"convscape.search.scheduling.{module}.objective_values", RULES[rule]))
            return [simulate(world, settings, workers=workers, seconds=until)[-1].truth for until in seconds]
    config = SweepConfig.model_validate(
        {"name": "rival", "data": DataConfig(name="digits"), "space": SPACE, "recipe": recipe}
    )
    designs = replace(DesignSpace.of(config, world.input, CLASSES), images=world.images)
    moments = race(world, OTHERS[side](designs, seed), workers=workers, seconds=max(seconds), seed=seed)
    return [_in_hand(moments, until) for until in seconds]


def _in_hand(moments: list[Moment], until: float) -> float:
    return next((moment.truth for moment in reversed(moments) if moment.seconds <= until), 1 / CLASSES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("sides", nargs="*", default=["ours", "parts", "rivals"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--budgets", type=float, nargs="+", default=[2, 3, 5, 7, 10, 15, 20, 30, 50])
    parser.add_argument("--half", type=int, choices=[0, 1])
    parser.add_argument("--curves", type=Path, help="appends every side's regrets, JSON lines")
    arguments = parser.parse_args()
    world, budgets = World(arguments.table, arguments.half), sorted(arguments.budgets)
    print(
        f"{len(world.designs)} designs, best {world.best:.4f}, a full training {world.full:.1f} s; others are predicted"
    )
    print(f"with an error of {world.error:.2f} of their spread. Regret in points of accuracy, {arguments.seeds} seeds:")
    print(f"{'full trainings':<20}" + "  ".join(f"{budget:>10g}" for budget in budgets))
    seconds = [budget * world.full / arguments.workers for budget in budgets]
    regrets: dict[str, list[list[float]]] = {}
    for side in [side for name in arguments.sides for side in GROUPS.get(name, [name])]:
        regrets[side] = [
            [100 * (world.best - truth) for truth in run(side, world, arguments.workers, seconds, seed)]
            for seed in range(arguments.seeds)
        ]
        cells = [f"{statistics.fmean(of):5.2f}±{_error_of(of):4.2f}" for of in zip(*regrets[side], strict=True)]
        print(f"{side:<20}" + "  ".join(cells), flush=True)
        if arguments.curves:
            where = {"table": world.data, "half": arguments.half, "workers": arguments.workers, "budgets": budgets}
            with arguments.curves.open("a") as file:
                file.write(json.dumps({"side": side, **where, "regrets": regrets[side]}) + "\n")
    ranks = {
        side: statistics.fmean(
            _rank(regrets, side, seed, at) for seed in range(arguments.seeds) for at in range(len(budgets))
        )
        for side in regrets
    }
    found = {
        "workers": arguments.workers, "n": arguments.seeds,
        "mean_rank": {side: round(rank, 2) for side, rank in sorted(ranks.items(), key=lambda pair: pair[1])},
        "within_a_point": {side: _sooner(budgets, regrets[side]) for side in regrets},
    }  # fmt: skip
    print(json.dumps(found))


def _rank(regrets: dict[str, list[list[float]]], side: str, seed: int, at: int) -> float:
    """The side's place among all, 1 the best; equal ones share theirs."""
    its = regrets[side][seed][at]
    others = [regrets[other][seed][at] for other in regrets if other != side]
    return 1 + sum(other < its for other in others) + 0.5 * sum(other == its for other in others)


def _sooner(budgets: list[float], regrets: list[list[float]]) -> float | None:
    """The smallest budget from which on the median regret is at most a POINT; None where there is none."""
    enough = [statistics.median(of) <= POINT for of in zip(*regrets, strict=True)]
    late = max((at for at, each in enumerate(enough) if not each), default=-1)
    return budgets[late + 1] if late + 1 < len(budgets) else None


def _error_of(values: tuple[float, ...]) -> float:
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")


if __name__ == "__main__":
    main()
