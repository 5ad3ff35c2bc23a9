"""Sources of pages that no sweep would give: hostile texts, and sweeps in each state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from convscape.dashboards.page import SweepSource
from convscape.search.frames import sweep_frames
from convscape.search.records import Design, Experiment, Pairing, State, TrialRecord
from convscape.search.verdicts import answer_of
from convscape.spaces import parse_notation
from convscape.trainers import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked=1'><b>\"';--"
"""What a name, a notation, a tag or a param may hold."""


def record(number: int, state: State = "completed", epochs: int = 3, **more: object) -> TrialRecord:
    """A trial; the even ones have a wider network."""
    notation = f"INPUT[8x8x1] -> CONV3-{4 + 4 * (number % 2)} -> RELU -> GAP -> FC-10"
    design = Design.of(parse_notation(notation), Recipe(learning_rate=0.01 * (number + 1)))
    accuracies = {epoch: 0.5 + 0.01 * number + 0.05 * epoch for epoch in range(1, epochs + 1)}
    made = TrialRecord(number=number, design=design, state=state, reason=f"{state}, why", accuracies=accuracies)
    made.params = {"learning_rate": design.recipe.learning_rate, "norm": "batch" if number % 3 else "none"}
    made.history = {epoch: {"time": 1e9 + 10 * number + epoch, "epoch_seconds": 1.0} for epoch in accuracies}
    for name, value in more.items():
        setattr(made, name, value)
    return made


def source(records: Sequence[TrialRecord], name: str = "made", state: str = "ended", problem: str = "") -> SweepSource:
    """A sweep of these trials."""
    return SweepSource(
        name=name,
        state=state,
        asked=(("search", "3 trials"),),
        frames=sweep_frames(records, sweep=name, run_ids={0: "0" * 32}, objectives=["accuracy"]),
        images=100,
        problem=problem,
        run_link="http://127.0.0.1:5000/#/experiments/1/runs/{run}",
        sweep_link="http://127.0.0.1:5000/#/experiments/1/runs",
        command=f"convscape ui {name}",
        next=(f"convscape export {name}",),
    )


def question() -> SweepSource:
    """A sweep that asks whether a wide network is better than a narrow one, of eight bases: it is."""
    bases, records = [], []
    for base in range(8):
        designs = {name: record(number).design for number, name in enumerate(("narrow", "wide"))}
        bases.append(designs)
        for number, name in enumerate(designs):
            place = Pairing(base=base, variant=name, seed=1)
            made = record(2 * base + number, role="compared", pairing=place, design=designs[name])
            made.accuracies = {1: 0.5, 2: 0.7 + 0.02 * number + 0.001 * (base % 3) * number}
            records.append(made)
    experiment = Experiment(
        variants=("narrow", "wide"),
        contrasts=(("wide", "narrow"),),
        bases=tuple(bases),
        left_out=(HOSTILE,),
        rates=(0.1,),
        tuned=0,
        seeds=1,
    )
    answer = answer_of(experiment, records)
    frames = sweep_frames(records, sweep="made", run_ids={}, objectives=["accuracy"], answer=answer)
    return replace(source(records), frames=frames, answer={"lines": ["wide is better", HOSTILE]})


def states() -> dict[str, SweepSource]:
    """A sweep in each state that a page must make sense in."""
    failed = [record(number, "failed", 0, reason="loss is nan") for number in range(3)]
    return {
        "empty": source([], problem="sweep made has no result: no trial has ended an epoch"),
        "one trial": source([record(0)]),
        "all failed": source(failed, problem="sweep made has no result, all trials failed: 3x loss is nan"),
        "running": source([record(0), record(1, "running", 1), record(2, "paused", 1)], state="running"),
        "untrained": source([record(0, "infeasible", 0), record(1, "duplicate", 0)], problem="nothing was trained"),
    }


def hostile() -> SweepSource:
    """A sweep whose every text is HOSTILE."""
    records = [record(number, reason=HOSTILE) for number in range(6)]
    for each in records:
        each.design = replace(each.design, notation=HOSTILE)
        each.params = {HOSTILE: HOSTILE if each.number % 2 else "plain", "learning_rate": 0.1 * (each.number + 1)}
    made = source(records, name=HOSTILE, state=HOSTILE, problem=HOSTILE)
    return replace(
        made, asked=((HOSTILE, HOSTILE),), command=HOSTILE, next=(HOSTILE,), notes=(HOSTILE,), run_link="http://h/{run}"
    )
