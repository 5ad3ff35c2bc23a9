"""The study: Optuna by ask and tell, its journal in the sweep's folder. The one truth of a sweep."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial, TrialState

from .queue import Queued
from .storage import STUDY_FILE, StudyFile, StudyStorage
from .trials import ENDED, Design, Role, State, TrialRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

optuna.logging.set_verbosity(optuna.logging.WARNING)
STUDY = "sweep"
QUEUE = "queue"
STARTUP = 10
"""Trials TPE proposes at random before it models them: Optuna's default."""


class Study:
    """Trials asked and told, kept on disk at each step.

    Args:
        folder: the sweep's folder; the journal is `study.jsonl` in it.
        sampler: "tpe" or "random".
        seed: with a trial's number it decides that trial's proposal, so that a resumed sweep proposes as an
            unbroken one.
    """

    def __init__(self, folder: Path, *, sampler: str, seed: int) -> None:
        self._storage = StudyStorage(StudyFile(folder / STUDY_FILE))
        self._sampler, self._seed = sampler, seed
        self._study = optuna.create_study(
            storage=self._storage, study_name=STUDY, direction="maximize", load_if_exists=True
        )
        self._asked: dict[int, optuna.Trial] = {}
        self._count = len(self._frozen())
        self._without_settings = sum(_role(frozen) != "sampled" and not frozen.params for frozen in self._frozen())

    def queue(self, designs: Callable[[], list[Queued]]) -> list[Queued]:
        """The designs named in the sweep file that were not asked for yet.

        They are kept when the study is first opened: what they come from may be gone when it is opened again.
        """
        kept = self._study.user_attrs.get(QUEUE)
        if kept is None:
            kept = [queued.to_json() for queued in designs()]
            if kept:
                self._study.set_user_attr(QUEUE, kept)
        asked = sum(_has_design(frozen) and _role(frozen) != "sampled" for frozen in self._frozen())
        return [Queued.from_json(values) for values in kept[asked:]]

    def ask(self, sample: Callable[[optuna.Trial], Design], queued: Queued | None = None) -> TrialRecord:
        """A new trial, its design proposed by the sampler and kept.

        A `queued` design's role is written with the trial itself, and its settings become the sampler's proposal.
        """
        self._study.sampler = self._seeded(self._count)
        if queued:
            self._study.enqueue_trial(queued.params, user_attrs={"role": queued.role})
        with self._storage.recalling(self._study._study_id):  # noqa: SLF001 - Optuna shows it nowhere else
            trial = self._study.ask()
            self._count = trial.number + 1
            try:
                design = sample(trial)
            except Exception:
                self._study.tell(trial, state=TrialState.FAIL)
                raise
        trial.set_user_attr("design", design.to_json())
        self._asked[trial.number] = trial
        self._without_settings += queued is not None and not queued.params
        return TrialRecord(trial.number, design, role=queued.role if queued else "sampled")

    def restore(self) -> list[TrialRecord]:
        """Every trial on disk; those that did not end are "paused" at the last epoch that was told."""
        known: dict[str, TrialRecord] = {}
        return [self._restored(frozen, known) for frozen in self._frozen() if _has_design(frozen)]

    def report(self, record: TrialRecord, epoch: int, accuracy: float) -> None:
        """Keeps the accuracy after `epoch` epochs."""
        record.accuracies[epoch] = accuracy
        self._asked[record.number].report(accuracy, epoch)

    def note(self, record: TrialRecord, events: tuple[str, ...]) -> None:
        """Keeps all events of the trial so far."""
        record.events = events
        self._asked[record.number].set_user_attr("events", list(events))

    def pause(self, record: TrialRecord) -> None:
        """The trial waits; the sampler takes what it reached, and at which epoch, into account."""
        record.state = "paused"
        self._storage.paused.add(record.number)

    def go_on(self, record: TrialRecord) -> None:
        """The trial trains again."""
        record.state = "running"
        self._storage.paused.discard(record.number)

    def attempt_failed(self, record: TrialRecord) -> None:
        """Counts a lost worker against the trial."""
        record.attempts += 1
        self._asked[record.number].set_user_attr("attempts", record.attempts)

    def end(self, record: TrialRecord, state: State, reason: str, *, known: TrialRecord | None = None) -> None:
        """Tells how the trial ended. A duplicate is told what the `known` trial reached."""
        self._storage.paused.discard(record.number)
        record.state, record.reason = state, reason
        trial = self._asked.pop(record.number)
        trial.set_user_attr("reason", reason)
        trial.set_user_attr("state", state)  # after the reason: a trial killed between them ends once more
        if state == "duplicate" and known is not None:
            for epoch, accuracy in known.accuracies.items():
                if epoch not in record.accuracies:
                    trial.report(accuracy, epoch)
            record.accuracies = dict(known.accuracies)
        if state in ("failed", "infeasible") and not trial.constraints:
            trial.set_constraint(state, 1.0)  # FAIL would be invisible to the sampler, which would propose it again
        if state == "completed" and record.accuracy is not None and math.isfinite(record.accuracy):
            self._study.tell(trial, record.accuracy)
        elif state == "duplicate" and not record.accuracies:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, state=TrialState.PRUNED)

    def _frozen(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _restored(self, frozen: FrozenTrial, known: dict[str, TrialRecord]) -> TrialRecord:
        record = _record(frozen)
        first = known.setdefault(record.design.key, record)
        if not frozen.state.is_finished():
            self._study.sampler = RandomSampler()  # making a Trial samples: nothing is to be sampled again
            self._asked[frozen.number] = self._live(frozen)
            if record.state in ENDED:  # killed between the reason and the state
                self.end(record, record.state, record.reason, known=first)
            else:
                self.pause(record)
        return record

    def _live(self, frozen: FrozenTrial) -> optuna.Trial:
        return optuna.Trial(self._study, frozen._trial_id)  # noqa: SLF001 - Optuna offers no other way to take one up

    def _seeded(self, number: int) -> BaseSampler:
        seed = (self._seed * 1_000_003 + number) % 2**32
        if self._sampler == "random":
            return RandomSampler(seed=seed)
        with warnings.catch_warnings():
            # `group` is marked experimental; without it conditional settings are sampled as if unrelated
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            startup = STARTUP + self._without_settings  # of which TPE would count, and know, nothing
            return TPESampler(seed=seed, n_startup_trials=startup, multivariate=True, group=True, constant_liar=True)


def read(folder: Path) -> list[TrialRecord]:
    """The trials of a sweep as they are on disk, without touching them; also while another process runs the sweep."""
    return [_record(frozen) for frozen in _on_disk(folder) if _has_design(frozen)]


def params(folder: Path) -> dict[int, dict[str, Any]]:
    """What the sampler was asked for each trial of a sweep, by the trials' numbers."""
    return {frozen.number: frozen.params for frozen in _on_disk(folder)}


def _on_disk(folder: Path) -> list[FrozenTrial]:
    storage = JournalStorage(StudyFile(folder / STUDY_FILE, writable=False))
    return [trial for study in storage.get_all_studies() for trial in storage.get_all_trials(study._study_id)]  # noqa: SLF001


def _has_design(frozen: FrozenTrial) -> bool:
    """Not so for a proposal that an error cut short."""
    return "design" in frozen.user_attrs


def _record(frozen: FrozenTrial) -> TrialRecord:
    return TrialRecord(
        frozen.number,
        Design.from_json(frozen.user_attrs["design"]),
        frozen.user_attrs.get("state", "paused"),
        frozen.user_attrs.get("reason", ""),
        dict(frozen.intermediate_values),
        frozen.user_attrs.get("attempts", 0),
        _role(frozen),
        tuple(frozen.user_attrs.get("events", ())),
    )


def _role(frozen: FrozenTrial) -> Role:
    return frozen.user_attrs.get("role", "sampled")
