"""What looking into a network gives: pictures, each with what it shows, and what could not be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One picture of a network, with the words that belong under it."""

    file: str
    """Name of the PNG, without a folder."""
    title: str
    shows: str
    """What is to be seen, in a sentence or two."""
    alarming: str
    """What would be a bad sign, and what it would be a sign of."""
    found: str
    """What was counted here, with the numbers; "" where nothing was."""
    png: bytes
    """The picture itself."""


@dataclass(frozen=True, slots=True)
class Omission:
    """A picture that was not drawn."""

    title: str
    why: str
    """A sentence that says why, and what would help where something does."""


Drawn: TypeAlias = Drawing | Omission


def one_or_many(count: int, one: str, many: str = "") -> str:
    """A number with the noun that it counts.

    Args:
        count: how many there are.
        one: the noun of a single one.
        many: that of several; `one` with an s when not given.

    >>> one_or_many(1, "filter"), one_or_many(1200, "filter")
    ('1 filter', '1,200 filters')
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
