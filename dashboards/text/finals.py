"""Prints the end of a sweep: what each phase cost and brought, how sure the winner is, whether more time would pay."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ...search.records import epochs_in_words, last_trainings, standings, sureness, why_refused
from .status import format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...search.records import TrialRecord

WIDTH = 80
"""Columns of the text, at most."""
MOST_RIVALS = 3
"""Finalists beside the winner that are told of."""
FEWEST = 6
"""Trials of the search below which nothing is said of its last third."""
LATE = 2 / 3
"""Part of the search's trials after which one counts as late."""


def phases(trials: Sequence[TrialRecord]) -> list[str]:
    """What search, finals and last training each cost and brought, as lines; none where there was only the search.

    The search reached the highest accuracy after any epoch, as in the leaderboard; later runs that after their last.
    Time is the workers', of all epochs together.

    Args:
        trials: all of the sweep.
    """
    trained = [trial for trial in trials if trial.accuracies]
    parts = {
        "search": [trial for trial in trained if not trial.repetition],
        "finals": [trial for trial in trained if trial.repetition and not trial.refit],
        "last training": [trial for trial in trained if trial.refit],
    }
    if not (parts["finals"] or parts["last training"]):
        return []
    lines = [f"{'':<14} {'runs':>6} {'epochs':>7} {'time':>9}  reached"]
    for name, of in parts.items():
        if of:
            seconds = sum(trial.seconds for trial in of)
            epochs, reached = sum(trial.epochs for trial in of), max(map(_reached, of))
            lines.append(f"{name:<14} {len(of):>6,} {epochs:>7,} {format_duration(seconds):>9}  {reached:.4f}")
    return ["", *lines, *_not_handed_over(trained)]


def wrapped(lines: Sequence[str]) -> list[str]:
    """Lines of WIDTH columns at most: what is longer goes on in the next line, further in.

    Args:
        lines: each whole.
    """
    return [
        part
        for line in lines
        for part in textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
        or [line]
    ]


def _reached(trial: TrialRecord) -> float:
    """Of a trial of the search its highest accuracy, as everywhere; of a later run that of the weights it ends with."""
    return trial.accuracies[trial.epochs] if trial.repetition else trial.accuracy or 0.0


def _not_handed_over(trained: Sequence[TrialRecord]) -> list[str]:
    known = {trial.number: trial for trial in trained}
    used = set(last_trainings(trained).values())
    lasts = [trial for trial in trained if trial.refit and trial.number not in used and trial.repeats in known]
    return [
        f"The last training, run {last.number}, is not handed over: {why_refused(last, known[last.repeats or 0])}."
        for last in lasts[-1:]
    ]


def how_sure(
    trials: Sequence[TrialRecord], winner: int, images: int, at_most: int = 0, *, finals: bool = False
) -> list[str]:
    """The winner's interval and the chances of other finalists, as lines.

    Args:
        trials: all of the sweep.
        winner: number of the trial that won.
        images: how many validation images a run has; 0 where that is not known.
        at_most: how many a finalist's runs may have together, more where they have splits of their own.
        finals: whether the sweep was to have finals.
    """
    found = standings(trials)
    if finals and winner not in found:
        return ["  how sure: not known, for it has one run alone: there was no time to train it from other seeds"]
    if winner not in found or not images:
        return []
    folds = at_most > images
    known = sureness(found, winner, images, at_most if folds else None)
    mean, reach, runs = known[winner].mean, known[winner].reach, len(found[winner].accuracies)
    by = f"splits, {images:,} validation images in each" if folds and runs > 1 else f"{images:,} validation images"
    lines = [f"  how sure: {mean:.4f}±{reach:.4f}, 95 %, by seeds and {by}"]
    rivals = sorted((each.chance, number) for number, each in known.items() if number != winner)[::-1]
    for chance, number in rivals[:MOST_RIVALS]:
        each = known[number]
        lines.append(f"  trial {number} ({each.mean:.4f}±{each.reach:.4f}) is better with a chance of {chance:.0%}")
    return lines


def more_time(trials: Sequence[TrialRecord], most: int, wanted: int = 0) -> list[str]:
    """Whether more time would have paid, as lines; none for a sweep without a last training that was long enough.

    Args:
        trials: all of the sweep.
        most: epochs up to which a longer last training brings something; 0 where the time does not decide.
        wanted: how many trials the search was to have.
    """
    searched = sorted((t for t in trials if t.accuracies and not (t.repetition or t.baseline)), key=lambda t: t.number)
    last = next((trial for trial in trials if trial.refit and trial.completed), None)
    if most and searched and len(searched) < min(FEWEST, wanted):
        return [f"  more time: would pay, for {len(searched)} designs are all that there was time for"]
    if last is None or len(searched) < FEWEST:
        return []
    early = searched[: round(LATE * len(searched))]
    best = max(searched, key=lambda trial: (trial.accuracy or 0.0, -trial.number))
    found = "found" if best not in early else "not found"
    lines = [f"  more time: the best of the search was {found} in its last third of trials"]
    if last.epochs < most:
        lines.append(f"  and the last training had {epochs_in_words(last.epochs)}, of up to {most} that would help")
    return lines
