"""A sweep as text that fits 80 columns: its trials best first, how it ended, what to type next."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ..search.sweep import folder_option
from ..search.trials import epochs
from ..spaces.listing import listing, short
from .queries import links

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..search.sweep import Sweep, TrialSummary
    from ..search.trials import TrialRecord

WIDTH = 80


def table(trials: Sequence[TrialSummary], most: int, name: str) -> str:
    """The best trials, two lines each: figures, then the network."""
    lines = [f"{'':>3} {'trial':>6} {'accuracy':>9} {'epochs':>7} {'parameters':>11} {'MACs':>7}  state"]
    lines.append("-" * WIDTH)
    for rank, trial in enumerate(trials[:most], 1):
        lines.append(
            f"{rank:>3} {trial.trial:>6} {trial.accuracy:>9.4f} {trial.epochs:>7} {trial.parameters:>11,} "
            f"{short(trial.macs):>7}  {trial.state}{'' if trial.role == 'sampled' else f', {trial.role}'}"
        )
        lines.append(f"    {_shortened(trial.notation, WIDTH - 4)}")
    if len(trials) > most:
        lines.append(f"    … and {len(trials) - most:,} more: `convscape compare {name} -n {len(trials)}`")
    return "\n".join(lines)


def ending(sweep: Sweep, *, exported: bool = False) -> str:
    """What a sweep found, what it spent on what, and what to type next."""
    trials = sweep.summaries()
    best = sweep.best
    winner = next(record for record in sweep.trials() if record.number == best.trial)
    parts = [
        f"Leaderboard of sweep {sweep.name}",
        table(trials, 10, sweep.name),
        "",
        f"The winner, trial {best.trial}: validation accuracy {best.accuracy:.4f} after {epochs(winner.best_epoch)}",
        *textwrap.wrap(best.notation, WIDTH, initial_indent="  ", subsequent_indent="    "),
        f"  {recipe(winner)}",
        *_against_baseline(trials),
        "",
        listing(winner.design.architecture),
        spent(sweep.counts()),
        "",
    ]
    if not exported:
        option = folder_option(sweep.config)
        parts.append(f"Export it:    convscape export {sweep.name}{option} --to exported/{sweep.name}")
    parts.append("Compare runs in MLflow:")
    parts.append(f"  {links(sweep.tracking_uri, sweep.config.tracking.experiment)}")
    return "\n".join(parts)


def _against_baseline(trials: Sequence[TrialSummary]) -> list[str]:
    """How far the winner, the first of `trials`, is ahead of the best baseline, where there is one."""
    best = next((trial for trial in trials if trial.role == "baseline"), None)
    if best is None:
        return []
    if best is trials[0]:
        return ["  It is a baseline: nothing that was searched is better."]
    lead = trials[0].accuracy - best.accuracy
    return [f"  {lead:.4f} above the best baseline, trial {best.trial}: {best.accuracy:.4f} in {epochs(best.epochs)}"]


def status(sweep: Sweep) -> str:
    """How a sweep stands, whether it runs or not."""
    counts = sweep.counts()
    trials = sweep.summaries()
    how = "running" if sweep.running else ("not running" if counts["unfinished"] else "ended")
    lines = [f"sweep {sweep.name}: {how}", spent(counts)]
    if trials:
        lines.append(
            f"best: trial {trials[0].trial}, accuracy {trials[0].accuracy:.4f}, {trials[0].parameters:,} parameters"
        )
        lines.append(f"  {_shortened(trials[0].notation, WIDTH - 2)}")
    if counts["unfinished"] and not sweep.running:
        lines.append(f"go on with: convscape resume {sweep.name}{folder_option(sweep.config)}")
    elif not sweep.running and trials:
        lines.append(f"next: convscape compare {sweep.name}{folder_option(sweep.config)}")
    return "\n".join(lines)


def spent(counts: dict[str, int]) -> str:
    """Trials by how they ended, in a line."""
    words = {
        "completed": "completed",
        "stopped": "stopped early",
        "failed": "failed",
        "duplicate": "duplicate (not trained again)",
        "infeasible": "over budget (not trained)",
        "unfinished": "unfinished",
    }
    return "trials: " + ", ".join(f"{counts[key]:,} {word}" for key, word in words.items() if counts.get(key))


def recipe(record: TrialRecord) -> str:
    """A recipe in a line."""
    made = record.design.recipe
    return (
        f"{made.optimizer}, learning rate {made.learning_rate:g}, weight decay {made.weight_decay:g}, "
        f"batch {made.batch_size}"
    )


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
