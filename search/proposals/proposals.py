"""What is trained next that is new: designs the sweep file names, then the sampler's; within budget, and each once."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from ...spaces import ConvscapeError, SpaceError, SweepError, cost_table, format_layer_table
from ..config import logged_params
from ..records import Design
from ..tracking import TrialStart
from .enqueued import initial_designs

if TYPE_CHECKING:
    import optuna

    from ..config import SweepConfig
    from ..records import TrialRecord
    from ..study import Study
    from ..tracking import Tracker

_log = logging.getLogger(__name__)
MOST_MISSES = 200
"""Proposals in a row that are duplicates or over budget before the space counts as exhausted."""


class Proposals:
    """Designs asked of the study, and what became of those that are not trained.

    Args:
        config: the sweep file.
        records: all trials by number; what is asked for is added.
        input: (C, H, W) of the images; classes: how many there are.
    """

    def __init__(
        self,
        config: SweepConfig,
        study: Study,
        tracker: Tracker,
        records: dict[int, TrialRecord],
        *,
        input: tuple[int, int, int],
        classes: int,
    ) -> None:
        self._config, self._study, self._tracker, self._records = config, study, tracker, records
        self._input, self._classes = input, classes
        self._space, self._recipes = config.design_space(), config.recipe_space()
        self._space.check(input)
        self._known: dict[str, TrialRecord] = {}
        self._misses = 0
        self._faults: dict[str, ConvscapeError] = {}
        self._any_trained = False
        self.trained = 0
        """Trials that were trained or are to be: all but duplicates, designs over budget, baselines and repeats."""
        self._queue = study.queue(lambda: initial_designs(config, input, classes))

    @property
    def wanted(self) -> bool:
        """Whether more are to come: the sweep file asks for more, and the space seems to hold designs not seen yet."""
        exhausted = self._misses >= MOST_MISSES and self._any_trained
        return bool(self._queue) or (self.trained < self._config.search.trials and not exhausted)

    def next(self) -> TrialRecord | None:
        """A design not seen before and within budget; None when the space seems to hold no more. Enqueued ones first.

        Raises:
            SpaceError: none that was ever proposed is within budget, or all that the space did was raise errors.
            SweepError: the study cannot be written.
        """
        while self._queue or (self.trained < self._config.search.trials and self._misses < MOST_MISSES):
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
                self._config.search.trials,
            )
        return None

    def admit(self, record: TrialRecord) -> bool:
        """Whether the design is to be trained: within budget, and not known already or meant to be trained again."""
        if record.role == "repeat":
            self._tracker.trial_started(_start(record, self._config))
            return True
        over = self._config.budget.exceeded(record.design.architecture, record.design.recipe)
        known = self._known.setdefault(record.design.key, record)
        self._misses += record.role == "sampled"
        if over:
            self._study.end(record, "infeasible", over)
        elif known is not record:
            self._study.end(record, "duplicate", f"same as trial {known.number}", known=known)
        else:
            self._count(record)
            self._tracker.trial_started(_start(record, self._config))
            return True
        return False

    def take_up(self, record: TrialRecord) -> None:
        """Counts a trial from disk that was trained, or found not to be worth it."""
        if record.state in ("duplicate", "infeasible"):
            self._misses += record.role == "sampled"
            return
        self._known.setdefault(record.design.key, record)
        self._count(record)

    def _count(self, record: TrialRecord) -> None:
        self._misses = 0
        self._any_trained = True
        self.trained += not record.exempt

    def _ask(self) -> TrialRecord:
        if not self._queue:
            return self._study.ask(self._sample)
        enqueued = self._queue.pop(0)

        def named(trial: optuna.Trial) -> Design:
            if enqueued.params:
                with suppress(ConvscapeError):
                    self._sample(trial)  # so that the sampler learns which of its settings lead there
            return enqueued.design

        return self._study.ask(named, enqueued)

    def _sample(self, trial: optuna.Trial) -> Design:
        architecture, recipe = self._space.sample(trial, self._input, self._classes), self._recipes.sample(trial)
        return Design.of(self._config.budget.fitted(architecture, recipe), recipe)

    def _at_fault(self, error: ConvscapeError) -> None:
        self._misses += 1
        if error.message not in self._faults:
            _log.warning("A proposal failed: %s", error.message)
        self._faults[error.message] = error


def _start(record: TrialRecord, config: SweepConfig) -> TrialStart:
    """The trial as MLflow is to show it: few, well-named keys."""
    design = record.design
    field = cost_table(design.architecture).totals.receptive_field
    again = {} if record.repeats is None else {"convscape.repeats": str(record.repeats)}
    network = {"notation": design.notation, "parameters": design.parameters, "macs": design.macs}
    return TrialStart(
        record.number,
        params={**network, "receptive_field": "x".join(map(str, field)), **logged_params(config.recipe, design.recipe)},
        tags={"convscape.digest": design.architecture.digest, "convscape.role": record.role, **again},
        artifacts={
            "architecture.json": design.architecture_text,
            "layers.txt": format_layer_table(design.architecture),
        },
    )
