"""Gives the designs to train that are new: those the sweep file names, then the sampler's; within budget, each once."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from ...spaces import ConvscapeError, SpaceError, SweepError
from ..config import AUTO
from .enqueued import initial_designs
from .textbook import leaning_design

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import optuna

    from ..config import SweepConfig
    from ..records import Design, Enqueued, State, TrialRecord
    from ..study import Study
    from .design_space import DesignSpace

_log = logging.getLogger(__name__)
MOST_MISSES = 200
"""Proposals in a row that are duplicates, over budget or failed before the space counts as exhausted."""


class EndTrial(Protocol):
    """Writes down how a trial ended that is not to be trained; `known` is the trial that a duplicate repeats."""

    def __call__(self, record: TrialRecord, state: State, reason: str, *, known: TrialRecord | None = None) -> None: ...


class Proposals:
    """Asks the study for designs to train, and ends the trials whose design is a duplicate or over budget.

    Args:
        config: the sweep file.
        designs: the designs the sweep may try.
        study: proposes and keeps each trial.
        records: all trials by number; each new one is added.
        end: called for each trial that is over budget, too slow or a duplicate.
        too_slow: why a design is too slow for the time there is, as a sentence; "" where it is not.

    Raises:
        SpaceError: no network of the space fits the images.
        ConfigError: a design that the sweep file names cannot be used.
    """

    def __init__(
        self,
        config: SweepConfig,
        designs: DesignSpace,
        study: Study,
        records: dict[int, TrialRecord],
        end: EndTrial,
        too_slow: Callable[[Design], str] = lambda _: "",
    ) -> None:
        self._most, self._designs, self._study, self._records = config.search.trials, designs, study, records
        self._leans, self._seed = (
            config.search.start == AUTO and config.search.sampler_name == "tpe",
            config.search.seed,
        )
        self._end, self._too_slow = end, too_slow
        designs.networks.check(designs.input)
        self._known: dict[str, TrialRecord] = {}
        self._misses = 0
        self._faults: dict[str, ConvscapeError] = {}
        self._any_trained = False
        self.trained = 0
        """Trials that were trained or are to be: all but duplicates, designs over budget, baselines and repetitions."""
        self._queue = study.queue(lambda: initial_designs(config, designs))

    @property
    def wanted(self) -> bool:
        """Whether more designs are to come: the sweep file asks for more, and the space seems to hold unseen ones."""
        exhausted = self._misses >= MOST_MISSES and self._any_trained
        return bool(self._queue) or (self.trained < self._most and not exhausted)

    def next(self) -> TrialRecord | None:
        """A trial with a design not seen before and within budget, those the sweep file names first.

        None when enough were given or the space seems to hold no more.

        Raises:
            SpaceError: none that was ever proposed is within budget.
            ConvscapeError: the space raised it, and no design was ever trained.
            SweepError: the study cannot be written, or the sampler fails again and again.
        """
        while self._queue or (self.trained < self._most and self._misses < MOST_MISSES):
            try:
                record = self._ask()
            except SweepError:  # the study is at fault
                raise
            except ConvscapeError as error:  # the space is: that trial fails, the sweep goes on
                self._at_fault(error)
                continue
            self._records[record.number] = record
            if self.admit(record):
                return record
        if not self._any_trained:
            raise next(iter(self._faults.values()), None) or SpaceError(
                f"budget: none of {MOST_MISSES} sampled networks is within it; the last: "
                f"{self._records[max(self._records)].reason}",
                "Allow more, or a space with smaller networks.",
                key="budget",
            )
        if self._misses >= MOST_MISSES:
            _log.warning(
                "%d proposals in a row brought no new design: the space seems to hold no more. Trained: %d of %d.",
                self._misses,
                self.trained,
                self._most,
            )
        return None

    def admit(self, record: TrialRecord) -> bool:
        """Whether a proposed design is to be trained; a trial over budget or with a known design is ended here.

        A repetition of a finalist is always trained.

        Args:
            record: the trial, as the study proposed it.
        """
        if record.repetition:
            return True
        known = self._known.setdefault(record.design.key, record)
        self._misses += record.sampled
        if over := self._over(record):
            self._end(record, "infeasible", over)
            return False
        if known is not record:
            self._end(record, "duplicate", f"same as trial {known.number}", known=known)
            return False
        self._count(record)
        return True

    def _over(self, record: TrialRecord) -> str:
        """Why a design is not trained, "" where it is. What somebody has named is never too slow."""
        over, named = self._designs.over_budget(record.design), not (record.sampled or record.textbook)
        return over or ("" if named else self._too_slow(record.design))

    def repeat(self, enqueued: Enqueued) -> TrialRecord:
        """A new trial that trains the design of another one once more, from another seed."""
        record = self._study.ask(lambda _: enqueued.design, enqueued)
        self._records[record.number] = record
        return record

    def take_up(self, record: TrialRecord) -> None:
        """Counts a trial of a resumed sweep: its design is known from now on, if it was trained."""
        if not record.trained:
            self._misses += record.sampled
            return
        self._known.setdefault(record.design.key, record)
        self._count(record)

    def _count(self, record: TrialRecord) -> None:
        self._misses = 0
        self._any_trained = True
        self.trained += record.counted

    def _ask(self) -> TrialRecord:
        if self._queue:
            enqueued = self._queue.pop(0)
        else:
            number = self._study.count
            enqueued = leaning_design(self._designs, self._seed, number, self.trained) if self._leans else None
        if enqueued is None:
            return self._study.ask(self._designs.sample)

        def named(trial: optuna.Trial) -> Design:
            if enqueued.params:
                with suppress(ConvscapeError):
                    self._designs.sample(trial)  # so that the sampler learns which of its settings lead there
            return enqueued.design

        return self._study.ask(named, enqueued)

    def _at_fault(self, error: ConvscapeError) -> None:
        self._misses += 1
        if error.message not in self._faults:
            _log.warning("A proposal failed: %s", error.message)
        self._faults[error.message] = error


def is_exhausted(records: Collection[TrialRecord]) -> bool:
    """Whether the sampler's last proposals were all known or over budget, so that the space seems to hold no more.

    Args:
        records: all trials of the sweep.
    """
    misses, trained = 0, False
    for record in sorted(records, key=lambda record: record.number):
        misses = 0 if record.trained else misses + record.sampled
        trained |= record.trained
    return trained and misses >= MOST_MISSES
