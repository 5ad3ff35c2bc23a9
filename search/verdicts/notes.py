"""What is to be known of an experiment before it trains: too few pairs for a verdict, and what was left out."""

from __future__ import annotations

import re
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
        reasons: dict[str, list[str]] = {}
        for each in experiment.left_out:
            reason = each.partition(": ")[2]
            reasons.setdefault(re.sub(r"[\d,]+", "", reason), []).append(reason)  # alike but for their numbers
        alike = sorted(reasons.values(), key=len, reverse=True)
        shown = "; ".join(f"{len(of)} since {of[0]}" for of in alike[:MOST_REASONS])
        more = f"; {sum(map(len, alike[MOST_REASONS:]))} for other reasons" if len(alike) > MOST_REASONS else ""
        lines.append(f"Left out, of {pairs + len(experiment.left_out)} bases drawn: {shown}{more}.")
    return lines
