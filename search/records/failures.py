"""Why trials of a sweep failed, grouped: reasons that differ in numbers alone are one."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .trial import TrialRecord

MOST_NAMED = 8
"""Most numbers of trials that are written out beside a reason."""
NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]\d+)?)")
"""A number in a reason: whole or decimal, with or without an exponent."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Trials that failed for one reason; as a string, their count, their numbers and the reason."""

    reason: str
    """Why the trials failed, with "…" for numbers that differ from trial to trial."""
    trials: tuple[int, ...]
    """The numbers of the trials."""
    reasons: tuple[str, ...]
    """The reason of each trial, word for word, in the order of `trials`."""

    def __str__(self) -> str:
        named = ", ".join(map(str, self.trials[:MOST_NAMED])) + (", …" if len(self.trials) > MOST_NAMED else "")
        return f"{len(self.trials):,}x (trial{'s' * (len(self.trials) > 1)} {named}): {self.reason}"


def failures(trials: Sequence[TrialRecord]) -> list[Failure]:
    """Failed trials grouped by reason, the most frequent reason first; reasons that differ in numbers alone are one."""
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
