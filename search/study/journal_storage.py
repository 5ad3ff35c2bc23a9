"""The file behind the study: one JSON line an event, appended; what a kill cut short is dropped on opening."""

from __future__ import annotations

import copy
import json
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial, TrialState

from ...spaces import SweepError
from ..files import seal
from .events import ends_proposal, read_events, whole_proposals

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from pathlib import Path

CUT_SHORT = "cut short"
"""Name of the Optuna constraint that a trial violates which is not of full length."""


class StudyFile(BaseJournalBackend):
    """Optuna's journal for the one process that holds the sweep's lock.

    Optuna's own `JournalFileBackend` locks and fsyncs at each of a trial's twenty or so events; the sweep's lock and
    the operating system's cache already survive the death of the process.

    Args:
        path: the journal; it need not be there yet.
        writable: where not, the file is left as it is, and may be read while its owner writes. Where it is, a line that
            a kill cut short is dropped, and then a proposal that a kill cut short: the sampler would not propose the
            rest of it as it would have, so it is made anew.

    Each line has a seal (`files.sealed`), a key that Optuna passes over.

    Raises:
        SweepError: a line was changed, is gone, or does not belong there; says which.
    """

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        self._path = path
        self.changed: set[int] = set()
        """Numbers of the trials of which an event was written; whoever keeps up with them empties it."""
        read = read_events(path)
        self._unread = read.events
        self._first_unread = 0
        if writable:
            del self._unread[whole_proposals(self._unread) :]
        self._count = len(self._unread)
        self._sure = whole_proposals(self._unread)
        self._size = sum(read.sizes[: self._count])
        if writable and self._size < sum(read.sizes) + read.torn:
            os.truncate(path, self._size)

    def flushed_lines(self) -> int:
        """How many lines the file is sure to have from now on, whatever dies: they are on the disk.

        Those of a last proposal that is not whole do not count.
        """
        if self._path.exists():
            with self._path.open("rb") as file:
                os.fsync(file.fileno())
        return self._sure

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Events from `log_number_from` on, for Optuna's journal storage.

        That is the one reader, and it never asks for an event twice, so none is kept.
        """
        self._unread = self._unread[log_number_from - self._first_unread :]
        self._first_unread = log_number_from
        yield from self._unread

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Appends events to the file, for Optuna's journal storage.

        Raises:
            SweepError: the disk does not take them; the file is then as it was before.
        """
        texts = [json.dumps(log, separators=(",", ":")).encode() for log in logs]
        lines = b"".join(seal(text, number) for number, text in enumerate(texts, self._count + 1))
        try:
            with self._path.open("ab") as file:
                file.write(lines)
        except OSError as error:
            if self._path.exists():
                os.truncate(self._path, self._size)
            raise SweepError(
                f"{self._path}: cannot be written: {error.strerror}", "Free some space, then resume the sweep."
            ) from error
        self._size += len(lines)
        self._count += len(texts)
        events = [json.loads(text) for text in texts]
        beginning = whole_proposals(events)
        if beginning < len(events):
            self._sure = self._count - len(events) + beginning
        elif any(map(ends_proposal, events)):
            self._sure = self._count
        self._unread += events
        self.changed.update(log["trial_id"] for log in logs if "trial_id" in log)


class StudyStorage(JournalStorage):
    """The journal as a sampler should see it: a paused trial counts as pruned where it stands.

    To Optuna a paused trial is RUNNING, which its constant liar takes for bad however well it did. With several
    objectives Optuna has no pruned trials: such a trial is complete, with a constraint it violates the more the earlier
    it stands, so that it ranks behind every trial of full length.

    Args:
        file: the journal of the one study.
    """

    def __init__(self, file: StudyFile) -> None:
        super().__init__(file)
        self._file = file
        self._paused: dict[int, tuple[float, ...] | None] = {}
        self._same: dict[int, int] = {}
        self._trials: list[FrozenTrial] = []
        self._shown: list[FrozenTrial] | None = None
        self._former = 0

    def pause(self, number: int, reached: tuple[float, ...] | None) -> None:
        """Shows trial `number` as one that waits.

        Args:
            number: the trial's number.
            reached: its value of each objective so far, where there are several; else None.
        """
        self._paused[number] = reached
        self._file.changed.add(number)

    def go_on(self, number: int) -> None:
        """Shows trial `number` as it is on disk again: it waits no more, and stands for no other trial."""
        self._paused.pop(number, None)
        self._same.pop(number, None)
        self._file.changed.add(number)

    def mirror(self, number: int, known: int) -> None:
        """Shows a trial with all that another one reaches, until `go_on` is called for it.

        Args:
            number: a duplicate.
            known: the earlier trial that it has the design of.
        """
        self._same[number] = known
        self._file.changed.add(number)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The trials as they are to be seen, in the order of their numbers.

        Args:
            study_id: Optuna's id of the one study in the file.
            deepcopy: whether to give copies.
            states: only trials in these states; None for all.
        """
        trials = self._all() if self._shown is None else self._shown + self._new(study_id)
        wanted = trials if states is None else [trial for trial in trials if trial.state in states]
        return copy.deepcopy(wanted) if deepcopy else wanted

    @contextmanager
    def shown_as(self, as_sampler_sees: Callable[[list[FrozenTrial]], list[FrozenTrial]]) -> Iterator[None]:
        """A context manager in whose body the study's earlier trials are seen as `as_sampler_sees` gives them.

        A trial that is asked for in the body is seen, too, as it is.

        Args:
            as_sampler_sees: makes of all earlier trials those that the sampler is shown.
        """
        former = self._all()
        if former and former[-1].state == TrialState.WAITING:  # a named design, which is to be the new one
            former.pop()
        self._former = len(former)
        self._shown = as_sampler_sees(former)
        try:
            yield
        finally:
            self._shown = None

    def _all(self) -> list[FrozenTrial]:
        """All trials, of which only those that have changed are looked at: most of a sweep that halves wait.

        Of the one study in the file ids are numbers.
        """
        changed = self._file.changed
        changed.update(number for number, known in self._same.items() if known in changed)
        for number in changed:
            if number < len(self._trials):
                self._trials[number] = self._seen(number)
        changed.clear()
        with suppress(KeyError):
            while True:
                self._trials.append(self._seen(len(self._trials)))
        return list(self._trials)

    def _seen(self, number: int) -> FrozenTrial:
        trial = self.get_trial(number)
        if number in self._same:
            return _standing_as(trial, self._seen(self._same[number]))
        return _as_stopped(trial, self._paused[number]) if number in self._paused else trial

    def _new(self, study_id: int) -> list[FrozenTrial]:
        try:
            trial_id = self.get_trial_id_from_study_id_trial_number(study_id, self._former)
        except KeyError:
            return []
        return [self.get_trial(trial_id)]


def cut_short(epochs: int) -> float:
    """By how much a trial that stands after `epochs` epochs violates the constraint to be of full length.

    From 1 before any epoch down towards 0, so that trials which came further rank first.
    """
    return 1 / (1 + epochs)


def _standing_as(trial: FrozenTrial, known: FrozenTrial) -> FrozenTrial:
    """The trial with all that another reached."""
    seen = copy.copy(trial)
    seen.state, seen.values, seen.intermediate_values = known.state, known.values, known.intermediate_values
    constraints = {key: value for key, value in known.system_attrs.items() if key.startswith("constraints")}
    seen.system_attrs = {**trial.system_attrs, **constraints}
    return seen


def _as_stopped(trial: FrozenTrial, reached: tuple[float, ...] | None) -> FrozenTrial:
    seen = copy.copy(trial)
    seen.state = TrialState.PRUNED
    if reached is not None:
        seen.state, seen.values = TrialState.COMPLETE, reached
        seen.system_attrs = dict(seen.system_attrs)  # the copy's own
        seen.set_constraint(CUT_SHORT, cut_short(max(trial.intermediate_values)))
    return seen
