"""In which order checks run: what matters most first, of many alike a sample first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUPS = ("correctness", "memory", "sharing", "graphs", "compile", "rest")
SAMPLED = ("memory",)
"""Groups of whose cases a few run in the group's turn, and the others after all groups."""
SAMPLE = 6
"""Cases of one check that are a sample."""


def in_order(checks: Sequence[tuple[str, str]]) -> list[int]:
    """The order to run checks in, as their positions.

    Args:
        checks: group and function of each case, as collected.

    >>> in_order([("rest", "a"), ("memory", "b"), ("correctness", "c")])
    [2, 1, 0]
    """
    seen: Counter[str] = Counter()
    turns: list[tuple[bool, int]] = []
    for group, function in checks:
        seen[function] += 1
        late = group in SAMPLED and seen[function] > SAMPLE
        turns.append((late, GROUPS.index(group)))
    return sorted(range(len(checks)), key=lambda at: turns[at])
