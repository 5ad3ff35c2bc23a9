"""Trials an hour with `resources.gpus: auto` over those with one GPU a trial, simulated: no GPU is needed.

Real: the designs, sampled from the default space at 32 and 224 px; what each is predicted to take; the share rule, and
the count of who has what of which GPU, as a sweep uses them. Assumed, for want of a GPU: a step takes LAUNCH seconds a
layer, during which the GPU is idle, and its arithmetic at RATE; trials that share a GPU take turns at the arithmetic:
each is slowed by the sum of their busy parts where that is above 1. A trial is one job of EPOCHS.

What wrong predictions cost: the same with every third trial taking WRONG times what is predicted. One whose share is
too small for that says so in its first batch, and goes on in a larger share on a worker that takes START seconds.

usage: python benchmarks/placement.py [--quick]
The last line is JSON: `ratio` is the median over `n` sweeps, `spread` their range, both for 32 px; `ratio_224` and
`spread_224` the same for 224 px; `wrong` and `wrong_224` with wrong predictions.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from convscape.search.config import DataConfig, SweepConfig
from convscape.search.proposals import DesignSpace
from convscape.search.workers.placement import WHOLE, GpuNode, Need, Needs, Placement, Room, memory_of

if TYPE_CHECKING:
    from convscape.search.records import Design
    from convscape.search.scheduling import Engine

GB = 10**9
CARDS = (24 * GB, 24 * GB, 24 * GB, 24 * GB)
"""Memory of the GPUs, one a node."""
RATE = 20e12
"""Floating-point operations a second that a GPU reaches in convolutions, in bfloat16."""
LAUNCH = 60e-6
"""Seconds that the launches of a layer's kernels take a step, forward, backward and optimiser."""
IMAGES, EPOCHS = 45_000, 3
WRONG = 3.0
"""By how much a prediction may be wrong."""
START = 15.0
"""Seconds that a worker takes to start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A job, as placement sees it, and how long it takes."""

    number: int
    design: Design
    seconds: float
    """On a GPU of its own."""
    busy: float
    """The part of them that the GPU computes."""
    wrong: float = 1.0
    """What it takes of memory over what is predicted."""


class Whole(Needs):
    """One GPU a trial, as `resources.gpus: 1` gives it."""

    def share_on(self, node: GpuNode, number: int, need: Need) -> int:  # noqa: ARG002 - the rule's signature
        return WHOLE


class Queue:
    """Stands for the engine, which gives trial after trial."""

    halted = ""

    def __init__(self, trials: list[Simulated]) -> None:
        self._left = list(trials)

    def next(self) -> Simulated | None:
        return self._left.pop(0) if self._left else None

    def requeue(self, trial: Simulated) -> None:
        self._left.insert(0, trial)


def sampled(size: int, count: int, seed: int) -> list[Simulated]:
    """Trials of the default space on images of that size."""
    config = SweepConfig(name="placement", data=DataConfig(name="cifar10"))
    designs = DesignSpace.of(config, input=(3, size, size), classes=10)
    trials: list[Simulated] = []
    for number, design in enumerate(designs.draw(count, seed)):
        steps = EPOCHS * IMAGES // design.recipe.batch_size
        computing = 6 * design.macs * design.recipe.batch_size / RATE
        launching = LAUNCH * len(design.architecture.steps)
        seconds = steps * (computing + launching)
        trials.append(
            Simulated(number=number, design=design, seconds=seconds, busy=computing / (computing + launching))
        )
    return trials


def hours(trials: list[Simulated], kind: type[Needs], size: int) -> tuple[float, float, int]:
    """How long trials take with a rule, in hours, how many run at a time, on average, and how many outgrew a share."""
    nodes = [GpuNode(id=f"{i}", host="", gpus=1, cpus=8, memory=card) for i, card in enumerate(CARDS)]
    needs = kind(images=IMAGES * 3 * size * size, train=IMAGES, precision="bfloat16")
    waiting = Queue(trials)
    placement, queue = Placement(needs, Room(nodes)), cast("Engine", waiting)
    left: dict[int, float] = {}
    where: dict[int, tuple[Simulated, str]] = {}
    doomed: set[int] = set()
    now = held = 0.0
    outgrown = 0
    while True:
        while (found := placement.next(queue)) is not None:
            trial, slot = cast("Simulated", cast("Any", found[0])), found[1]
            need = needs.of(trial.design)
            takes = replace(need, step=int(need.step * trial.wrong))
            fits = slot.eighths == WHOLE or takes.fits(memory_of(nodes[int(slot.node)], slot.eighths))
            left[trial.number], where[trial.number] = trial.seconds if fits else START, (trial, slot.node)
            doomed |= set() if fits else {trial.number}
        if not left:
            return now / 3600, held / now, outgrown
        loads = {node.id: sum(t.busy for t, at in where.values() if at == node.id) for node in nodes}
        slowed = {number: max(1.0, loads[at]) for number, (_, at) in where.items()}
        step = min(left[number] * slowed[number] for number in left)
        now, held = now + step, held + step * len(left)
        for number in list(left):
            left[number] -= step / slowed[number]
            if left[number] <= 1e-6:
                if number in doomed:
                    placement.outgrew(number)
                    waiting.requeue(where[number][0])
                    doomed.remove(number)
                    outgrown += 1
                placement.leave(number)
                del left[number], where[number]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few trials and one sweep: shows that it runs")
    rounds, count = (1, 30) if parser.parse_args().quick else (5, 200)
    print(f"{len(CARDS)} GPUs of {CARDS[0] // GB} GB, {count} trials a sweep, {rounds} sweeps")
    heads = " ".join(f"{share:>5}" for share in ("1/8", "1/4", "1/2", "1"))
    print(f"{'images':>8} {'sweep':>6} {heads} {'at a time':>10} {'trials an hour':>15} {'if wrong':>15} outgrown")
    result: dict[str, Any] = {}
    for size in (32, 224):
        ratios, wrong = list[float](), list[float]()
        for seed in range(rounds):
            trials = sampled(size, count, seed)
            needs = Needs(images=IMAGES * 3 * size * size, train=IMAGES, precision="bfloat16")
            node = GpuNode(id="", host="", gpus=1, cpus=8, memory=CARDS[0])
            shares = [needs.share_on(node, 0, needs.of(trial.design)) or WHOLE for trial in trials]
            counts = [shares.count(eighths) for eighths in (1, 2, 4, 8)]
            odd = [replace(trial, wrong=1.0 if trial.number % 3 else WRONG) for trial in trials]
            (auto, at_a_time, _), (whole, _, _) = hours(trials, Needs, size), hours(trials, Whole, size)
            mistaken, _, outgrown = hours(odd, Needs, size)
            ratios.append(whole / auto)
            wrong.append(whole / mistaken)
            print(
                f"{size:>5} px {seed:>6} " + " ".join(f"{each:>5}" for each in counts)
                + f" {at_a_time:>10.1f} {ratios[-1]:>15.2f} {wrong[-1]:>15.2f} {outgrown:>8}", flush=True,
            )  # fmt: skip
        suffix = "" if size == 32 else f"_{size}"
        result |= {
            f"ratio{suffix}": round(statistics.median(ratios), 3),
            f"spread{suffix}": [round(min(ratios), 3), round(max(ratios), 3)],
            f"wrong{suffix}": [round(each, 3) for each in (statistics.median(wrong), min(wrong), max(wrong))],
        }
    print(json.dumps({**result, "n": rounds}))


if __name__ == "__main__":
    main()
