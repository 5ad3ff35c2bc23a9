"""Whether a sweep has trained all that it was to, as its study tells: neither images nor torch are needed to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..proposals import is_exhausted
from .finals import Finals
from .length import Length

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..config import SearchConfig
    from ..records import TrialRecord


def nothing_left(search: SearchConfig, records: Collection[TrialRecord], images: int) -> bool:
    """Whether search, finals and last training of a sweep are all done, so that a resume has nothing to train.

    What a time budget has cut off is not done: a resume has time of its own.

    Args:
        search: the settings of the sweep file.
        records: all trials of the sweep.
        images: how many are trained on.
    """
    if not records or not all(record.ended for record in records):
        return False
    if sum(record.counted for record in records) < search.trials and not is_exhausted(records):
        return False
    length = Length(search, images, timed=search.seconds is not None)
    finals = Finals(search, length)
    length.final = 1 if length.timed else None  # finals that the time decided were held, and are judged anew
    for record in records:
        if not record.repetition:
            finals.ended(record)
    finals.take_up(records)
    return finals.next(records) is None
