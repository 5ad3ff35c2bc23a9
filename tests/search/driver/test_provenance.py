"""What a sweep's run says of where its results come from."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from convscape.search.config.data import load_data
from convscape.search.config.recipe_space import DEFAULTS, logged_params
from convscape.search.config.schema import DataConfig, SweepConfig, TrackingConfig
from convscape.search.driver.provenance import commit, provenance
from convscape.trainers.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "space.py").write_text("WIDTH = 1\n")
    who = ["-c", "user.name=me", "-c", "user.email=me@localhost"]
    for words in (
        ["init", "-q"],
        ["add", "."],
        [*who, "commit", "-q", "-m", "first"],
        [*who, "tag", "-a", "v1", "-m", ""],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def head(folder: Path) -> str:
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
    return found.stdout.strip()


def test_a_commit_and_whether_files_differ_from_it(repository: Path) -> None:
    assert commit(repository) == head(repository)
    (repository / "notes.txt").write_text("not tracked")
    assert commit(repository) == head(repository)
    (repository / "space.py").write_text("WIDTH = 2\n")
    assert commit(repository) == f"{head(repository)}-dirty"


def test_outside_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit(tmp_path) is None
    assert commit(tmp_path / "nowhere") is None
    monkeypatch.setenv("PATH", "")
    assert commit(tmp_path) is None


def test_config_code_data_and_environment(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = SweepConfig(
        name="mine",
        data=DataConfig(name="digits", train=20, validation=20),
        code=[tmp_path, repository],
        tracking=TrackingConfig(uri="https://me:secret@mlflow.example/"),
    )
    dataset = load_data(config)
    told = provenance(config, dataset)
    assert told["tags"]["mlflow.source.git.commit"] == head(repository)
    assert told["tags"]["convscape.data_fingerprint"] == dataset.fingerprint
    assert told["tags"]["convscape.python"] == platform.python_version()
    assert told["tags"]["convscape.version.torch"] == torch.__version__.partition("+")[0]
    assert told["params"]["data.train"] == 20
    assert told["params"]["search.epochs"] == config.search.epochs
    assert json.loads(told["artifacts"]["config.json"])["name"] == "mine"
    assert f"torch=={torch.__version__.partition('+')[0]}" in told["artifacts"]["environment.txt"]
    assert "secret" not in str(told)


def test_a_trial_says_of_its_recipe_what_tells_it_from_others() -> None:
    always = ["optimizer", "learning_rate", "weight_decay", "batch_size"]
    usual = Recipe(label_smoothing=0.1, schedule="wsd")
    assert list(logged_params(DEFAULTS, usual)) == [*always, "crop", "flip", "cutout"], "the sampler chooses these"
    varied = {**DEFAULTS, "momentum": [0.8, 0.9], "warmup": 1.0}
    shown = set(logged_params(varied, replace(usual, warmup=1.0)))
    assert shown == {*always, "crop", "flip", "cutout", "momentum", "warmup"}
    # another's recipe, such as a baseline's
    assert logged_params(DEFAULTS, replace(usual, averaging=0.0))["averaging"] == 0.0
