"""Every error this project raises for a person to read.

ConvscapeError
├── ArchitectureError      a design that is not a network: unknown layer kind, wrong value, too large to describe
│   ├── GeometryError      a window that does not fit its input
│   └── NotationError      text that is not a network; points at the column
├── ConfigError            a sweep file that cannot be used; points at file and line
│   └── SpaceError         a space with unusable settings, or in which no network fits the image or the budget
├── DataError              images that are missing, unreadable or too few
├── CheckpointError        weights on disk that are absent or cut short
│   └── ForeignCheckpointError  whole, but of another design, recipe or data
├── SweepError             a sweep that is unknown, already there, held by another process or has no result
├── TrainingError          a trial that cannot go on; ends the trial, never the sweep
│   ├── DivergenceError    its network will not learn any more: the loss exploded, or all scores are equal
│   └── MemoryFullError    its device has no memory left: with more of one it could go on
└── ExportError            a winner that cannot be exported, or whose exported form does not agree with the network
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

MOST_TOLD = 10
"""Mistakes of one sweep file that are told at once, at most."""


class ConvscapeError(Exception):
    """Base of every error this project raises for a person to read; printed, it is the message with the remedy below.

    Args:
        message: what was wrong and where.
        remedy: what to do about it; "" where nothing can be advised.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class ArchitectureError(ConvscapeError):
    """A design that is not a network: an unknown layer kind, a wrong value, layers that do not follow, too large."""


class GeometryError(ArchitectureError):
    """A convolution or pooling whose window does not fit its input, or does not tile it under the fit rule "strict"."""


class NotationError(ArchitectureError):
    """Text that is not a network in Convscape's notation. The message points at the column and says what was expected
    there.
    """


class ConfigError(ConvscapeError):
    """A sweep file that cannot be used.

    Args:
        message: what was wrong and where.
        remedy: what to do about it; "" where nothing can be advised.
        key: dotted key of the setting at fault, as in "space.kernel"; "" where there is none.
        several: the errors that this one tells of, where it tells of several.
        untold: how many more mistakes there are than it tells of.
    """

    def __init__(
        self,
        message: str,
        remedy: str = "",
        *,
        key: str = "",
        several: Sequence[ConfigError] = (),
        untold: int = 0,
    ) -> None:
        super().__init__(message, remedy)
        self.key = key
        self.untold = untold
        self._several = tuple(several)

    @property
    def each(self) -> tuple[ConfigError, ...]:
        """The errors that it tells of: itself, or several."""
        return self._several or (self,)


class SpaceError(ConfigError):
    """A search space whose settings cannot be used, or in which no network fits the image or the budget."""


class DataError(ConvscapeError):
    """Images, or weights to start from, that are missing, unreadable or too few; or an unusable `data` setting."""


class CheckpointError(ConvscapeError):
    """Weights on disk that are absent, cut short or damaged."""


class ForeignCheckpointError(CheckpointError):
    """Weights on disk that are whole, but of another design, recipe, seed, precision or data than those asked for."""


class SweepError(ConvscapeError):
    """A sweep that is unknown, already there, held by another process or has no result."""


class TrainingError(ConvscapeError):
    """A trial that cannot go on: it diverged, ran out of memory, or got data or weights that do not fit its network.
    It ends the trial, never the sweep.
    """


class DivergenceError(TrainingError):
    """A network that will not learn any more: its loss is no number or exploded, or all images get equal scores."""


class MemoryFullError(TrainingError):
    """A training that takes more memory than its device, or its share of one, has: in a larger share it could go on."""


class ExportError(ConvscapeError):
    """A winner that cannot be exported: the exported form disagrees with the trained network, the checkpoint is of
    another design or data, or the folder cannot be used.
    """


class Mistakes:
    """Collects what is wrong with settings that are checked one by one, so that all of it is told at once.

    It is a context manager that may be entered again and again: a ConfigError that ends its body is kept.

    >>> mistakes = Mistakes()
    >>> for key in ("kernal", "strid"):
    ...     with mistakes:
    ...         raise ConfigError(f"{key}: unknown key")
    >>> mistakes.refuse()
    Traceback (most recent call last):
        ...
    convscape.spaces.errors.ConfigError: 2 mistakes:
    kernal: unknown key
    strid: unknown key
    """

    def __init__(self) -> None:
        self.found: list[ConfigError] = []
        self.untold = 0
        """How many more there are: they are counted, not looked at."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, ConfigError):
            return False
        known = {each.message for each in self.found}
        self.found += [each for each in error.each if each.message not in known]
        self.untold += error.untold
        return True

    def refuse(self) -> None:
        """Raises the error that tells of what was found, where anything was."""
        if self.found:
            raise together(self.found, self.untold)


def together(errors: Sequence[ConfigError], untold: int = 0) -> ConfigError:
    """One error that tells of several, of up to MOST_TOLD; of one it is that error.

    Args:
        errors: one or more.
        untold: how many more there are.
    """
    if len(errors) == 1:
        return errors[0]
    told, count = errors[:MOST_TOLD], len(errors) + untold
    kind = SpaceError if all(isinstance(error, SpaceError) for error in told) else ConfigError
    least = "at least " if untold else ""  # what was not looked at may hide more
    header = f"{count} mistakes:" if count == len(told) else f"The first {len(told)} of {least}{count:,} mistakes:"
    return kind("\n".join([header, *map(str, told)]), key=told[0].key, several=told, untold=count - len(told))


def nearest(word: str, known: Iterable[str]) -> str:
    """A remedy that names the known word closest to `word`, or all known words when none is close.

    >>> nearest("kernal", ["kernel", "stride"])
    "Did you mean 'kernel'?"
    """
    choices = [str(name) for name in known]
    close = get_close_matches(word, choices, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(choices)}."


def shown(value: object, most: int = 60) -> str:
    """`value` as Python writes it, for an error message.

    Args:
        value: anything, also what a user wrote by mistake.
        most: characters after which the text is cut.

    Returns:
        The text; a description where the value has too many digits, or is nested too deeply, to be written.
    """
    try:
        return repr(value)[:most]
    except (ValueError, RecursionError):  # Python writes no whole number of more than 4,300 digits
        return "a value too long to write"
