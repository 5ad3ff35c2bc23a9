"""Every error this project raises for a person to read.

ConvscapeError
├── ArchitectureError      a design that is not a network: unknown layer kind, wrong value, too large to describe
│   ├── GeometryError      a window that does not fit its input
│   └── NotationError      text that is not a network; points at the column
├── ConfigError            a sweep file that cannot be used; points at file and line
│   └── SpaceError         a space in which no network fits the image or the budget
├── DataError              images that are missing, unreadable or too few
├── CheckpointError        weights on disk that are absent or cut short
│   └── ForeignCheckpointError  whole, but of another design, recipe or data
├── SweepError             a sweep that is unknown, already there, held by another process or has no result
├── TrainingError          a trial that cannot go on; ends the trial, never the sweep
└── ExportError            a winner whose exported form does not agree with the trained network
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ConvscapeError(Exception):
    """What was wrong and where, and in `remedy` what to do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class ArchitectureError(ConvscapeError):
    """A design that is not a network."""


class GeometryError(ArchitectureError):
    """A window that does not fit its input."""


class NotationError(ArchitectureError):
    """Text that is not a network in Convscape's notation."""


class ConfigError(ConvscapeError):
    """A sweep file that cannot be used. `key` is the dotted path of the setting at fault, "" where there is none."""

    def __init__(self, message: str, remedy: str = "", *, key: str = "") -> None:
        super().__init__(message, remedy)
        self.key = key


class SpaceError(ConfigError):
    """A space in which no network fits the image or the budget."""


class DataError(ConvscapeError):
    """Images that are missing, unreadable or too few."""


class CheckpointError(ConvscapeError):
    """Weights on disk that are absent or cut short."""


class ForeignCheckpointError(CheckpointError):
    """Weights on disk that are whole, but of another design, recipe or data."""


class SweepError(ConvscapeError):
    """A sweep that is unknown, already there, held by another process or has no result."""


class TrainingError(ConvscapeError):
    """A trial that cannot go on."""


class ExportError(ConvscapeError):
    """A winner whose exported form does not agree with the trained network."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A remedy that names the closest known word, or all of them when none is close.

    >>> nearest("kernal", ["kernel", "stride"])
    "Did you mean 'kernel'?"
    """
    choices = [str(name) for name in known]
    close = get_close_matches(word, choices, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(choices)}."


def shown(value: object, most: int = 60) -> str:
    """`value` as Python writes it, for a message: cut where it is long, described where it has too many digits."""
    try:
        return repr(value)[:most]
    except (ValueError, RecursionError):  # Python writes no whole number of more than 4,300 digits
        return "a value too long to write"
