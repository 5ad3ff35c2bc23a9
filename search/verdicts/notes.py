"""What is to be known of an experiment before it trains: too few pairs for a verdict, and what was left out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .significance import fewest_pairs
from .stopping import level_after

if TYPE_CHECKING:
    from ..records import Experiment

MOST_REASONS = 3
"""Reasons why bases were left out that are told."""


def experiment_notes(experiment: Experiment) -> list[str]:
    """Lines that say with how many pairs nothing can be settled, and how many bases were left out and why.

    Args:
        experiment: what is trained.
    """
    pairs, several = len(experiment.bases), len(experiment.contrasts)
    fewest = fewest_pairs(level_after(pairs, pairs) / several)
    lines = []
    if pairs < fewest:
        compared = f"{several} contrasts take" if several > 1 else "it takes"
        lines.append(f"{pairs} pairs can settle nothing, whatever comes of them: {compared} {fewest} or more.")
    if experiment.left_out:
        reasons = Counter(each.partition(": ")[2] for each in experiment.left_out).most_common()
        shown = "; ".join(f"{count} since {reason}" for reason, count in reasons[:MOST_REASONS])
        more = f"; and {sum(count for _, count in reasons[MOST_REASONS:])} for other reasons" * (
            len(reasons) > MOST_REASONS
        )
        lines.append(f"Left out, of {pairs + len(experiment.left_out)} bases drawn: {shown}{more}.")
    return lines
