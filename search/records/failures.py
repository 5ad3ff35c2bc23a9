"""Why trials of a sweep failed: reasons that differ in numbers alone are one."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .trial import TrialRecord

MOST_NAMED = 8
"""Trials that are named with a reason."""
NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]\d+)?)")


@dataclass(frozen=True, slots=True)
class Failure:
    """Trials that failed for one reason."""

    reason: str
    """With "…" for numbers that differ from trial to trial."""
    trials: tuple[int, ...]
    reasons: tuple[str, ...]
    """Each trial's own, word for word."""

    def __str__(self) -> str:
        named = ", ".join(map(str, self.trials[:MOST_NAMED])) + (", …" if len(self.trials) > MOST_NAMED else "")
        return f"{len(self.trials):,}x (trial{'s' * (len(self.trials) > 1)} {named}): {self.reason}"


def failures(trials: Sequence[TrialRecord]) -> list[Failure]:
    """Why trials failed, the most frequent reason first."""
    alike: defaultdict[tuple[str, ...], list[TrialRecord]] = defaultdict(list)
    for trial in trials:
        if trial.failed:
            alike[tuple(NUMBER.split(trial.reason)[::2])].append(trial)
    return [
        Failure(_common(reasons := tuple(trial.reason for trial in group)), tuple(t.number for t in group), reasons)
        for group in sorted(alike.values(), key=len, reverse=True)
    ]


def _common(reasons: Sequence[str]) -> str:
    """Reasons of equal words as one."""
    return "".join(here[0] if len(set(here)) == 1 else "…" for here in zip(*map(NUMBER.split, reasons), strict=True))
