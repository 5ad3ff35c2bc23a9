"""Where the facts of a sweep are written, each once: to the study, which is the truth, then to the tracker."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from ...spaces import cost_table, format_layer_table
from ..config import logged_params
from ..records import epoch_metrics
from ..tracking import TrialStart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ...trainers import EpochResult
    from ..records import State, TrialRecord
    from ..study import Study
    from ..tracking import Tracker


class Ledger:
    """Writes down what happens to trials.

    A kill between the study and the tracker leaves the tracker behind: `restore` tells it again what it may not have
    heard, and it takes each thing once.

    Args:
        study: the truth; must be written, or nothing goes on.
        tracker: its copy; nothing here waits for it or fails with it.
        recipe: the sweep's recipe space, as the sweep file has it, which says what of a recipe is worth showing.
    """

    def __init__(self, study: Study, tracker: Tracker, recipe: Mapping[str, object]) -> None:
        self.study, self.tracker, self._recipe = study, tracker, recipe

    def restore(self) -> Iterator[TrialRecord]:
        """Every trial that the study has, those that did not end as paused where they stand."""
        for record in self.study.restore():
            if record.trained and record.ended:
                self._tell_end(record)
            elif record.accuracies:
                self._tell_events(record)
                if record.metrics:
                    self.tracker.epoch(record.number, record.epochs, record.metrics)
            yield record

    def begin(self, record: TrialRecord) -> None:
        """The trial, which the study has since it was asked for, is to be trained."""
        self.tracker.trial_started(self._start(record))

    def go_on(self, record: TrialRecord) -> None:
        """A worker trains the trial."""
        self.study.go_on(record)

    def epoch(self, record: TrialRecord, result: EpochResult) -> None:
        """The trial has been trained for another epoch, to this result."""
        if changed := result.events != record.events:
            self.study.note(record, result.events)
        if result.latency is not None and isfinite(result.latency):  # else it is measured anew with the next job
            self.study.measured(record, result.latency)
        metrics = epoch_metrics(result)
        self.study.report(record, result.epoch, result.validation_accuracy, metrics)
        if changed:
            self._tell_events(record)
        self.tracker.epoch(record.number, result.epoch, metrics)

    def promote(self, record: TrialRecord) -> None:
        """The trial has earned to go on from the rung where it stands. Written before anybody acts on it."""
        self.study.keep_promotion(record)

    def pause(self, record: TrialRecord) -> None:
        """No worker trains the trial any more, and it may go on later."""
        self.study.pause(record)

    def worker_lost(self, record: TrialRecord) -> None:
        """The trial's worker died."""
        self.study.attempt_failed(record)

    def end(self, record: TrialRecord, state: State, reason: str, *, known: TrialRecord | None = None) -> None:
        """The trial ended.

        Args:
            record: the trial.
            state: how it ended.
            reason: why, in a sentence.
            known: the trial that a duplicate has the design of.
        """
        self.study.end(record, state, reason, known=known)
        if record.trained:  # MLflow has no run of what was not
            self._tell_end(record)

    def abandon(self, records: Iterable[TrialRecord]) -> None:
        """Tells the tracker that trials which did not end never will: their study is about to be deleted."""
        for record in records:
            if not record.ended:
                self.tracker.trial_ended(record.number, state="interrupted", reason="interrupted untrained", metrics={})

    def tag_sweep(self, tags: Mapping[str, str]) -> None:
        """Tags of the sweep itself, which a file of its folder has too."""
        self.tracker.note(tags)

    def summary(self, metrics: Mapping[str, float], step: int) -> None:
        """How the sweep stands after `step` epochs of all its trials; the study has what this is made of."""
        self.tracker.summary(metrics, step=step)

    def _tell_events(self, record: TrialRecord) -> None:
        if record.events:
            self.tracker.note({"convscape.events": "\n".join(record.events)}, record.number)

    def _tell_end(self, record: TrialRecord) -> None:
        best = {} if record.accuracy is None else {"best_accuracy": record.accuracy, "best_epoch": record.best_epoch}
        self.tracker.trial_ended(
            record.number, state=record.state, reason=record.reason, metrics={k: float(v) for k, v in best.items()}
        )

    def _start(self, record: TrialRecord) -> TrialStart:
        """The trial as MLflow is to show it: few, well-named keys."""
        design = record.design
        field = cost_table(design.architecture).totals.receptive_field
        again = {} if record.repeats is None else {"convscape.repeats": str(record.repeats)}
        network = {"notation": design.notation, "parameters": design.parameters, "macs": design.macs}
        recipe = logged_params(self._recipe, design.recipe)
        return TrialStart(
            record.number,
            params={**network, "receptive_field": "x".join(map(str, field)), **recipe},
            tags={"convscape.digest": design.architecture.digest, "convscape.role": record.role, **again},
            artifacts={
                "architecture.json": design.architecture_text,
                "layers.txt": format_layer_table(design.architecture),
            },
        )
