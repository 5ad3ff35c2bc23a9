"""Reads a sweep's study as Optuna reads it: what its trials were sampled with, and which line Optuna does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend

from ..files import count_entries
from .events import damaged
from .journal_storage import StudyFile
from .reading import ERRORS, study_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ...spaces import SweepError


def read_params(folder: Path) -> dict[int, dict[str, Any]]:
    """The values that each trial of the sweep in `folder` was sampled with, by trial number and setting.

    Raises:
        SweepError: the study is damaged; says where.
    """
    path = study_file(folder)
    file = StudyFile(path, writable=False)
    try:
        storage = JournalStorage(file)
        studies = [study._study_id for study in storage.get_all_studies()]  # noqa: SLF001
        trials = [trial for study in studies for trial in storage.get_all_trials(study, deepcopy=False)]
    except ERRORS as error:
        raise foreign(path, error) from None
    return {trial.number: trial.params for trial in trials}


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
