"""How long a trial of full length is trained: as the sweep file says, or as long as the time allows."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..config import SearchConfig
    from ..records import Design, State, TrialRecord

OPEN = 1_000_000
"""Epochs of a job while the length is not known: the learning rate does not go down yet."""
OF_THE_ROOT = 1.25
"""The length is so many times the root of the epochs that the time is enough for: with 100 of them, 8 trials of 12."""
LOOKED_AT = 3
"""Trials whose first epochs are measured, at most, before the length is chosen."""
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
LAST = 0.48
"""Part of the time that is kept for the winner's last training."""
LONGER = 2.0
"""So many times the full length that training is to be, at least; a design for which there is no time is too slow."""
REFIT_PLANNED = 0.92
"""Part of the time left after the measured epoch of the winner's last training that the others are planned to take."""
USABLE = 0.1
"""Part of the learning rate at which the averaged weights of the last training are nearly what they will be."""
BATCH = 64
"""Images of the step that these numbers count."""


class Length:
    """The epochs of a trial of full length.

    With `search.epochs: auto` and a time budget they are chosen once LOOKED_AT trials, or as many as run at a time,
    have had their first epochs: the more epochs there is time for, the longer, and so that there is time for the more
    trials.

    Args:
        search: the settings of the sweep file.
        images: how many are trained on; 0 where that is not known.
        timed: whether there is a time budget.
        compiled: whether torch.compile works in the first epoch of a training, which then says nothing.
        chosen: what `chosen` was before, in a sweep that is resumed.
    """

    def __init__(
        self,
        search: SearchConfig,
        images: int,
        *,
        timed: bool,
        compiled: bool = False,
        chosen: Mapping[str, float] | None = None,
    ) -> None:
        self._steps, self._compiled, chosen = max(1, images // BATCH), compiled, chosen or {}
        self.timed = timed and search.epochs == "auto"
        """Whether the time there is decides."""
        self._seconds: dict[int, float] = {}
        self._per_mac: dict[int, float] = {}
        self._time, self._refits = search.seconds or 0.0, search.refit and search.finalists > 0
        self.macs = int(chosen.get("macs", 0))
        """Most multiply-accumulates of an image for which there is time; 0 for no limit."""
        self.epochs = OPEN
        """Epochs of the full length; OPEN while that is not known."""
        if search.epochs != "auto":
            self.epochs = search.epochs
        elif "epochs" in chosen:
            self.epochs = int(chosen["epochs"])
        elif not timed:
            self.epochs = min(max(9, round(USUAL_STEPS / self._steps)), MOST_EPOCHS)
        auto_rung = 1 if search.epochs != "auto" else math.ceil(FIRST_STEPS / self._steps)
        self.first_rung = auto_rung if search.first_rung == "auto" else search.first_rung
        """Epochs after which a trial is first judged."""
        self.final: int | None = int(chosen["final"]) if "final" in chosen else None
        """Epochs of the finalists' runs after the search; None where they are not chosen, or the full length."""
        refit = chosen.get("refit")
        self.refit = None if refit is None else int(refit)
        """Epochs of the winner's last training; None where they are not chosen, or the full length."""

    def of(self, record: TrialRecord) -> int:
        """Epochs of a trial that goes on to its end."""
        if record.refit and self.timed:
            return self.refit or OPEN
        return self.final if record.repetition and self.final is not None else self.epochs

    def if_cut_short(self, record: TrialRecord) -> State:
        """How a trial ends that the time cuts short: the winner's last training is of use where it is nearly done."""
        from ...trainers import learning_rate  # torch comes with it

        recipe = record.design.recipe
        rate = learning_rate(recipe, record.epochs, self.of(record), 1)
        return "completed" if record.refit and rate <= USABLE * recipe.learning_rate else "stopped"

    @property
    def chosen(self) -> dict[str, float]:
        """What was chosen, and how long an epoch took by then, as the study keeps it."""
        seconds = {"epoch_seconds": self.epoch_seconds} if self._seconds else {}
        epochs = {"epochs": self.epochs} if self.known else {}
        more = {"macs": self.macs, "final": self.final, "refit": self.refit}
        return {**epochs, **seconds, **{name: value for name, value in more.items() if value}}

    def steps(self, epochs: int) -> int:
        """Steps of BATCH images that so many epochs of the training images take."""
        return epochs * self._steps

    @property
    def most(self) -> int:
        """Epochs after which training longer brings next to nothing."""
        return max(MOST_EPOCHS, math.ceil(MOST_STEPS / self._steps))

    @property
    def most_refit(self) -> int:
        """Epochs after which a longer last training, with mixed images, brings next to nothing."""
        return 2 * self.most

    @property
    def known(self) -> bool:
        """Whether the length is chosen."""
        return self.epochs != OPEN

    def took(self, record: TrialRecord, seconds: float, left: float | None, at_once: int) -> bool:
        """Takes in how long an epoch of a trial took, while its length is not known; whether that is chosen now.

        Args:
            record: the trial.
            seconds: that its latest epoch took.
            left: seconds until the time is up; None where there is no time budget.
            at_once: trials that run at a time.
        """
        if left is None or (self.known and not record.refit) or (self._compiled and record.epochs == 1):
            return False
        if record.refit:
            if not self.timed or self.refit is not None:
                return False
            from ...trainers import same_so_far  # torch comes with it

            more = max(1, int(REFIT_PLANNED * left / max(seconds, 1e-6)))
            goes_on = same_so_far(record.design.recipe, record.epochs, OPEN, record.epochs + more)
            self.refit = min(self.most_refit, more + (record.epochs if goes_on else 0))  # else it begins anew
            return True
        self._seconds[record.number] = seconds
        self._per_mac[record.number] = seconds / max(1, record.design.macs)
        if len(self._seconds) < min(LOOKED_AT, at_once):  # those that run at a time go on until it is chosen
            return False
        self.epochs = self.suited(left * at_once / self.epoch_seconds)
        if not self._refits:
            return True
        self.macs = int(LAST * self._time / (LONGER * self.epochs) / max(min(self._per_mac.values()), 1e-15))
        return True

    def too_slow(self, design: Design) -> str:
        """Why there is no time for a last training of the design, "" where there is or that is not known yet."""
        if not self.macs or design.macs <= self.macs:
            return ""
        return f"too slow for the time: {design.macs:,} MACs, at most {self.macs:,}"

    @property
    def epoch_seconds(self) -> float:
        """Seconds that an epoch took, the median of the trials that were measured."""
        return max(1e-6, median(self._seconds.values()))

    def suited(self, epochs: float) -> int:
        """The length that suits a time that is enough for so many `epochs`.

        >>> from ..config import SearchConfig
        >>> [Length(SearchConfig(), 5000, timed=True).suited(epochs) for epochs in (4, 40, 400, 4000)]
        [3, 8, 25, 79]
        """
        return min(max(FEWEST, round(OF_THE_ROOT * math.sqrt(epochs))), self.most)
