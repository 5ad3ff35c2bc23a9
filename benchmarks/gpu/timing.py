"""Times what runs on a device, several ways by turns, for as many rounds as the time allows."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FEWEST, MOST = 3, 9
"""Rounds of several ways by turns, whatever the time."""


@dataclass(frozen=True)
class Measured:
    """What the rounds of one way came to, in whatever unit."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return statistics.median(self.values)

    @property
    def n(self) -> int:
        """How many rounds there were."""
        return len(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest round."""
        return min(self.values), max(self.values)


@dataclass(frozen=True)
class Turns:
    """What came of several ways by turns: the rounds of each that worked, the error of each that did not."""

    measured: dict[str, Measured]
    errors: dict[str, Exception]


def late(make: Callable[[], Callable[[], float]]) -> Callable[[], float]:
    """A way that is made when its first round begins, so that it alone is left out where it cannot be made.

    Args:
        make: gives what is called once a round.
    """
    made = cache(make)
    return lambda: made()()


def seconds_of(action: Callable[[], object], device: torch.device) -> float:
    """Seconds that `action` takes on the device: by CUDA events on a GPU, by the clock on the CPU.

    Args:
        action: may return before the device is done.
        device: where it computes.
    """
    if device.type != "cuda":
        start = time.perf_counter()
        action()
        return time.perf_counter() - start
    first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize(device)  # an event that waits for work of before would count it
    first.record()
    action()
    last.record()
    last.synchronize()
    return first.elapsed_time(last) / 1000


def repeated(action: Callable[[], object], device: torch.device, *, repeats: int = 9, warm_up: int = 3) -> Measured:
    """Seconds of `action`, each time apart.

    Args:
        action: may return before the device is done.
        device: where it computes.
        repeats: how often it is timed.
        warm_up: how often it is done before, untimed.
    """
    for _ in range(warm_up):
        action()
    return Measured(tuple(seconds_of(action, device) for _ in range(repeats)))


def by_turns(ways: Mapping[str, Callable[[], float]], seconds: float, *, fewest: int = FEWEST) -> Turns:
    """Rounds of all ways, one after the other, so that what changes meanwhile changes for all.

    The first round of each does not count. A way that raises is left out from then on; the others go on.

    Args:
        ways: what is called once a round, and gives its figure.
        seconds: after which no further round begins, from the first round's end on.
        fewest: rounds there are in any case.
    """
    left, errors = dict(ways), {}
    values: dict[str, list[float]] = {name: [] for name in ways}

    def once() -> None:
        for name, way in list(left.items()):
            try:
                values[name].append(way())
            except Exception as error:  # noqa: BLE001 - whatever a way runs into, the others are measured
                errors[name] = error.with_traceback(None)  # its frames would hold on to the device's memory
                del left[name]

    once()
    start, rounds = time.perf_counter(), 0
    while left and rounds < MOST and (rounds < fewest or time.perf_counter() - start < seconds):
        once()
        rounds += 1
    return Turns({name: Measured(tuple(values[name][1:])) for name in left}, errors)
