"""Reads a sweep's study from its file, without touching it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.storages import JournalStorage

from ..files import STUDY
from ..records import Design, Role, TrialRecord
from .journal_storage import StudyFile

if TYPE_CHECKING:
    from pathlib import Path

    from optuna.trial import FrozenTrial


def read_trials(folder: Path) -> list[TrialRecord]:
    """The trials of the sweep in `folder`, in the order of their numbers; also while another process runs the sweep.

    Raises:
        SweepError: the study is damaged; says where.
    """
    return [record_of(frozen) for frozen in _on_disk(folder) if has_design(frozen)]


def read_params(folder: Path) -> dict[int, dict[str, Any]]:
    """The values that each trial of the sweep in `folder` was sampled with, by trial number and setting.

    Raises:
        SweepError: the study is damaged; says where.
    """
    return {frozen.number: frozen.params for frozen in _on_disk(folder)}


def _on_disk(folder: Path) -> list[FrozenTrial]:
    storage = JournalStorage(StudyFile(folder / STUDY, writable=False))
    studies = [study._study_id for study in storage.get_all_studies()]  # noqa: SLF001
    return [trial for study in studies for trial in storage.get_all_trials(study, deepcopy=False)]


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
    )
    metrics = dict(kept.get("metrics", {}))
    if metrics.pop("epoch", 0) == record.epochs:  # else killed between the metrics and the accuracy
        record.metrics = metrics
    return record
