"""Reads a sweep's study from its file, without touching it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend

from ...spaces import ConvscapeError, SweepError
from ..files import STUDY, TRIALS, count_entries
from ..records import Design, Role, TrialRecord
from .journal_storage import StudyFile, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from optuna.trial import FrozenTrial


LARGEST_ACCURACY = 10**6
"""Bound on an accuracy; 1 is all images. NaN is within it."""
ERRORS = (ArithmeticError, AssertionError, AttributeError, ConvscapeError, LookupError, TypeError, ValueError)
"""What Optuna and our records raise of events that nobody wrote."""


def read_trials(folder: Path) -> list[TrialRecord]:
    """The trials of the sweep in `folder`, in the order of their numbers; also while another process runs the sweep.

    Raises:
        SweepError: the study is damaged; says where.
    """
    found: list[TrialRecord] = []
    for frozen in _on_disk(folder):
        try:
            if has_design(frozen):
                found.append(record_of(frozen))
        except ERRORS as error:
            raise damaged(str(folder / STUDY), f"trial {frozen.number} cannot be read: {error!r:.200}") from None
    return found


def read_params(folder: Path) -> dict[int, dict[str, Any]]:
    """The values that each trial of the sweep in `folder` was sampled with, by trial number and setting.

    Raises:
        SweepError: the study is damaged; says where.
    """
    return {frozen.number: frozen.params for frozen in _on_disk(folder)}


def _on_disk(folder: Path) -> list[FrozenTrial]:
    path = study_file(folder)
    file = StudyFile(path, writable=False)
    try:
        storage = JournalStorage(file)
        studies = [study._study_id for study in storage.get_all_studies()]  # noqa: SLF001
        return [trial for study in studies for trial in storage.get_all_trials(study, deepcopy=False)]
    except ERRORS as error:
        raise foreign(path, error) from None


def study_file(folder: Path) -> Path:
    """The file of the study in a sweep's folder; it need not be there before a trial was trained.

    Raises:
        SweepError: it is gone.
    """
    path = folder / STUDY
    if not path.exists() and (folder / TRIALS).exists():
        raise SweepError(f"{path} is gone, and trials were trained", "Restore it from a copy.")
    return path


def foreign(path: Path, error: BaseException) -> SweepError:
    """The error that says which line of a study Optuna does not take, and why."""
    return damaged(_line_at_fault(path), f"not an event of a study: {error!r:.200}")


def _line_at_fault(path: Path) -> str:
    """The file, and the first line of it that Optuna does not take."""
    lines = count_entries(path)
    low, high = 0, lines
    while high - low > 1:
        middle = (low + high) // 2
        try:
            JournalStorage(_Beginning(path, middle))
        except ERRORS:
            high = middle
        else:
            low = middle
    return f"{path}:{high}"


class _Beginning(BaseJournalBackend):
    """The first so many lines of a journal."""

    def __init__(self, path: Path, lines: int) -> None:
        self._logs = list(StudyFile(path, writable=False).read_logs(0))[:lines]

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        yield from self._logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        raise NotImplementedError


def has_design(frozen: FrozenTrial) -> bool:
    """Whether a trial of the study has a design: not so where the proposal ended in an error."""
    return "design" in frozen.user_attrs


def role_of(frozen: FrozenTrial) -> Role:
    """Where the design of a trial of the study comes from."""
    return frozen.user_attrs.get("role", "sampled")


def record_of(frozen: FrozenTrial) -> TrialRecord:
    """The trial record that an Optuna trial of the study stands for; one that did not end is "paused".

    Args:
        frozen: a trial with a design.
    """
    kept = frozen.user_attrs
    for epoch, accuracy in frozen.intermediate_values.items():
        if type(epoch) is not int or type(accuracy) not in (int, float) or abs(accuracy) > LARGEST_ACCURACY:
            raise TypeError(f"accuracy after epoch {epoch!r:.80} is {accuracy!r:.80}")
    record = TrialRecord(
        number=frozen.number,
        design=Design.from_json(kept["design"]),
        state=kept.get("state", "paused"),
        reason=kept.get("reason", ""),
        accuracies=dict(frozen.intermediate_values),
        attempts=kept.get("attempts", 0),
        role=role_of(frozen),
        events=tuple(kept.get("events", ())),
        repeats=kept.get("repeats"),
        latency=kept.get("latency"),
        promoted_from=kept.get("passed", 0),
        textbook=kept.get("textbook", False),
        params=frozen.params,
        distributions=frozen.distributions,
    )
    metrics = dict(kept.get("metrics", {}))
    if metrics.pop("epoch", 0) == record.epochs:  # else killed between the metrics and the accuracy
        record.metrics = metrics
    return record
