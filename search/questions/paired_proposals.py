"""Gives the trainings of an experiment: first those that learning rates are tuned by, then the pairs, base by base."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..records import Enqueued, Pairing
from ..verdicts import ends_early, tuned_rates
from .planning import at_rate, experiment_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config import SweepConfig
    from ..proposals import DesignSpace, EndTrial
    from ..records import Design, TrialRecord
    from ..study import Study


class PairedProposals:
    """The trainings of an experiment, as `proposals.Proposals` gives the designs of a search.

    What was begun is not begun again: what a kill or a time budget cut short goes on where it stood.

    Args:
        config: the sweep file, with a question.
        designs: its designs, for its images.
        study: keeps the experiment and each trial.
        records: all trials by number; each new one is added.
        end: called for each training that was begun, and is not needed any more.

    Raises:
        ConfigError: there is no such question, or the space cannot ask it.
        SpaceError: no bases can be built in every variant.
    """

    def __init__(
        self, config: SweepConfig, designs: DesignSpace, study: Study, records: dict[int, TrialRecord], end: EndTrial
    ) -> None:
        self._study, self._records, self._end = study, records, end
        self._early: tuple[int, bool] = (0, False)
        self.experiment = study.experiment(lambda: experiment_of(config, designs))
        self.trained = 0
        """Trainings that were begun."""

    @property
    def wanted(self) -> bool:
        """Whether some training can begin now; those that wait for learning rates cannot."""
        return next(self._to_come(), None) is not None

    def next(self) -> TrialRecord | None:
        """The next training, None where none can begin now.

        Raises:
            SweepError: the study cannot be written.
        """
        found = next(self._to_come(), None)
        if found is None:
            return None
        place, design = found
        enqueued = Enqueued(role="compared", design=design, pairing=place)
        record = self._study.ask(lambda _: design, enqueued)
        self._records[record.number] = record
        self.trained += 1
        return record

    def admit(self, record: TrialRecord) -> bool:
        """Whether a training that was killed before its first epoch is to begin; it is ended where all is settled.

        Args:
            record: the trial.
        """
        self.trained += record.counted
        if self._ends_early():
            self._end(record, "stopped", "not needed: all is settled")
            return False
        return True

    def take_up(self, record: TrialRecord) -> None:
        """Counts a trial of a resumed experiment."""
        self.trained += record.counted

    def repeat(self, enqueued: Enqueued) -> TrialRecord:
        """Has no trial to give: an experiment has no finalists, whom alone the engine repeats."""
        raise AssertionError(enqueued.role)

    def _to_come(self) -> Iterator[tuple[Pairing, Design]]:
        """Trainings that can begin now and were not begun, in their order."""
        experiment, records = self.experiment, list(self._records.values())
        begun = {
            (record.pairing, record.design.recipe.learning_rate)
            for record in records
            if record.pairing is not None and not record.stopped
        }
        for base in range(experiment.tuned if len(experiment.rates) > 1 else 0):
            for rate in experiment.rates:
                for variant in experiment.variants:
                    place = Pairing(base=base, variant=variant, seed=0)
                    if (place, rate) not in begun:
                        yield place, at_rate(experiment.bases[base][variant], rate)
        rates = tuned_rates(experiment, records)
        if rates is None or self._ends_early():
            return
        for base, designs in enumerate(experiment.bases):
            for seed in range(1, experiment.seeds + 1):
                for variant in experiment.variants:
                    place, rate = Pairing(base=base, variant=variant, seed=seed), rates[variant].rate
                    if (place, rate) not in begun:
                        yield place, at_rate(designs[variant], rate)

    def _ends_early(self) -> bool:
        """Whether all is settled; looked at anew where more trainings are over."""
        records = list(self._records.values())
        over = sum(record.ended for record in records)
        if over != self._early[0]:
            self._early = over, ends_early(self.experiment, records) is not None
        return self._early[1]
