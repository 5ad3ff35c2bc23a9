"""Exported bundles, a sweep's run that they belong to, and pictures as clients send them."""

from __future__ import annotations

import io
import sys
import types
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from convscape.search.tracking import upload_process
from convscape.search.tracking.tracker import Tracker, sync
from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Activation, Conv, GlobalPool
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training
from exporting import export_checkpoint
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from convscape.trainers.data.dataset import Dataset

LAYERS = (Conv(8), Activation(), GlobalPool(), Conv(10, 1))


def exported(dataset: Dataset, folder: Path) -> Path:
    """A network after one epoch, in a folder whose name no URI holds as it is."""
    torch.set_num_threads(1)
    architecture = Architecture(dataset.input, LAYERS, 10)
    training = Training(architecture, Recipe(batch_size=32), dataset, seed=0, epochs=2)
    training.run_epoch()
    training.save(folder / "checkpoint")
    details = {"sweep": "digits", "trial": 7, "run": 12}
    bundle = folder / "out #1 %20 ü"
    export_checkpoint(architecture, folder / "checkpoint", dataset, bundle, name="digits", details=details)
    return bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a network for the digits, grey images of 8x8."""
    return exported(load_dataset("digits", train=320, validation=100), tmp_path_factory.mktemp("grey"))


@pytest.fixture(scope="session")
def colour_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a network for images of 3 channels, 7 high and 9 wide."""
    images = np.random.default_rng(0).integers(0, 256, (200, 3, 7, 9), dtype=np.uint8)
    module: Any = types.ModuleType("colour_images")

    def read(root: object) -> tuple[Any, Any]:
        return images, np.arange(200) % 10

    read.__module__ = "colour_images"
    module.read = read
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "colour_images", module)
        return exported(load_dataset("colour_images.read", train=0.5), tmp_path_factory.mktemp("colour"))


@pytest.fixture
def run_id(database: str, experiment: str, folder: Path, known: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """MLflow's id of a sweep's own run in `database`."""
    with monkeypatch.context() as patched:
        patched.setattr(upload_process, "start", lambda _: None)
        tracker = Tracker(folder, uri=database, experiment=experiment, sweep="digits")
        known.begin(tracker)
        sync(folder)
        tracker.close()
    assert tracker.parent_run_id is not None
    return tracker.parent_run_id


def _file(kind: str, picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="session")
def pictures() -> dict[str, bytes]:
    """Files of one drawing: other formats, sizes, depths and modes."""
    pixels = np.random.default_rng(3).integers(0, 256, (8, 8), dtype=np.uint8)
    grey = Image.fromarray(pixels)
    colours = np.random.default_rng(4).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return {
        "a.png": _file("PNG", grey),
        "large.jpg": _file("JPEG", grey.resize((97, 131))),
        "sixteen.png": _file("PNG", Image.fromarray(pixels.astype(np.uint16) * 257)),
        "colour.png": _file("PNG", Image.fromarray(colours)),
        "palette.png": _file("PNG", Image.fromarray(colours).quantize(16)),
        "seen-through.webp": _file("WEBP", Image.fromarray(colours).convert("RGBA").resize((20, 9))),
        "pixels.bmp": _file("BMP", grey),
    }


@pytest.fixture
def as_its_file_says(tmp_path: Path) -> Callable[[Path, dict[str, bytes]], list[dict[str, Any]]]:
    """What a bundle's `model.py` says of pictures, which it reads as files, one by one."""
    import runpy

    def say(bundle: Path, pictures: dict[str, bytes]) -> list[dict[str, Any]]:
        code = runpy.run_path(str(bundle / "model.py"), run_name="exported_model")
        said = []
        for name, content in pictures.items():
            (tmp_path / name).write_bytes(content)
            row = code["predict"](code["load"](), code["read_image"](str(tmp_path / name)))[0].tolist()
            label = code["CLASSES"][row.index(max(row))]
            said.append(
                {"label": label, "probability": max(row), "probabilities": dict(zip(code["CLASSES"], row, strict=True))}
            )
        return said

    return say


def same(answered: list[dict[str, Any]], expected: list[dict[str, Any]]) -> bool:
    """Whether two lists of answers agree. Sums come out otherwise where several pictures are classified at a time."""
    assert [each["label"] for each in answered] == [each["label"] for each in expected]
    for one, other in zip(answered, expected, strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-5)
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)
    return True


@pytest.fixture(scope="session")
def agree() -> Callable[[list[dict[str, Any]], list[dict[str, Any]]], bool]:
    return same
