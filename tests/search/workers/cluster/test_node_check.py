"""Images and weights that workers read from files: what a node sees differently is told."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from convscape.search.workers.cluster.node_check import COMPARED, NodeCheck
from convscape.trainers.data import load_dataset
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for number in range(40):
        file = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(file)
    return tmp_path / "photos"


def check_of(photos: Path, *weights: Path, memory: int = 1) -> NodeCheck:
    return NodeCheck.of(load_dataset("folder", photos, memory=memory), [str(path) for path in weights])


def problem(check: NodeCheck) -> str:
    """What another process would say of the node that it runs on."""
    found = pickle.loads(pickle.dumps(check)).problem_here()  # noqa: S301 - our own
    return " ".join(found) if found else ""


def test_what_goes_through_ray_is_not_looked_for(photos: Path) -> None:
    assert check_of(photos).reads_files
    assert not check_of(photos, memory=10**6).reads_files


def test_images_that_are_there_as_they_were_fit(photos: Path) -> None:
    check = check_of(photos)
    assert 0 < len(check.images[0].indices) <= COMPARED
    assert problem(check) == ""


def test_images_that_are_not_there_are_named(photos: Path) -> None:
    check = check_of(photos)
    photos.rename(photos.with_name("elsewhere"))
    assert "does not see the images as the driver does: " in problem(check)
    assert ".png: No such file or directory" in problem(check)
    assert "data.memory" in problem(check)


def test_an_image_of_another_size_is_named(photos: Path) -> None:
    check = check_of(photos)
    for file in photos.rglob("*.png"):
        file.write_bytes(file.read_bytes() + b"more")
    assert ".png is not what it is there" in problem(check)


def test_weights_that_differ_or_are_missing_are_named(photos: Path, tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    torch.save({"a": torch.zeros(3)}, file)
    check = check_of(photos, file, memory=10**6)
    assert problem(check) == ""
    torch.save({"a": torch.ones(3)}, file)
    assert f"recipe.weights: {file} is not what it is there" in problem(check)
    file.unlink()
    assert f"recipe.weights: {file} cannot be read: No such file" in problem(check)


def test_versions_are_compared_first(photos: Path) -> None:
    check = check_of(photos)
    check = replace(check, versions={**check.versions, "torch": "1.13.0"})
    assert "and the driver has torch 1.13.0" in problem(check)
