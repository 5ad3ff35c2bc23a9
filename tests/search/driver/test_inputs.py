"""What a sweep began with: other images or weights are refused on a resume, and what vanishes halts it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from convscape.search.config import sweep_file
from convscape.search.config.data import load_data
from convscape.search.driver.inputs import check_inputs
from convscape.search.driver.launching import launch, resume
from convscape.search.records.trial import ENDED
from convscape.search.sweep import Sweep
from convscape.spaces.errors import DataError, SweepError
from convscape.trainers.checkpoints import Checkpoints
from PIL import Image
from torchvision.models import resnet18

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.config.schema import SweepConfig

pytestmark = pytest.mark.usefixtures("quiet")

SWEEP = """
name: tiny
data: {name: folder, memory: 1000}
space: {stages: 1, convolutions: 1, filters: [4, 8], kernel: 3, dropout: 0.0, hidden: 0}
search: {finalists: 0, trials: 3, epochs: 4, promotion: none, sampler: random}
resources: {runner: inline, precision: float32}
"""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 255, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    return tmp_path / "images"


def config(images: Path, *overrides: str) -> SweepConfig:
    return sweep_file.parse_sweep_file(
        SWEEP, "tiny.yaml", [f"folder={images.parent / 'sweeps'}", f"data.root={images}", *overrides]
    )


def test_images_that_vanish_halt_the_sweep_and_their_return_lets_it_go_on(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(images)
    kept = {file: file.read_bytes() for file in images.glob("cats/*.png")}
    save, saved = Checkpoints.save, iter(range(1_000))

    def losing(*arguments: Any, **named: Any) -> None:
        save(*arguments, **named)
        if next(saved) == 5:  # in the middle of the second trial
            for file in kept:
                file.unlink()

    monkeypatch.setattr(Checkpoints, "save", losing)
    with pytest.raises(SweepError, match=r"cats.*\.png") as halted:
        launch(settings, progress=False)
    assert "resume" in halted.value.remedy
    assert Sweep.open("tiny", settings.folder).counts() == counted(completed=1, unfinished=1)
    for path, content in kept.items():
        path.write_bytes(content)
    assert resume("tiny", settings.folder, progress=False).counts() == counted(completed=3)


def counted(**expected: int) -> dict[str, int]:
    return {**dict.fromkeys((*ENDED, "unfinished"), 0), **expected}


def test_other_images_are_refused_on_a_resume(images: Path) -> None:
    settings = config(images, "search.trials=1", "search.epochs=1")
    launch(settings, progress=False)
    before = [(r.number, r.state, r.accuracies) for r in Sweep.open("tiny", settings.folder).trials()]
    next(images.glob("dogs/*.png")).unlink()
    with pytest.raises(SweepError, match="not those this sweep began with"):
        resume("tiny", settings.folder, overrides=["search.trials=2"], progress=False)
    assert [(r.number, r.state, r.accuracies) for r in Sweep.open("tiny", settings.folder).trials()] == before


def test_other_weights_at_the_same_path_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(resnet18(num_classes=10).state_dict(), file)
    text = SWEEP.replace("{name: folder, memory: 1000}", "{name: digits}") + f"recipe: {{weights: [null, {file}]}}\n"
    settings = sweep_file.parse_sweep_file(text, "tiny.yaml", [f"folder={tmp_path}", "space={base: resnet18}"])
    settings.sweep_folder.mkdir()
    dataset = load_data(settings)
    check_inputs(settings, dataset)
    check_inputs(settings, dataset)
    torch.save(resnet18(num_classes=10).state_dict(), file)
    with pytest.raises(SweepError, match="is not what this sweep began with"):
        check_inputs(settings, dataset)


@pytest.mark.parametrize("file", ["model.safetensors", "architecture.json", "proof.json"])
def test_an_export_whose_files_have_changed_is_refused(tmp_path: Path, file: str) -> None:
    """Its weights, its network and how its images are normalised: each is read anew by every trial."""
    backbone = tmp_path / "backbone"
    backbone.mkdir()
    for name in ("model.safetensors", "architecture.json", "proof.json", "model.py"):
        (backbone / name).write_text("as it was")
    text = (
        SWEEP.replace("{name: folder, memory: 1000}", "{name: digits}") + f"recipe: {{weights: [null, {backbone}]}}\n"
    )
    settings = sweep_file.parse_sweep_file(text, "tiny.yaml", [f"folder={tmp_path}"])
    settings.sweep_folder.mkdir()
    dataset = load_data(settings)
    check_inputs(settings, dataset)
    (backbone / "model.py").write_text("which no trial reads")
    check_inputs(settings, dataset)
    (backbone / file).write_text("altered")
    with pytest.raises(SweepError, match="is not what this sweep began with"):
        check_inputs(settings, dataset)
    (backbone / file).unlink()
    with pytest.raises(DataError, match=f"{file} cannot be read: No such file"):
        check_inputs(settings, dataset)


def test_weights_that_cannot_be_fetched_halt_a_launch_before_anything_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    text = (
        SWEEP.replace("{name: folder, memory: 1000}", "{name: digits}")
        + "recipe: {weights: [null, 'torchvision:resnet18']}\n"
    )
    settings = sweep_file.parse_sweep_file(text, "tiny.yaml", [f"folder={tmp_path}"])
    settings.sweep_folder.mkdir()
    with pytest.raises(DataError, match="no network"):
        check_inputs(settings, load_data(settings))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"search": {"epochs": 2}}, "config.json: search.epochs is 2 and was 4 when this sweep began"),
        ({"search": {"seed": 5}}, "config.json: search.seed is 5 and was 0 when this sweep began"),
        ({"data": {"train": 10}}, "config.json: data.train is 10 and was None when this sweep began"),
        ({"search": {"trials": 2}}, ""),
    ],
)
def test_a_config_changed_in_between_is_refused_before_anything_is_written(
    images: Path, changed: dict[str, dict[str, Any]], said: str
) -> None:
    sweep = launch(config(images, "search.trials=1"), progress=False)
    file, study = sweep.folder / "config.json", sweep.folder / "study.jsonl"
    values = json.loads(file.read_text())
    for section, settings in changed.items():
        values[section] |= settings
    file.write_text(json.dumps(values))
    before = study.read_bytes()
    if not said:
        assert len(resume("tiny", sweep.folder.parent, progress=False).trials()) == 2
        return
    with pytest.raises(SweepError, match=re.escape(said)):
        resume("tiny", sweep.folder.parent, progress=False)
    assert study.read_bytes() == before


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "null", '{"data": "x"}', '{"settings": 3, "data": "x", "weights": {}}']
)
def test_inputs_that_were_changed_from_outside_are_refused_by_name(images: Path, content: str) -> None:
    sweep = launch(config(images, "search.trials=1", "search.epochs=1"), progress=False)
    (sweep.folder / "inputs.json").write_text(content)
    with pytest.raises(
        SweepError, match=r"inputs.json is not what Convscape wrote\n.*restore it from a copy, or delete"
    ):
        resume("tiny", sweep.folder.parent, progress=False)
