"""What a launch or resume does, one phase after the other, and how long each takes."""

from __future__ import annotations

import time
from dataclasses import dataclass

LOADING = "loading PyTorch"
READING = "reading images"
CHECKING = "checking images and space"
MEASURING = "measuring an epoch"
OPENING = "opening the study"
SEARCH, FINALS, LAST_TRAINING = "search", "finals", "last training"
TUNING, COMPARING = "tuning learning rates", "training pairs"
SENDING = "sending to MLflow"
WORTH_TELLING = 0.1
"""Seconds of a phase that is mentioned once it is over."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of a launch or resume."""

    name: str
    """What is done, as a person would say it: "reading images"."""
    seconds: float
    """How long it took, or takes so far."""


class Phases:
    """The phases of a launch or resume so far; `enter` begins the next."""

    def __init__(self) -> None:
        self._ended: list[Phase] = []
        self._name, self._begun = "", time.monotonic()

    @property
    def current(self) -> str:
        """The phase that goes on, "" before the first."""
        return self._name

    def enter(self, name: str) -> None:
        """Ends the phase that goes on and begins the one called `name`; does nothing where it goes on already."""
        if name != self._name:
            self._ended, self._name, self._begun = self.so_far, name, time.monotonic()

    @property
    def so_far(self) -> list[Phase]:
        """The phases in their order; the last goes on."""
        return [*self._ended, Phase(self._name, time.monotonic() - self._begun)] if self._name else []

    @property
    def seconds(self) -> float:
        """Seconds since the first phase began."""
        return sum(phase.seconds for phase in self.so_far)


def phases_line(phases: list[Phase] | tuple[Phase, ...]) -> str:
    """Phases with their seconds, as a line; those that took next to nothing are left out.

    >>> phases_line([Phase("reading images", 2.14), Phase("checking images", 0.01), Phase("search", 75.2)])
    'reading images 2.1 s, search 1:15'
    """
    return ", ".join(f"{each.name} {lasting(each.seconds)}" for each in phases if each.seconds >= WORTH_TELLING)


def lasting(seconds: float, *, exactly: bool = True) -> str:
    """How long something took: in seconds below a minute, `exactly` with their tenths, else as h:mm:ss or m:ss."""
    return f"{seconds:.{int(exactly)}f} s" if seconds < 59.5 else format_duration(seconds)


def format_duration(seconds: float) -> str:
    """A duration as h:mm:ss or m:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
