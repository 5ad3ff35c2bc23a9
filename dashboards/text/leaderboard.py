"""Prints a sweep in 80 columns: its trials best first, how it ended, what to type next."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ...search import folder_option
from ...search.records import epochs_in_words
from ...search.scheduling import Length
from ...spaces import format_layer_table, short
from .finals import how_sure, more_time, phases, wrapped
from .in_mlflow import pages
from .mattered import importance_lines, runner_up, runner_up_lines
from .status import spent, unsent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...search import Sweep
    from ...search.records import TrialRecord, TrialSummary

WIDTH = 80
"""Columns of the text, at most."""
SHOWN = 10
"""Trials in the leaderboard at the end of a sweep."""


def leaderboard_table(trials: Sequence[TrialSummary], most: int) -> str:
    """The best trials of a sweep, two lines each: figures, then the network.

    Args:
        trials: all that were trained, best first.
        most: how many of them to show.
    """
    lines = [f"{'':>3} {'trial':>6} {'accuracy':>9} {'epochs':>7} {'parameters':>11} {'MACs':>7}  state"]
    lines.append("-" * WIDTH)
    for rank, trial in enumerate(trials[:most], 1):
        lines.append(
            f"{rank:>3} {trial.trial:>6} {trial.accuracy:>9.4f} {trial.epochs:>7} {trial.parameters:>11,} "
            f"{short(trial.macs):>7}  {_fate(trial)}"
        )
        lines.append(f"    {_shortened(trial.notation, WIDTH - 4)}")
    if len(trials) > most:
        lines.append(f"    … and {len(trials) - most:,} more, which `convscape compare` shows with `-n {len(trials)}`")
    return "\n".join(lines)


def _fate(trial: TrialSummary) -> str:
    """How a trial ended; of a finalist, what it reached over its seeds."""
    ended = trial.state if trial.mean_accuracy is None else over_seeds(trial)
    return ended if trial.sampled else f"{ended}, {trial.role}"


def over_seeds(trial: TrialSummary) -> str:
    """A finalist's mean accuracy and standard deviation over its seeds, as "0.9812±0.0023 of 3"."""
    spread = "" if trial.std_accuracy is None else f"±{trial.std_accuracy:.4f}"
    return f"{trial.mean_accuracy:.4f}{spread} of {trial.seeds}"


def front(trials: Sequence[TrialSummary], objectives: Sequence[str]) -> list[str]:
    """The Pareto front of a sweep as lines, most accurate first; none for a single objective.

    Args:
        trials: all that were trained.
        objectives: names of what the sweep optimises, accuracy first.
    """
    if len(objectives) == 1:
        return []
    costs = {
        "parameters": lambda trial: f"{trial.parameters:,} parameters",
        "macs": lambda trial: f"{short(trial.macs)} MACs",
        "memory": lambda trial: f"{short(trial.memory)}B",
        "latency": lambda trial: "latency not measured" if trial.latency is None else f"{trial.latency * 1000:.3g} ms",
    }
    members = sorted((trial for trial in trials if trial.pareto), key=lambda trial: -reached(trial))
    lines = [
        f"  trial {trial.trial}: "
        + ", ".join([f"{reached(trial):.4f}", *(costs[name](trial) for name in objectives[1:])])
        for trial in members
    ]
    return [f"Pareto front of {', '.join(objectives)}, trials of full length none other beats in all:", *lines, ""]


def ending(sweep: Sweep, records: Sequence[TrialRecord] | None = None, *, exported: bool = False) -> str:
    """What a sweep found, what it spent on what, and what to type next, as text.

    Args:
        sweep: the sweep.
        records: its trials, where they were read before; None to read them.
        exported: whether the winner is, or is about to be.

    Raises:
        SweepError: no trial has a result.
    """
    records = sweep.trials() if records is None else records
    best, trials = sweep.best_of(records), sweep.summaries(records)
    winner = next(record for record in records if record.number == best.trial)
    parts = [
        f"Leaderboard of sweep {sweep.name}",
        leaderboard_table(trials, SHOWN),
        "",
        *front(trials, sweep.config.search.objectives),
        *accuracy_lines(best, records),
        *textwrap.wrap(best.notation, WIDTH, initial_indent="  ", subsequent_indent="    "),
        f"  {recipe(winner)}",
        *standing_lines(sweep, trials, records),
        "",
        format_layer_table(winner.design.architecture),
        *spent(sweep.counts(records), records),
        *wrapped(phases(records)),
        *unsent(sweep),
        "",
    ]
    option = folder_option(sweep.config)
    if len(trials) > SHOWN:
        parts.append(f"All trials:   convscape compare {sweep.name}{option} -n {len(trials)}")
    if not exported:
        parts.append(f"Export it:    convscape export {sweep.name}{option} --to exported/{sweep.name}")
    parts.append("Compare runs in MLflow:")
    parts += [f"  {line}" for line in pages(sweep)]
    return "\n".join(parts)


def accuracy_lines(best: TrialSummary, records: Sequence[TrialRecord]) -> list[str]:
    """How accurate the winner is, over which runs, and which of them is handed over, as lines.

    Args:
        best: the winner.
        records: all trials of the sweep.
    """
    winner = next(record for record in records if record.number == best.trial)
    trained = epochs_in_words(winner.best_epoch)
    first = f"The winner, trial {best.trial}: validation accuracy {best.accuracy:.4f} after {trained}"
    return [first, *_from_other_seeds(best), *_handed_over(best, records)]


def standing_lines(sweep: Sweep, trials: Sequence[TrialSummary], records: Sequence[TrialRecord]) -> list[str]:
    """How the winner stands beside other designs, how sure that is, what mattered, and whether more time would pay.

    Each is a line of 80 columns at most, or several, of which those after the first are indented by four.

    Args:
        sweep: the sweep.
        trials: all that were trained, best first.
        records: all trials of the sweep.
    """
    search, (learnt, validated) = sweep.config.search, sweep.images
    length = Length(search, learnt, timed=search.seconds is not None)
    helpful = length.most_refit if length.timed else 0
    at_most, winner = sweep.validated_in_finals, trials[0].trial
    return [
        *_against_the_textbook(trials),
        *_against_baseline(trials),
        *wrapped(how_sure(records, winner, validated, at_most, finals=search.finalists > 0)),
        *runner_up_lines(runner_up(trials, records, validated, at_most)),
        *importance_lines(sweep.importances(records)),
        *wrapped(more_time(records, helpful, search.trials)),
    ]


def _from_other_seeds(best: TrialSummary) -> list[str]:
    if best.mean_accuracy is None:
        return []
    if best.seeds == 1:
        return [f"  from another seed: {best.mean_accuracy:.4f}, a single run"]
    return [f"  from other seeds: {over_seeds(best)} runs, mean and deviation"]


def _handed_over(best: TrialSummary, records: Sequence[TrialRecord]) -> list[str]:
    """Which run's weights `export` takes, where it is not the one in the search."""
    run = next((record for record in records if record.number == best.run), None)
    if run is None:
        return []
    if not run.refit:
        return [f"  handed over is the first of them, run {run.number}, after its last epoch"]
    what = f"  handed over is run {run.number}, {epochs_in_words(run.epochs)} with most of the validation images, too;"
    return [what, f"  on the fifth of them that it did not see: {run.accuracies[run.epochs]:.4f}"]


def _against_the_textbook(trials: Sequence[TrialSummary]) -> list[str]:
    """How far the winner, the first of `trials`, is ahead of the best of `search.start`, where there is one."""
    best = next((trial for trial in trials if trial.start), None)
    if best is None:
        return []
    if best is trials[0]:
        if any(not (trial.start or trial.baseline) for trial in trials):
            return ["  It is one of the designs to start from: nothing that was searched is better."]
        return ["  Only designs to start from were trained: there was no time for others."]
    lead = reached(trials[0]) - reached(best)
    return [f"  {lead:.4f} above the best of the designs to start from, trial {best.trial}: {reached(best):.4f}"]


def _against_baseline(trials: Sequence[TrialSummary]) -> list[str]:
    """How far the winner, the first of `trials`, is ahead of the best baseline, where there is one."""
    best = next((trial for trial in trials if trial.baseline), None)
    if best is None:
        return []
    if best is trials[0]:
        return ["  It is a baseline: nothing that was searched is better."]
    lead = reached(trials[0]) - reached(best)
    trained = epochs_in_words(best.epochs)
    return [f"  {lead:.4f} above the best baseline, trial {best.trial}: {reached(best):.4f} in {trained}"]


def reached(trial: TrialSummary) -> float:
    """The accuracy a trial is judged by, 0 to 1: the mean over its seeds where it has several."""
    return trial.accuracy if trial.mean_accuracy is None else trial.mean_accuracy


def recipe(record: TrialRecord) -> str:
    """How a trial was trained, in a line: optimiser, learning rate, weight decay, batch, and weights to start from."""
    made = record.design.recipe
    return (
        f"{made.optimizer}, learning rate {made.learning_rate:g}, weight decay {made.weight_decay:g}, "
        f"batch {made.batch_size}"
        + ("" if made.weights is None else f", from {made.weights}, {made.frozen:.0%} of its layers frozen")
    )


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
