"""What is read back from MLflow is what the tracker was told."""

from __future__ import annotations

import math
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from convscape.dashboards.queries import COLUMNS, links, runs
from convscape.search.tracking import mlflow_store, upload_process
from convscape.search.tracking.mlflow_store import connect_store
from convscape.search.tracking.tracker import Tracker, TrialStart, sync
from convscape.search.tracking.view import view_of
from convscape.spaces.errors import SweepError

if TYPE_CHECKING:
    import pandas as pd


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    uri = f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"
    connect_store(uri).search_experiments()
    return uri


@pytest.fixture(autouse=True)
def no_upload_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_process, "start", lambda _: None)


def fill(uri: str, folder: Path, trials: int, *, experiment: str = "pictures", sweep: str = "digits") -> Tracker:
    tracker = Tracker(folder, uri=uri, experiment=experiment, sweep=sweep)
    tracker.start(params={"seed": 0}, tags={})
    for number in reversed(range(trials)):
        size = {"parameters": 100 + number, "macs": 5000, "notation": f"INPUT -> FC-{number}"}
        tracker.trial_started(TrialStart(number, {**size, "learning_rate": 0.1 * number, "optimizer": "sgd"}))
        tracker.epoch(number, 1, {"validation_accuracy": 0.1})
        tracker.trial_ended(
            number, state="completed", reason="all epochs done", metrics={"best_accuracy": number / trials}
        )
    sync(folder)
    tracker.close()
    return tracker


@pytest.fixture(scope="module")
def frame(database: str, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upload_process, "start", lambda _: None)
        folder = tmp_path_factory.mktemp("sweeps") / "digits"
        tracker = fill(database, folder, 3)
        again = Tracker(folder, uri=database, experiment="pictures", sweep="digits")
        again.trial_started(TrialStart(3, {"optimizer": "adamw", "weight_decay": 0.01}))
        sync(folder)
        again.close()
    frame = runs(database, "pictures", "digits")
    assert frame["run_id"][0] == tracker.run_id(0)
    return frame


def test_one_row_a_trial_in_order(frame: pd.DataFrame) -> None:
    assert list(frame["trial"]) == [0, 1, 2, 3]
    assert tuple(frame.columns[: len(COLUMNS)]) == COLUMNS


def test_numbers_are_numbers(frame: pd.DataFrame) -> None:
    assert list(frame["accuracy"][:3]) == [0.0, 1 / 3, 2 / 3]
    assert list(frame["parameters"][:3]) == [100, 101, 102]
    assert list(frame["macs"][:3]) == [5000, 5000, 5000]
    assert list(frame["learning_rate"][:3]) == [0.0, 0.1, 0.2]
    assert list(frame["optimizer"]) == ["sgd", "sgd", "sgd", "adamw"]
    assert frame["notation"][2] == "INPUT -> FC-2"


def test_what_a_trial_does_not_have_is_missing(frame: pd.DataFrame) -> None:
    assert math.isnan(frame["accuracy"][3])
    assert math.isnan(frame["learning_rate"][3])
    assert list(frame["weight_decay"].isna()) == [True, True, True, False]
    assert list(frame["state"]) == ["completed", "completed", "completed", "running"]


def test_the_sweep_launched_last_is_meant(database: str, tmp_path: Path) -> None:
    fill(database, tmp_path / "first", 1, experiment="twice")
    second = fill(database, tmp_path / "second", 2, experiment="twice")
    fill(database, tmp_path / "other", 3, experiment="twice", sweep="it's another")
    assert list(runs(database, "twice", "digits")["run_id"]) == [second.run_id(0), second.run_id(1)]
    assert len(runs(database, "twice", "it's another")) == 3


def test_all_pages_are_read(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_store, "_PAGE", 2)
    fill(database, tmp_path / "paged", 5, experiment="paged")
    assert list(runs(database, "paged", "digits")["trial"]) == [0, 1, 2, 3, 4]


def test_a_sweep_without_trials_has_the_columns_all_the_same(database: str, tmp_path: Path) -> None:
    fill(database, tmp_path / "empty", 0, experiment="empty")
    frame = runs(database, "empty", "digits")
    assert (len(frame), tuple(frame.columns)) == (0, COLUMNS)


def test_what_is_not_there_is_said(database: str, tmp_path: Path) -> None:
    fill(database, tmp_path / "there", 1, experiment="there")
    with pytest.raises(SweepError, match="no experiment 'nowhere'"):
        runs(database, "nowhere", "digits")
    with pytest.raises(SweepError, match="no sweep 'other'"):
        runs(database, "there", "other")
    with pytest.raises(SweepError, match="does not answer"):
        runs("http://127.0.0.1:9", "there", "digits")


def test_a_store_without_a_server_is_opened_by_a_command() -> None:
    words = shlex.split(links("sqlite:////data/of mine/mlflow.db"))
    assert words[0] == str(Path(sys.executable).with_name("mlflow"))
    assert words[1:] == [
        *("ui", "--backend-store-uri", "sqlite:////data/of mine/mlflow.db"),
        *("--host", "127.0.0.1", "--port", "5000"),
    ]


def test_without_an_mlflow_beside_python_the_one_on_the_path_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert links("sqlite:////data/mlflow.db").startswith("mlflow ui ")


def test_a_server_is_linked_even_when_it_is_away() -> None:
    assert links("http://127.0.0.1:9/", "pictures") == "http://127.0.0.1:9"


def test_a_link_leads_to_the_experiment_and_the_run(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    client = connect_store(database)
    identity = client.create_experiment("linked", artifact_location="file:///nowhere")
    monkeypatch.setattr("convscape.dashboards.queries.addresses.connect_store", lambda *_: client)
    runs = f"http://host:5000/#/experiments/{identity}/runs?workflowType=machine_learning"
    assert links("http://host:5000", "linked") == runs, "not MLflow's pages for language models"
    assert (
        links("http://host:5000", "linked", "abc")
        == f"http://host:5000/#/experiments/{identity}/runs/abc?workflowType=machine_learning"
    )
    trials = links("http://host:5000", "linked", sweep="abc")
    assert trials.startswith(f"{runs}&")
    assert "searchFilter=tags.%60mlflow.parentRunId%60%20%3D%20%27abc%27" in trials
    assert "orderByKey=metrics.%60best_accuracy%60&orderByAsc=false" in trials
    assert not set(trials) & set(" `'")
    client.set_experiment_tag(identity, *view_of("abc"))
    assert links("http://host:5000", "linked", sweep="abc") == f"{runs}&compareRunsMode=TABLE&viewStateShareKey=abc"
