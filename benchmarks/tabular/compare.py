"""Compares ways to search on a table: regret against time, ranks, over seeds and numbers of workers.

    python benchmarks/tabular/compare.py TABLE [SIDE ...] [--seeds 20] [--workers 2] [--budgets 2 5 10 20 50] [--half 0]

A budget counts full trainings, of 27 epochs and of the table's mean seconds, of all workers together: with 10 of them
and 2 workers a sweep lasts as long as 5. Regret is how far the network in hand at the end, without luck, is below the
table's best. Of ours the rule is shown with parts of it left out, too. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

from convscape.search.config import DataConfig, SweepConfig
from convscape.search.proposals import DesignSpace
from make import RECIPE, SHIFTS, SPACE
from rivals import RIVALS, race
from simulator import CLASSES, IMAGES, INPUT, simulate
from world import LONG, World

SECTIONS: dict[str, Any] = {"space": SPACE, "recipe": {**RECIPE, **SHIFTS["fashion-mnist"]}}
OURS: dict[str, dict[str, Any]] = {
    "ours": {},
    "ours, no textbook": {"start": []},
    "ours, random": {"start": [], "sampler": "random"},
    "ours, 27 epochs": {"epochs": LONG},
    "ours, first rung 1": {"first_rung": 1},
    "ours, stopping": {"promotion": "stopping"},
    "ours, no finals": {"finalists": 0},
}
"""Ours, and ours with a part of it left out or another in its place."""


def run(side: str, world: World, workers: int, seconds: float, seed: int) -> float:
    """Test accuracy without luck of what a side has in hand at the end, 0 to 1."""
    if side in OURS:
        settings = {**SECTIONS, "search": {**OURS[side], "seed": seed}}
        moments = simulate(world, settings, workers=workers, seconds=seconds)
    else:
        config = SweepConfig.model_validate({"name": "rival", "data": DataConfig(name="digits"), **SECTIONS})
        designs = replace(DesignSpace.of(config, INPUT, CLASSES), images=IMAGES)
        moments = race(world, RIVALS[side](designs, seed), workers=workers, seconds=seconds, seed=seed)
    return moments[-1].truth if moments else 1 / CLASSES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("sides", nargs="*", default=[*OURS, *RIVALS])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--budgets", type=float, nargs="+", default=[2, 5, 10, 20, 50])
    parser.add_argument("--half", type=int, choices=[0, 1])
    arguments = parser.parse_args()
    world = World(arguments.table, arguments.half)
    print(
        f"{len(world.designs)} designs, best {world.best:.4f}, a full training {world.full:.1f} s; others are predicted"
    )
    print(f"with an error of {world.error:.2f} of their spread. Regret in points of accuracy, {arguments.seeds} seeds:")
    regrets: dict[str, dict[float, list[float]]] = {}
    for side in arguments.sides:
        regrets[side] = {
            budget: [
                100 * (world.best - run(side, world, arguments.workers, budget * world.full / arguments.workers, seed))
                for seed in range(arguments.seeds)
            ]
            for budget in arguments.budgets
        }
        cells = [f"{statistics.fmean(of):6.2f}±{_error_of(of):4.2f}" for of in regrets[side].values()]
        print(f"{side:<20}" + "  ".join(cells), flush=True)
    ranks = {
        side: statistics.fmean(
            1 + sum(regrets[other][budget][seed] < regrets[side][budget][seed] for other in regrets)
            for budget in arguments.budgets
            for seed in range(arguments.seeds)
        )
        for side in regrets
    }
    print(
        json.dumps({"workers": arguments.workers, "mean_rank": {side: round(rank, 2) for side, rank in ranks.items()}})
    )


def _error_of(values: list[float]) -> float:
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")


if __name__ == "__main__":
    main()
