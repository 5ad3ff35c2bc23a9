"""When an experiment may end before all its pairs are there, so that looking early does not make chance a finding."""

from __future__ import annotations

from .significance import smallest_p

ERROR = 0.05
"""How often a question with no difference at all may end with a verdict, over all its contrasts and looks."""
INTERIM = 0.001
"""The level at which a look before the last settles a contrast (Haybittle 1971; Peto et al. 1976)."""
FIRST, APART = 12, 4
"""Pairs at the first look, and between looks."""
MOST_LOOKS = 8
"""Looks before the last, at most."""


def interim_looks(pairs: int, contrasts: int = 1) -> tuple[int, ...]:
    """After how many pairs an experiment of so many is looked at before its end.

    Looks at which Holm's correction leaves no p at or below INTERIM are none: they would cost and bring nothing.

    Args:
        pairs: how many there are to be.
        contrasts: how many are tested.

    >>> interim_looks(20), interim_looks(20, 3), interim_looks(10)
    ((12, 16), (16,), ())
    """
    apart = max(APART, -(-(pairs - FIRST) // MOST_LOOKS))
    return tuple(count for count in range(FIRST, pairs, apart) if contrasts * smallest_p(count) <= INTERIM)


def final_level(pairs: int, contrasts: int = 1) -> float:
    """The level that p is compared with once all pairs are there: what the looks before could err is taken from ERROR.

    Args:
        pairs: how many there are to be.
        contrasts: how many are tested.

    >>> final_level(20), final_level(10)
    (0.048, 0.05)
    """
    return round(ERROR - INTERIM * len(interim_looks(pairs, contrasts)), 6)


def level_after(pairs: int, planned: int, contrasts: int = 1) -> float | None:
    """The level that p is compared with after so many of the planned pairs; None where nothing is to be settled yet.

    All looks together err at most ERROR (Bonferroni). Between them there is no verdict: who looks again and again until
    chance is small finds it small.

    Args:
        pairs: how many are there.
        planned: how many there are to be.
        contrasts: how many are tested.

    >>> [level_after(pairs, 20) for pairs in (12, 13, 16, 20)]
    [0.001, None, 0.001, 0.048]
    """
    if pairs >= planned:
        return final_level(planned, contrasts)
    return INTERIM if pairs in interim_looks(planned, contrasts) else None
