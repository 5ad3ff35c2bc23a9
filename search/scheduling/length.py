"""How long a trial of full length is trained: as the sweep file says, or as long as the time allows."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..config import SearchConfig

OPEN = 1_000_000
"""Epochs of a job while the length is not known: the learning rate does not go down yet."""
SHARE = 2.0
"""The length is so many times the root of the epochs that the time is enough for: with 100 of them, 5 trials of 20."""
LOOKED_AT = 3
"""Trials whose first epochs are measured before the length is chosen."""
FEWEST = 3
"""Epochs of the shortest length: below them nothing can be told apart."""
MOST_STEPS, MOST_EPOCHS = 5_000, 81
"""Steps, or epochs where these are more, after which training longer brings next to nothing (measured on Fashion-MNIST:
60 epochs of 78 steps reach what 120 do)."""
USUAL_STEPS = 1_500
"""Steps of a training where there is no time to go by."""
FIRST_STEPS = 100
"""Steps after which a first judgement means something: of the best tenth of 323 networks, all were in the best third
after 78 to 117 steps, and six tenths after 39."""
BATCH = 64
"""Images of the step that these numbers count."""


class Length:
    """The epochs of a trial of full length.

    With `search.epochs: auto` and a time budget they are chosen once LOOKED_AT trials have had their first epochs: the
    more epochs there is time for, the longer, and so that there is time for the more trials.

    Args:
        search: the settings of the sweep file.
        images: how many are trained on; 0 where that is not known.
        timed: whether there is a time budget.
        chosen: the length that was chosen before, in a sweep that is resumed; None where none was.
    """

    def __init__(self, search: SearchConfig, images: int, *, timed: bool, chosen: int | None = None) -> None:
        self._steps = max(1, images // BATCH)
        self._seconds: dict[int, float] = {}
        self.epochs = OPEN
        """Epochs of the full length; OPEN while that is not known."""
        if search.epochs != "auto":
            self.epochs = search.epochs
        elif chosen is not None:
            self.epochs = chosen
        elif not timed:
            self.epochs = min(max(9, round(USUAL_STEPS / self._steps)), MOST_EPOCHS)
        auto_rung = 1 if search.epochs != "auto" else math.ceil(FIRST_STEPS / self._steps)
        self.first_rung = auto_rung if search.first_rung == "auto" else search.first_rung
        """Epochs after which a trial is first judged."""

    @property
    def known(self) -> bool:
        """Whether the length is chosen."""
        return self.epochs != OPEN

    def took(self, number: int, seconds: float, left: float | None, at_once: int) -> bool:
        """Takes in how long an epoch of a trial took, while the length is not known; whether it is chosen now.

        Args:
            number: of the trial.
            seconds: that its latest epoch took.
            left: seconds until the time is up; None where there is no time budget.
            at_once: trials that run at a time.
        """
        if self.known or left is None:
            return False
        self._seconds[number] = seconds
        if len(self._seconds) < LOOKED_AT:
            return False
        self.epochs = self.suited(left * at_once / self.epoch_seconds)
        return True

    @property
    def epoch_seconds(self) -> float:
        """Seconds that an epoch took, the median of the trials that were measured."""
        return max(1e-6, median(self._seconds.values()))

    def suited(self, epochs: float) -> int:
        """The length that suits a time that is enough for so many `epochs`.

        >>> from ..config import SearchConfig
        >>> [Length(SearchConfig(), 5000, timed=True).suited(epochs) for epochs in (4, 40, 400, 4000)]
        [3, 13, 40, 81]
        """
        most = max(MOST_EPOCHS, math.ceil(MOST_STEPS / self._steps))
        return min(max(FEWEST, round(SHARE * math.sqrt(epochs))), most)
