"""MLflow's own environment variables are heard where a sweep file says nothing, by a launch alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from convscape import cli
from convscape.search.config.environment import with_environment
from convscape.search.driver.launching import launch, resume
from convscape.search.sweep import Sweep
from tiny_sweep import TINY, tiny


def test_no_test_is_told_where_the_mlflow_of_who_runs_it_is() -> None:
    says = "import conftest, os; print([name for name in os.environ if name.startswith('MLFLOW_')])"
    told = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_EXPERIMENT_NAME": "theirs"}
    others = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    tests = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", says], cwd=tests, env=others | told, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:Sesame-1234@mlflow.example/")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "leaves")


def test_they_are_used_and_said(tmp_path: Path) -> None:
    config, lines = with_environment(tiny(tmp_path))
    assert config.tracking_uri == "https://me:${MLFLOW_TRACKING_PASSWORD}@mlflow.example/"
    assert config.tracking.experiment == "leaves"
    assert lines == [
        "MLflow's store is https://mlflow.example/, by MLFLOW_TRACKING_URI in the environment.",
        "MLflow's experiment is leaves, by MLFLOW_EXPERIMENT_NAME in the environment.",
    ]


def test_the_sweep_file_goes_first(tmp_path: Path) -> None:
    config, lines = with_environment(tiny(tmp_path, "tracking.uri=http://host:1", "tracking.experiment=convscape"))
    assert (config.tracking.uri, config.tracking.experiment, lines) == ("http://host:1", "convscape", [])


def test_what_is_empty_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    config = tiny(tmp_path)
    assert with_environment(config) == (config, [])


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("./mlruns", "./mlruns"),
        ("databricks", "databricks"),
        ("file:///mlruns", "file:///mlruns"),
        ("http://", "http://"),
        ("sqlite:///~nobody-here/x.db", "sqlite:///~nobody-here/x.db"),
        ("ftp://me:Sesame-1234@host/", "ftp://host/"),
    ],
)
def test_a_store_that_nothing_can_be_sent_to_is_said_and_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, shown: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    config, lines = with_environment(tiny(tmp_path))
    assert config.tracking.uri is None
    assert config.tracking_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert config.tracking.experiment == "leaves"
    assert lines[0].startswith(f"MLFLOW_TRACKING_URI in the environment is {shown}, and is not used: ")
    assert lines[0].endswith(f" Results go to {config.tracking_uri}.")
    assert "Sesame" not in lines[0]


@pytest.mark.usefixtures("quiet")
def test_a_sweep_begins_whatever_store_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    sweep = launch(tiny(tmp_path, "search.trials=1", "search.epochs=1"), progress=False)
    assert sweep.tracking_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert "./mlruns, and is not used" in capsys.readouterr().err


@pytest.mark.usefixtures("quiet")
def test_a_resume_keeps_to_what_the_sweep_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launch(tiny(tmp_path, "search.trials=2"), overrides=["search.trials=1"], progress=False)
    assert "MLflow's experiment is leaves, by MLFLOW_EXPERIMENT_NAME" in capsys.readouterr().err
    kept = (tmp_path / "tiny" / "config.json").read_text()
    assert "Sesame" not in kept
    assert json.loads(kept)["tracking"]["experiment"] == "leaves"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://another:5000")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "another")
    resume("tiny", tmp_path, progress=False)
    sweep = Sweep.open("tiny", tmp_path)
    assert (sweep.tracking_uri, sweep.config.tracking.experiment) == (
        "https://me:${MLFLOW_TRACKING_PASSWORD}@mlflow.example/",
        "leaves",
    )


def test_a_dry_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    with pytest.raises(SystemExit):
        cli.main(["launch", str(tmp_path / "tiny.yaml"), "--dry-run"])
    assert "# MLflow's store is https://mlflow.example/, by MLFLOW_TRACKING_URI" in capsys.readouterr().out
