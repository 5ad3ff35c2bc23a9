"""Exports are run in an environment that has neither this project nor more than what their files need."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import optuna
import pytest
import torch
from bare_environment import make_environment
from convscape.spaces.classics import CLASSICS, classic
from convscape.spaces.conv_space import ConvSpace
from convscape.spaces.conv_space.blocks import BLOCKS
from convscape.trainers import Recipe, Training, build_network
from convscape.trainers.data.dataset import split
from convscape.trainers.data.sources import Source
from convscape.trainers.export import Trained, export_bundle
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.spaces import Architecture
    from convscape.trainers.data import Dataset

pytestmark = pytest.mark.slow

LARGE = os.environ.get("CLASSICS") == "all"
"""Whether all classics are exported in their own size, as `make test-classics` has it."""
SMALLEST = ("lenet5", "alexnet", "vgg11", "googlenet", "resnet18", "all-cnn-a")
"""The smallest of each family."""
RUN = """
import json, runpy, sys, torch, onnxruntime
from pathlib import Path
folder = Path(sys.argv[1])
model = runpy.run_path(str(folder / "model.py"), run_name="model")
examples = model["read_safetensors"](folder / "examples.safetensors")
images = model["prepare"](examples["images"])
session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
forms = {
    "source": model["load"](),
    "pt2": torch.export.load(folder / "model.pt2").module(),
    "onnx": lambda images: torch.from_numpy(session.run(["scores"], {"images": images.numpy()})[0]),
}
found = {}
with torch.inference_mode():
    for name, form in forms.items():
        for size in (1, 2, len(images)):
            wanted = examples["scores"][:size]
            found[f"{name} {size}"] = ((form(images[:size]) - wanted).abs().max() / wanted.abs().max()).item()
extra = {"metadata.json": ""}
torch.export.load(folder / "model.pt2", extra_files=extra)
labels = [json.loads(text)["labels"] for text in extra.values()]
labels.append(json.loads(session.get_modelmeta().custom_metadata_map["labels"]))
print(json.dumps({"differences": found, "labels": labels, "classes": model["CLASSES"]}))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment without this project."""
    return make_environment(tmp_path_factory.mktemp("bare"))


def noise(input: tuple[int, int, int], classes: int) -> Dataset:
    """Images of noise, a few of each class."""
    random = np.random.default_rng(0)
    many = max(40, 5 * classes)
    images = random.integers(0, 256, (many, *input), dtype=np.uint8)
    return split("noise", Source(images, np.arange(many) % classes, tuple(f"class {n}" for n in range(classes))))


def handed_over(architecture: Architecture, to: Path, *, slides: bool = False) -> Path:
    """An export of a network whose batch norms have measured a few images; its other weights are random."""
    dataset = noise(architecture.input, architecture.classes)
    network = build_network(architecture)
    with torch.no_grad():
        network.train()(torch.randn(8, *architecture.input))
    trained = Trained(network=network.eval(), architecture=architecture, dataset=dataset)
    done = export_bundle(trained, to / "out", name="random", slides=slides, insight=False)
    assert not done.refused
    assert not done.absent
    return done.folder


def run_alone(python: Path, folder: Path) -> None:
    """Runs all forms of an export by themselves, and the program on a picture."""
    run = subprocess.run([python, "-I", "-c", RUN, str(folder)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert max(found["differences"].values()) < 1e-4, found["differences"]
    assert found["labels"] == [found["classes"]] * 2
    Image.fromarray(np.full((30, 20, 3), 99, dtype=np.uint8)).save(folder.parent / "picture.png")
    command = [python, folder / "model.py", "--json", folder.parent / "picture.png", folder / "model.onnx"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    answer, problem = map(json.loads, told.stdout.splitlines())
    assert answer["label"] == answer["classes"][0]["label"]
    assert sum(each["probability"] for each in answer["classes"]) == pytest.approx(1, abs=1e-4)
    assert "no picture that can be read" in problem["problem"]
    assert told.returncode == 1


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_of_the_space(python: Path, tmp_path: Path, block: str) -> None:
    space = ConvSpace(
        stages=2, convolutions=[1, 2], block=block, filters=8, growth=2, kernel=[2, 3, 5], dilation=[1, 2],
        downsampling=["max", "l2", "average", "overlapping", "conv_pool", "strided"], norm=["batch", "local_response"],
        activation=["relu", "silu", "leaky_relu", "gelu"], padding=["same", "valid"],
        head=["fc", "global_average", "convolution"], hidden=[0, 16], fit=["crop", "pad"],
    )  # fmt: skip
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=BLOCKS.index(block)))
    run_alone(python, handed_over(space.sample(study.ask(), (3, 24, 20), 5), tmp_path))


@pytest.mark.parametrize("name", CLASSICS if LARGE else SMALLEST)
def test_classics(python: Path, tmp_path: Path, name: str) -> None:
    network = classic(name, classes=10) if LARGE else classic(name, (3, 32, 32), 10)
    run_alone(python, handed_over(network, tmp_path))


def test_a_network_that_slides_over_larger_images(python: Path, tmp_path: Path) -> None:
    folder = handed_over(classic("vgg11", (3, 32, 32), 10), tmp_path, slides=True)
    run_alone(python, folder)
    Image.fromarray(np.full((70, 90, 3), 99, dtype=np.uint8)).save(tmp_path / "large.png")
    command = [python, folder / "model.py", "--own-size", "--half-stride", tmp_path / "large.png"]
    assert "class " in subprocess.check_output(command, text=True)


def test_a_network_that_began_with_weights_learnt_elsewhere(python: Path, tmp_path: Path) -> None:
    backbone = classic("resnet18", (3, 32, 32), 4)
    learnt = handed_over(backbone, tmp_path)
    network, dataset = classic("resnet18", (3, 32, 32), 3), noise((3, 32, 32), 3)
    training = Training(network, Recipe(batch_size=8, weights=str(learnt), frozen=0.5), dataset, seed=0, epochs=1)
    start = {name: value.clone() for name, value in training.network.state_dict().items()}
    assert torch.equal(start["0.weight"], build_network(backbone).state_dict()["0.weight"])
    training.run_epoch()
    training.save(tmp_path / "checkpoint")
    tuned = export_bundle(
        Trained.from_checkpoint(network, tmp_path / "checkpoint", dataset), tmp_path / "tuned", name="n", insight=False
    )
    run_alone(python, tuned.folder)
