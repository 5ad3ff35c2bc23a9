"""The study: Optuna by ask and tell, its journal in the sweep's folder. The one truth of a sweep."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import distribution_to_json
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from ...spaces import SweepError
from ..files import command_about
from ..records import Enqueued, Experiment, State, TrialRecord, directions, is_initial, is_sampled, reported_values
from .guarded_sampler import GuardedSampler
from .journal_storage import CUT_SHORT, StudyFile, StudyStorage, cut_short
from .reading import ERRORS, EXPERIMENT, TIME, has_design, record_of, role_of, study_file
from .samplers import Samplers
from .settings_text import settings_text
from .with_optuna import foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from optuna.distributions import BaseDistribution

    from ..records import Design, Objective

NAME = "sweep"
"""Name of the Optuna study in the file."""
QUEUE = "queue"
"""User attribute of the Optuna study that keeps the designs named in the sweep file."""
LENGTH = "length"
"""User attribute of the Optuna study that keeps how many epochs the full length is, where that was chosen."""
MOST_FAULTS = 10
"""Proposals in a row that the sampler may fail before the sweep gives up."""

_log = logging.getLogger(__name__)


class Study:
    """The trials of a sweep: proposed by Optuna's ask and tell, and kept on disk at each step.

    Args:
        folder: the sweep's folder; the journal is `study.jsonl` in it.
        sampler: what `SweepConfig.samplers` gives, or as `search.sampler` of a sweep file.
        seed: with a trial's number it decides that trial's proposal, so that a resumed sweep proposes as an unbroken
            one; `Samplers` have theirs.
        objectives: what is optimised, accuracy first.

    Raises:
        ConfigError: the sampler cannot be used.
        SweepError: the journal is damaged or cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        sampler: Samplers | str | Mapping[str, Any],
        seed: int = 0,
        objectives: Sequence[Objective] = ("accuracy",),
    ) -> None:
        quiet_optuna()
        self._folder = folder
        self._samplers = sampler if isinstance(sampler, Samplers) else Samplers(sampler, seed)
        self._objectives = objectives
        path = study_file(folder)
        self._file = StudyFile(path)
        try:
            self._storage = StudyStorage(self._file)
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=NAME,
                directions=directions(objectives),
                load_if_exists=True,
                sampler=RandomSampler(),  # taking up or ending a trial calls it: nothing is to be sampled then
            )
        except ERRORS as error:
            raise foreign(path, error) from None
        self._faults, self._warned = 0, False
        self._settings: dict[str, BaseDistribution] = {}
        self._asked: dict[int, optuna.Trial] = {}
        self._duplicates: dict[int, list[tuple[TrialRecord, optuna.Trial]]] = {}
        """Duplicates that get what a trial reached once it has ended, by the number of that trial."""
        self._count = len(self._frozen())
        self._without_settings = sum(
            has_design(frozen) and not is_sampled(role_of(frozen)) and not frozen.params for frozen in self._frozen()
        )

    def queue(self, designs: Callable[[], list[Enqueued]]) -> list[Enqueued]:
        """The designs named in the sweep file for which there is no trial yet.

        They are kept when the study is first opened: what they come from may be gone when it is opened again.

        Args:
            designs: gives all designs that the sweep file names; called only where none are kept.
        """
        kept = self._study.user_attrs.get(QUEUE)
        if kept is None:
            kept = [enqueued.to_json() for enqueued in designs()]
            if kept:
                self._study.set_user_attr(QUEUE, kept)
        asked = sum(has_design(frozen) and is_initial(role_of(frozen)) for frozen in self._frozen())
        return [Enqueued.from_json(values) for values in kept[asked:]]

    def experiment(self, planned: Callable[[], Experiment]) -> Experiment:
        """What is trained to settle a design question, as it was decided when the study was first opened.

        Args:
            planned: decides it; called only where nothing is kept.
        """
        kept = self._study.user_attrs.get(EXPERIMENT)
        if kept is None:
            kept = planned().to_json()
            self._study.set_user_attr(EXPERIMENT, kept)
        return Experiment.from_json(kept)

    @property
    def length(self) -> Mapping[str, float]:
        """What `keep_length` kept last, {} where nothing was."""
        return self._study.user_attrs.get(LENGTH, {})

    def keep_length(self, chosen: Mapping[str, float]) -> None:
        """Keeps how many epochs trials of full length and finalists are trained for, and what that was chosen by."""
        self._study.set_user_attr(LENGTH, dict(chosen))

    def flushed_lines(self) -> int:
        """How many lines the study's file is sure to have from now on, also after a crash of the machine."""
        return self._file.flushed_lines()

    @property
    def count(self) -> int:
        """Proposals so far, of whatever origin: the number of the next trial."""
        return self._count

    def ask(self, sample: Callable[[optuna.Trial], Design], enqueued: Enqueued | None = None) -> TrialRecord:
        """A new trial, its design proposed by the sampler and kept.

        An enqueued design's role is written with the trial itself, and its settings become the sampler's proposal. A
        proposal that the sampler fails is ended and made again.

        Args:
            sample: makes the design of an Optuna trial's answers.
            enqueued: a design that is named or repeated, in place of the sampler's.

        Raises:
            SweepError: the study cannot be written, or the sampler failed MOST_FAULTS times in a row.
            Exception: whatever `sample` raised by no fault of the sampler; the trial has failed then.
        """
        sampler = self._seeded(self._count) if enqueued is None else RandomSampler()  # which nothing is asked of
        guarded = self._study.sampler = GuardedSampler(sampler)
        if enqueued:
            more = {} if enqueued.repeats is None else {"repeats": enqueued.repeats}
            more |= {"textbook": True} if enqueued.textbook else {}
            more |= {"fold": enqueued.fold} if enqueued.fold else {}
            more |= {"pairing": enqueued.pairing.to_json()} if enqueued.pairing else {}
            self._study.enqueue_trial(enqueued.params, user_attrs={"role": enqueued.role, **more})
        with self._storage.shown_as(self._samplers.as_sampler_sees):
            trial = self._study.ask()
            self._count = trial.number + 1
            design = self._proposed(trial, sample, guarded)
        if design is None:
            return self.ask(sample, enqueued)
        if enqueued is None:
            self._watch(trial)
        trial.set_user_attr("design", design.to_json())
        self._asked[trial.number] = trial
        self._without_settings += enqueued is not None and not trial.params
        if enqueued is None:
            return TrialRecord(number=trial.number, design=design)
        return TrialRecord(
            number=trial.number,
            design=design,
            role=enqueued.role,
            repeats=enqueued.repeats,
            fold=enqueued.fold,
            textbook=enqueued.textbook,
            pairing=enqueued.pairing,
        )

    def restore(self) -> list[TrialRecord]:
        """Every trial on disk; those that did not end are "paused" at the last epoch that was reported."""
        known: dict[str, TrialRecord] = {}
        return [self._restored(frozen, known) for frozen in self._frozen() if has_design(frozen)]

    def report(
        self, record: TrialRecord, epoch: int, accuracy: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Keeps the accuracy of a trial after another epoch, and all metrics of that epoch for the tracker.

        The metrics are written first: where there is an accuracy, MLflow can be sent all of its epoch.

        Args:
            record: the trial.
            epoch: epochs trained, from 1.
            accuracy: validation accuracy, 0 to 1.
            metrics: metrics of the epoch by name, as `records.epoch_metrics` gives them.
        """
        trial = self._asked[record.number]
        if metrics:
            trial.set_user_attr("metrics", {"epoch": epoch, TIME: round(time.time(), 3), **metrics})
        record.accuracies[epoch], record.metrics = accuracy, dict(metrics or {})
        self._keep(trial, epoch, accuracy)

    def settings(self, record: TrialRecord) -> str:
        """What a trial that has not ended was sampled with, as `settings_text` writes it: "{}" where it was named."""
        trial = self._asked[record.number]
        texts = {name: distribution_to_json(each) for name, each in trial.distributions.items()}
        return settings_text(trial.params, texts)

    def measured(self, record: TrialRecord, latency: float) -> None:
        """Keeps how long classifying one image takes: `latency`, in seconds."""
        record.latency = latency
        self._asked[record.number].set_user_attr("latency", latency)

    def note(self, record: TrialRecord, events: tuple[str, ...]) -> None:
        """Keeps all events of the trial so far, such as a batch that had to be halved."""
        record.events = events
        self._asked[record.number].set_user_attr("events", list(events))

    def keep_promotion(self, record: TrialRecord) -> None:
        """Keeps that the trial has earned to go on from the rung where it stands, before anybody acts on it."""
        record.promoted_from = record.epochs
        self._asked[record.number].set_user_attr("passed", record.promoted_from)

    def pause(self, record: TrialRecord) -> None:
        """Has the sampler see a trial as one that waits, with what it reached and at which epoch."""
        record.state = "paused"
        self._storage.pause(record.number, self._reached(record))

    def go_on(self, record: TrialRecord) -> None:
        """Has the sampler see a trial as one that a worker trains."""
        record.state = "running"
        self._storage.go_on(record.number)

    def attempt_failed(self, record: TrialRecord) -> None:
        """Counts a lost worker against the trial."""
        record.attempts += 1
        self._asked[record.number].set_user_attr("attempts", record.attempts)

    def end(self, record: TrialRecord, state: State, reason: str, *, known: TrialRecord | None = None) -> None:
        """Keeps how a trial ended, and tells Optuna.

        A duplicate gets what the `known` trial reached, or that it failed; until that has ended the sampler sees the
        duplicate where the `known` trial stands.

        Args:
            record: the trial.
            state: how it ended.
            reason: why, in a sentence.
            known: the trial that a duplicate has the design of.
        """
        self._storage.go_on(record.number)
        record.state, record.reason = state, reason
        trial = self._asked.pop(record.number)
        if record.diverged:
            trial.set_user_attr("diverged", True)
        trial.set_user_attr("reason", reason)
        trial.set_user_attr("state", state)  # after the reason: a trial killed between them ends once more
        if record.duplicate and known is not None and not known.ended:
            self._storage.mirror(record.number, known.number)
            self._duplicates.setdefault(known.number, []).append((record, trial))
            return
        self._tell(record, trial, known)
        for duplicate, its in self._duplicates.pop(record.number, []):
            self._storage.go_on(duplicate.number)
            self._tell(duplicate, its, record)

    def _tell(self, record: TrialRecord, trial: optuna.Trial, known: TrialRecord | None) -> None:
        fate = record
        if record.duplicate and known is not None:
            fate = known
            for epoch, accuracy in known.accuracies.items():
                if epoch not in record.accuracies:
                    self._keep(trial, epoch, accuracy)
            record.accuracies, record.latency = dict(known.accuracies), known.latency
        violates = fate.failed or fate.infeasible
        if violates and not trial.constraints:
            trial.set_constraint(
                fate.state, 1.0
            )  # FAIL would be invisible to the sampler, which would propose it again
        if fate.completed and record.accuracy is not None and math.isfinite(record.accuracy):
            self._study.tell(trial, reported_values(record, self._objectives, record.accuracy))
        elif (reached := self._reached(record)) is not None and not violates:
            if not trial.constraints:
                trial.set_constraint(CUT_SHORT, cut_short(record.epochs))
            self._study.tell(trial, reached)
        else:
            self._study.tell(trial, state=TrialState.PRUNED)

    def _keep(self, trial: optuna.Trial, epoch: int, accuracy: float) -> None:
        """As `Trial.report` does, which refuses where there are several objectives."""
        self._storage.set_trial_intermediate_value(trial._trial_id, epoch, accuracy)  # noqa: SLF001

    def _reached(self, record: TrialRecord) -> tuple[float, ...] | None:
        """What a trial has of several objectives where it stands; None for a single one, or before any epoch."""
        if len(self._objectives) == 1 or not record.accuracies:
            return None
        return reported_values(record, self._objectives, record.accuracies[record.epochs])

    def _frozen(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _restored(self, frozen: FrozenTrial, known: dict[str, TrialRecord]) -> TrialRecord:
        record = record_of(frozen)
        first = known.setdefault(record.design.key, record)
        if not frozen.state.is_finished():
            self._asked[frozen.number] = self._live(frozen)
            if record.ended:  # killed between the reason and the state
                self.end(record, record.state, record.reason, known=first)
            else:
                self.pause(record)
        return record

    def _live(self, frozen: FrozenTrial) -> optuna.Trial:
        return optuna.Trial(self._study, frozen._trial_id)  # noqa: SLF001 - Optuna offers no other way to take one up

    def _seeded(self, number: int) -> BaseSampler:
        return self._samplers.of(number, self._frozen, self._without_settings)

    def _proposed(
        self, trial: optuna.Trial, sample: Callable[[optuna.Trial], Design], guarded: GuardedSampler
    ) -> Design | None:
        """The trial's design; None where the sampler failed.

        Raises:
            SweepError: the sampler failed MOST_FAULTS times in a row.
        """
        try:
            design = sample(trial)
            guarded.check()
        except Exception as error:
            if guarded.fault is None:
                self._study.tell(trial, state=TrialState.FAIL)
                raise
            self._storage.set_trial_system_attr(trial._trial_id, "reason", guarded.reason)  # noqa: SLF001
            self._study.tell(trial, state=TrialState.FAIL)
            self._sampler_failed(trial.number, guarded.reason, error)
            return None
        self._faults = 0
        return design

    def _sampler_failed(self, number: int, reason: str, error: Exception) -> None:
        self._faults += 1
        _log.warning("search.sampler: %s failed to propose trial %d: %s", self._samplers.name, number, reason)
        if self._faults >= MOST_FAULTS:
            raise SweepError(
                f"search.sampler: {self._samplers.name} failed {MOST_FAULTS} times in a row; the last: {reason}",
                f"Every result is kept. Mend it, then `{command_about(self._folder, 'resume')}`.",
            ) from error

    def _watch(self, trial: optuna.Trial) -> None:
        """Says so, once, where a sampler that needs the same settings of every design does not get them."""
        if not self._samplers.needs_same_settings:
            return
        self._settings = self._settings or trial.distributions
        odd = sorted(name for name, _ in self._settings.items() ^ trial.distributions.items())
        if odd and not self._warned:
            self._warned = True
            _log.warning(
                "search.sampler: %s draws %s at random: only some designs have it, or have it with these values",
                self._samplers.name,
                ", ".join(odd),
            )


def quiet_optuna() -> None:
    """Has Optuna log warnings only, each once: by itself it logs each trial, of which a sweep shows what matters."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("optuna._gp.batched_lbfgsb").setLevel(logging.ERROR)  # asks for greenlet: no faster with it
    for handler in logging.getLogger("optuna").handlers:
        shown = type(handler) is logging.StreamHandler  # Optuna's own
        if shown and not any(isinstance(known, _Once) for known in handler.filters):
            handler.addFilter(_Once())


class _Once(logging.Filter):
    """Lets a text pass the first time only: a grid that is exhausted says so at each trial."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        new = text not in self._said
        self._said.add(text)
        return new
