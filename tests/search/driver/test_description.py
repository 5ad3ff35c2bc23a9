"""What MLflow shows first of a sweep: its description, and its images as datasets that MLflow itself can read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import mlflow.data
import numpy as np
import pytest
from convscape.search.config.data import load_data
from convscape.search.config.schema import BudgetConfig, DataConfig, SearchConfig, SweepConfig
from convscape.search.driver.description import datasets, description
from convscape.search.driver.launching import launch
from convscape.search.tracking.mlflow_store import connect_store
from convscape.search.tracking.tracker import sync
from convscape.trainers.data import load_dataset
from PIL import Image
from tiny_sweep import tiny

if TYPE_CHECKING:
    from pathlib import Path


def test_a_sweep_s_run_has_its_images_and_a_description(tmp_path: Path, database: str, quiet: None) -> None:
    sweep = launch(tiny(tmp_path, f"tracking.uri={database}", "tracking.experiment=described"), progress=False)
    assert sync(sweep.folder) == 0
    run = connect_store(database).get_run(sweep.run_ids()[None] or "")
    found = {each.tags[0].value: each.dataset for each in run.inputs.dataset_inputs}
    assert found.keys() == {"training", "validation"}
    dataset = load_data(sweep.config)
    for context, part in {"training": dataset.train, "validation": dataset.validation}.items():
        assert found[context].name == f"digits ({context})"
        assert found[context].digest == dataset.fingerprint
        profile = json.loads(found[context].profile)
        assert (profile["images"], profile["shape"]) == (len(part), [1, 8, 8])
        assert sum(profile["classes"].values()) == len(part)
        assert mlflow.data.get_source(found[context]).to_dict()["tags"]["mlflow.source.name"] == "digits"
    said = run.data.tags["mlflow.note.content"]
    assert "digits: 200 images to train on, 100 to validate on" in said
    assert "4 trials, up to 2 epochs" in said
    assert f"`convscape compare tiny --folder {tmp_path}`" in said


def test_a_folder_of_images_is_a_local_source_by_its_own_name(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(10):
            pixels = np.random.default_rng(number).integers(0, 255, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{number}.png")
    config = SweepConfig(name="pets", data=DataConfig(name="folder", root=tmp_path / "pets"))
    training, validation = datasets(config, load_dataset("folder", tmp_path / "pets"))
    assert (training.name, validation.name) == ("pets (training)", "pets (validation)")
    assert (training.source_type, training.source) == ("local", {"uri": str(tmp_path / "pets")})
    assert training.profile["classes"].keys() == {"cat", "dog"}


@pytest.mark.parametrize(
    ("search", "words"),
    [
        (SearchConfig(seconds=600), "- time: 600 s"),
        (SearchConfig(seconds=600), "as many trials as there is time for, epochs chosen by the sweep"),
        (SearchConfig(), "- time: no limit"),
    ],
)
def test_what_was_asked_is_said(search: SearchConfig, words: str) -> None:
    config = SweepConfig(
        name="asked", data=DataConfig(name="digits"), search=search, budget=BudgetConfig(parameters=50_000, macs=10**6)
    )
    said = description(config, load_dataset("digits"))
    assert words in said
    assert "- budget: parameters ≤ 50,000, macs ≤ 1,000,000" in said
    assert "- space" not in said, "all as it is by default"
