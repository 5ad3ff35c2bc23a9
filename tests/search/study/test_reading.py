"""Trials read without Optuna are those that Optuna reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna
import pytest
from convscape.search import launch
from convscape.search.files import STUDY
from convscape.search.study import events, read_trials
from convscape.search.study.reading import record_of
from convscape.tests.tiny_sweep import tiny
from optuna.distributions import distribution_to_json
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._storage import JournalOperation
from optuna.trial import TrialState

if TYPE_CHECKING:
    from pathlib import Path

KINDS = (
    "CREATE_STUDY",
    "CREATE_TRIAL",
    "SET_TRIAL_PARAM",
    "SET_TRIAL_STATE_VALUES",
    "SET_TRIAL_INTERMEDIATE_VALUE",
    "SET_TRIAL_USER_ATTR",
)


@pytest.mark.usefixtures("quiet")
def test_optuna_reads_the_same_trials(tmp_path: Path) -> None:
    """Of a sweep with designs to start from, trials that stop at a rung, finals and a last training."""
    sweep = launch(
        tiny(tmp_path, "search.trials=6", "search.epochs=2", "search.finalists=2", "search.start=[lenet5]"),
        progress=False,
    )
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(sweep.folder / STUDY)))
    (name,) = optuna.get_all_study_names(storage)
    known = [
        trial for trial in optuna.load_study(study_name=name, storage=storage).trials if "design" in trial.user_attrs
    ]
    assert len(known) > 8
    records = [record_of(trial) for trial in known]
    for record, trial in zip(records, known, strict=True):
        record.params = trial.params
        record.distributions = {name: distribution_to_json(each) for name, each in trial.distributions.items()}
    found = read_trials(sweep.folder)
    for record, read in zip(records, found, strict=True):
        record.history = read.history  # Optuna keeps the last epoch's metrics alone
        assert read.history.keys() == read.accuracies.keys() or read.duplicate
    assert found == records
    assert sum(len(record.params) for record in records) > 20


def test_the_kinds_of_events_are_those_of_optuna() -> None:
    assert {kind: getattr(events, kind) for kind in KINDS} == {kind: JournalOperation[kind] for kind in KINDS}
    assert list(events.KINDS) == sorted(JournalOperation)
    assert list(events.ENDED) == sorted(state.value for state in TrialState if state.is_finished())
