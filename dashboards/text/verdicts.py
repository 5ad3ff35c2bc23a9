"""The verdicts of a design question in lines: all that `status` says of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...search.records import epochs_in_words
from ...search.verdicts import points

if TYPE_CHECKING:
    from ...search import Sweep
    from ...search.verdicts import Answer


def verdict_lines(sweep: Sweep, answer: Answer) -> list[str]:
    """What was asked of how many pairs, and a verdict for each contrast.

    Args:
        sweep: the sweep that asks the question.
        answer: what `sweep.answer()` gave.
    """
    lines = [first_line(sweep, answer)]
    for contrast in answer.contrasts:
        interval = contrast.interval
        bounds = f", 95 % interval {points(interval.low)} to {points(interval.high)}" if interval else ""
        found = f" ({points(contrast.difference)} points{bounds})" if contrast.pairs else ""
        lines.append(f"{contrast.a} less {contrast.b}: {contrast.verdict}{found}")
    return [*lines, *lost_lines(answer)]


def lost_lines(answer: Answer) -> list[str]:
    """Trainings that diverged, and bases on which nothing was learnt: they count, and decide more than most."""
    lines: list[str] = []
    if answer.diverged:
        told = ", ".join(f"{count} of {name}" for name, count in answer.diverged.items())
        lines.append(f"Trainings that diverged, which count as guessing: {told}.")
    if answer.unlearnt:
        numbers = ", ".join(map(str, answer.unlearnt))
        lines.append(f"Bases on which no variant learnt anything, which count: {numbers}.")
    return lines


def first_line(sweep: Sweep, answer: Answer) -> str:
    """What was asked and of how many: the question, pairs, seeds, epochs, what was matched, and what was left out."""
    experiment, epochs, asked = answer.experiment, epochs_trained(answer), sweep.config.question
    assert asked is not None
    planned = len(experiment.bases)
    count = f"n = {answer.pairs}" if answer.ended else f"n = {answer.pairs} of {planned}"
    parts = [
        f"{asked.ask} on {sweep.config.data.name}: {count} pairs",
        f"{experiment.seeds} seed{'s' * (experiment.seeds != 1)} each",
        epochs_in_words(epochs) if epochs else "",
        "nothing matched" if asked.match == "none" else f"{asked.match} matched",
        f"{len(experiment.left_out) + len(answer.failed)} left out",
    ]
    return ", ".join(part for part in parts if part)


def epochs_trained(answer: Answer) -> int:
    """Epochs that every network of an answer was trained for; 0 before any pair is complete."""
    trials = [trial for contrast in answer.contrasts for pair in contrast.pairs for trial in (*pair.a, *pair.b)]
    return max((trial.epochs for trial in trials), default=0)
