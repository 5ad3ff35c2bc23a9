"""When an experiment may end before all its pairs are there, so that looking early does not make chance a finding."""

from __future__ import annotations

ERROR = 0.05
"""How often a question with no difference at all may end with a verdict, over all its contrasts and looks."""
INTERIM = 0.001
"""The level at which a look before the last settles a contrast (Haybittle 1971; Peto et al. 1976)."""
FIRST, APART = 12, 4
"""Pairs at the first look, and between looks; with fewer than FIRST no permutation test comes to INTERIM for two
contrasts."""
MOST_LOOKS = 8
"""Looks before the last, at most."""


def interim_looks(pairs: int) -> tuple[int, ...]:
    """After how many pairs an experiment of so many is looked at before its end.

    >>> interim_looks(20), interim_looks(10)
    ((12, 16), ())
    """
    apart = max(APART, -(-(pairs - FIRST) // MOST_LOOKS))
    return tuple(range(FIRST, pairs, apart))


def level_after(pairs: int, planned: int) -> float:
    """The level that p is compared with after so many of the planned pairs.

    At looks before the last it is INTERIM. What these can err together is taken from ERROR at the end, so that all
    looks together err at most that often (Bonferroni). Where fewer pairs than planned could be had, the end is there.

    Args:
        pairs: how many are there.
        planned: how many there are to be.

    >>> [level_after(pairs, 20) for pairs in (12, 16, 20)]
    [0.001, 0.001, 0.048]
    """
    early = interim_looks(planned)
    return INTERIM if pairs in early else round(ERROR - INTERIM * len(early), 6)
