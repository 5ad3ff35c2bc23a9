"""How the values of a setting are put along an axis: numbers in a range, choices one beside the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .style import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

FEW = 6
"""Distinct numbers up to which a setting is a choice between them."""
WIDE = 8.0
"""Ratio of the highest to the lowest value from which on an axis is logarithmic."""
NOT_ASKED = "not asked"
"""What stands where a design has no such setting."""
LONGEST = 18
"""Characters of a choice that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The axis of one setting."""

    name: str
    choices: tuple[Any, ...] | None
    """Values in their order where there are few; None for a range of numbers."""
    low: float
    high: float
    log: bool
    gap: bool = False
    """Whether some trials were not asked for it, which have a place of their own."""

    def place(self, value: Any) -> float | None:
        """Where a value stands, from 0 to 1; None where it was not asked for."""
        if missing(value):
            return None
        if self.choices is not None:
            return self.choices.index(value) / max(1, len(self.choices) - 1)
        low, high, at = (math.log(each) if self.log else each for each in (self.low, self.high, float(value)))
        return (at - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """Places from 0 to 1, and what stands there."""
        if self.choices is not None:
            return [(self.place(value) or 0.0, word(value)) for value in self.choices]
        middle = (self.low * self.high) ** 0.5 if self.log else (self.low + self.high) / 2
        return [(self.place(value) or 0.0, word(value)) for value in (self.low, middle, self.high)]

    def to_json(self) -> dict[str, Any]:
        """What the page needs to tell which values a part of the axis stands for."""
        choices = None if self.choices is None else [plain(value) for value in self.choices]
        return {"column": self.name, "choices": choices, "low": self.low, "high": self.high} | {
            "log": self.log,
            "gap": self.gap,
        }


def scale_of(trials: pd.DataFrame, name: str) -> Scale | None:
    """The axis of a setting; None where all trials have one value, or none was asked for it.

    Args:
        trials: a frame of trials.
        name: the setting's column, or another one of numbers.
    """
    values = [plain(value) for value in trials[name] if not missing(value)]
    gap = len(values) < len(trials)
    distinct = set(map(_comparable, values))
    if len(distinct) < 2 and not (distinct and len(values) < len(trials)):
        return None
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if not numeric or len(distinct) <= FEW:
        choices = tuple(sorted({_comparable(value): value for value in values}.values(), key=_order))
        return Scale(name=name, choices=choices, low=0.0, high=1.0, log=False, gap=gap)
    low, high = float(min(values)), float(max(values))
    return Scale(name=name, choices=None, low=low, high=high, log=low > 0 and high / low >= WIDE, gap=gap)


def in_order(settings: Sequence[str], known: Sequence[str]) -> list[str]:
    """The settings that a frame of trials has, in the order wanted; as they are where none is wanted.

    Args:
        settings: names as they are wanted, or as an importance has them, with the options that a setting had behind.
        known: names of the frame's settings.
    """
    names = dict.fromkeys(name.partition(" in ")[0] for name in ([settings] if isinstance(settings, str) else settings))
    return [name for name in names if name in known] or list(known)


def missing(value: Any) -> bool:
    """Whether a cell of a frame says that nothing was asked."""
    return value is None or value != value


def plain(value: Any) -> Any:
    """A value of a frame as Python's own; a whole number as an int, which pandas makes a float beside gaps."""
    value = value.item() if hasattr(value, "item") else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def word(value: Any) -> str:
    """A value as it stands beside an axis."""
    value = plain(value)
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return shown(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")


def _comparable(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else str(value)


def _order(value: Any) -> tuple[int, float, str]:
    number = isinstance(value, int | float)
    return (0, float(value), "") if number else (1, 0.0, str(value))
