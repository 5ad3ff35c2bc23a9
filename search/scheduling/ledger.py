"""The ledger writes every fact of a sweep, each once: to the study, which is the truth, then to the tracker."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from ...spaces import cost_table, format_layer_table
from ..config import logged_params
from ..records import epoch_metrics
from ..tracking import LONGEST_TAG, TrialStart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ...trainers import EpochResult
    from ..records import State, TrialRecord
    from ..study import Study
    from ..tracking import Tracker


class Ledger:
    """Writes what happens to trials to the study, and then reports it to the tracker.

    A kill between the study and the tracker leaves the tracker behind: `restore` reports again what may not have
    reached it, and it takes each thing once.

    Args:
        study: the truth; must be written, or nothing goes on.
        tracker: the copy for MLflow; nothing here waits for it or fails with it.
        recipe: the sweep's recipe space, as the sweep file has it, which says what of a recipe is worth showing.
    """

    def __init__(self, study: Study, tracker: Tracker, recipe: Mapping[str, object]) -> None:
        self.study, self.tracker, self._recipe = study, tracker, recipe

    def restore(self) -> Iterator[TrialRecord]:
        """Gives every trial of the study, those that did not end as paused, and reports them again to the tracker."""
        for record in self.study.restore():
            if record.trained and record.ended:
                self._tell_end(record)
            elif not record.ended:
                self._tell_events(record)
                self._tell_standing(record)
                if record.metrics:
                    self.tracker.epoch(record.number, record.epochs, record.metrics)
            yield record

    def begin(self, record: TrialRecord) -> None:
        """Reports to the tracker a trial that is to be trained; the study has had it since it was proposed."""
        self.tracker.trial_started(self._start(record))

    def go_on(self, record: TrialRecord) -> None:
        """Writes that a worker trains the trial from now on."""
        self.study.go_on(record)
        self.tracker.trial_resumed(record.number)

    def epoch(self, record: TrialRecord, result: EpochResult) -> None:
        """Writes the result of another epoch of the trial."""
        if changed := result.events != record.events:
            self.study.note(record, result.events)
        if result.latency is not None and isfinite(result.latency):  # else it is measured anew with the next job
            self.study.measured(record, result.latency)
        metrics = epoch_metrics(result)
        self.study.report(record, result.epoch, result.validation_accuracy, metrics)
        if changed:
            self._tell_events(record)
        self.tracker.epoch(record.number, result.epoch, metrics)

    def length(self, chosen: Mapping[str, float]) -> None:
        """Writes how many epochs trials of full length and finalists are trained for, as `Length.chosen` gives it."""
        self.study.keep_length(chosen)
        names = {
            "epochs": "convscape.epochs",
            "epoch_seconds": "convscape.epoch_seconds",
            "macs": "convscape.most_macs",
            "final": "convscape.final_epochs",
            "refit": "convscape.refit_epochs",
        }
        self.tracker.note({names[key]: f"{value:.4g}" for key, value in chosen.items()})

    def promote(self, record: TrialRecord) -> None:
        """Writes that the trial has earned to go on from the rung where it stands, before anybody acts on it."""
        self.study.keep_promotion(record)
        self._tell_standing(record)

    def pause(self, record: TrialRecord) -> None:
        """Writes that no worker trains the trial any more, and that it may go on later."""
        self.study.pause(record)

    def worker_lost(self, record: TrialRecord) -> None:
        """Writes that the trial's worker died."""
        self.study.attempt_failed(record)

    def end(self, record: TrialRecord, state: State, reason: str, *, known: TrialRecord | None = None) -> None:
        """Writes how a trial ended. The tracker hears only of trials that were trained.

        Args:
            record: the trial.
            state: how it ended.
            reason: why, in a sentence.
            known: the trial that a duplicate has the design of.
        """
        self.study.end(record, state, reason, known=known)
        if record.trained:  # MLflow has no run of what was not
            self._tell_end(record)

    def wait_for_resume(self, records: Iterable[TrialRecord]) -> None:
        """Reports to the tracker that trials which did not end wait until somebody resumes the sweep."""
        for record in records:
            if record.trained and not record.ended:
                self.tracker.trial_paused(record.number)

    def tag_sweep(self, tags: Mapping[str, str]) -> None:
        """Sets tags on the sweep's own run in MLflow; a file of the sweep's folder has what they say, too."""
        self.tracker.note(tags)

    def summary(self, metrics: Mapping[str, float], step: int) -> None:
        """Reports how far the sweep is to its own run in MLflow; the study has what this is made of.

        Args:
            metrics: numbers by name.
            step: epochs of all trials so far.
        """
        self.tracker.summary(metrics, step=step)

    def _tell_events(self, record: TrialRecord) -> None:
        if record.events:
            self.tracker.note({"convscape.events": "\n".join(record.events)}, record.number)

    def _tell_standing(self, record: TrialRecord) -> None:
        """Reports what a page of the sweep needs, and no metric of an epoch says."""
        told = {"convscape.promoted_from": str(record.promoted_from)} if record.promoted_from else {}
        told |= {} if record.latency is None else {"convscape.latency": f"{record.latency:.9g}"}
        if told:
            self.tracker.note(told, record.number)

    def _tell_end(self, record: TrialRecord) -> None:
        self._tell_standing(record)
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
        place = (
            {} if record.pairing is None else {f"convscape.{k}": str(v) for k, v in record.pairing.to_json().items()}
        )
        settings = self.study.settings(record)
        asked = {"convscape.settings": settings} if len("{}") < len(settings) <= LONGEST_TAG else {}  # never cut off
        return TrialStart(
            record.number,
            params={**network, "receptive_field": "x".join(map(str, field)), **recipe},
            tags={
                "convscape.digest": design.architecture.digest,
                "convscape.role": record.role,
                **again,
                **asked,
                **place,
            },
            artifacts={
                "architecture.json": design.architecture_text,
                "layers.txt": format_layer_table(design.architecture),
            },
        )
