"""The page about Optuna: what it types is typed here, on a sweep's own file."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import convscape
import optuna
import pytest
from convscape.search import Sweep, launch
from convscape.tests.tiny_sweep import tiny

PAGE = (Path(convscape.__file__).parent / "docs" / "optuna.md").read_text()
(PYTHON,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: None) -> tuple[Sweep, optuna.Study]:
    """A sweep, and its study as the page opens it."""
    monkeypatch.chdir(tmp_path)
    sweep = launch(tiny(tmp_path / "sweeps", "search.trials=3", "search.start=[]"), progress=False)
    shutil.copy(sweep.folder / "study.jsonl", "digits.jsonl")
    names: dict[str, Any] = {}
    exec(PYTHON.partition("optuna.visualization")[0], names)  # noqa: S102 - plotly is not there
    return sweep, names["study"]


def test_optuna_opens_a_sweep_s_study_by_itself(opened: tuple[Sweep, optuna.Study], tmp_path: Path) -> None:
    sweep, study = opened
    records = sweep.trials()
    assert study.best_trial.number == sweep.best.trial
    assert study.best_value == sweep.best.accuracy
    assert [trial.params for trial in study.trials] == [record.params for record in records]
    assert [trial.intermediate_values for trial in study.trials] == [record.accuracies for record in records]
    assert [trial.user_attrs["state"] for trial in study.trials] == [record.state for record in records]
    assert "params_learning_rate" in study.trials_dataframe().columns
    assert (tmp_path / "digits.jsonl").read_bytes() == (sweep.folder / "study.jsonl").read_bytes(), "opening writes"


def test_the_page_names_what_is_there(opened: tuple[Sweep, optuna.Study]) -> None:
    _, study = opened
    named = set(re.findall(r"`(\w+)`", PAGE.split("| user attributes |")[1].splitlines()[0]))
    there = {key for trial in study.trials for key in trial.user_attrs}
    assert {"design", "state", "reason", "metrics"} <= named & there
    assert hasattr(optuna.visualization, "plot_intermediate_values")
