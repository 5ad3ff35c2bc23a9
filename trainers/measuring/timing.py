"""Times a call: the median of repeats, and how far they spread."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

FEWEST, MOST, SECONDS = 3, 30, 1.0
"""Repeats at least and at most, and the seconds after which there are no more."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a call takes, in seconds."""

    median: float
    low: float
    """Nine in ten repeats took longer."""
    high: float
    """Nine in ten repeats took less."""
    repeats: int

    def to_json(self) -> dict[str, Any]:
        """All of it as values for JSON."""
        return asdict(self)


def time_calls(call: Callable[[], object]) -> Timing:
    """Times a call on the CPU after one that does not count. What else the machine does meanwhile slows it down, too.

    Args:
        call: called FEWEST to MOST times, for about SECONDS.
    """
    call()
    seconds: list[float] = []
    while len(seconds) < FEWEST or (len(seconds) < MOST and sum(seconds) < SECONDS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    low, median, high = np.quantile(seconds, (0.1, 0.5, 0.9)).tolist()
    return Timing(median, low, high, len(seconds))
