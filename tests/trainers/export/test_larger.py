"""Exports on images larger than the network's own: fully convolutional ones, and those whose head is a pooling."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from convscape.spaces import ArchitectureError
from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Activation, Conv, Flatten, GlobalPool, Linear, LocallyConnected, Pool, Residual
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.export import Trained, export_bundle
from convscape.trainers.network import build_network
from convscape.trainers.predicting import exported_classifier
from convscape.trainers.sliding import crops, slide, sliding_network
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

OWN = (1, 8, 8)
SCORES = (Flatten(), Linear(12), Activation(), Linear(10))


def classifier(*layers: Any) -> Architecture:
    return Architecture(OWN, layers, 10)


UNPADDED = classifier(Conv(6, padding="valid"), Activation(), Pool(), *SCORES)
PADDED = classifier(Conv(6), Activation(), Pool(), Conv(6), Activation(), Pool(), *SCORES)
THIRDS = classifier(Conv(6, stride=3), Activation(), *SCORES)
POOLED = classifier(Conv(6), Activation(), Pool(), GlobalPool(), Flatten(), Linear(10))


def exported(architecture: Architecture, to: Path, *, slides: bool) -> tuple[Trained, Path, dict[str, Any]]:
    """An untrained network, its export's folder, and what its model.py defines."""
    torch.manual_seed(0)
    data = load_dataset("digits", train=320, validation=100)
    trained = Trained(network=build_network(architecture).eval(), architecture=architecture, dataset=data)
    export_bundle(trained, to, name="n", formats=(), insight=False, slides=slides)
    return trained, to, runpy.run_path(str(to / "model.py"), run_name="model")


def pixels(height: int, width: int) -> Tensor:
    return torch.randint(0, 256, (3, 1, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def answers(folder: Path, *words: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-I", str(folder / "model.py"), "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_map_has_the_scores_of_the_trained_network_on_each_crop(tmp_path: Path) -> None:
    trained, _, module = exported(UNPADDED, tmp_path / "out", slides=True)
    network, images = module["load"](), module["prepare"](pixels(12, 15))
    assert module["STRIDE"] == (2, 2)
    with torch.inference_mode():
        found = network.score_map(images)
        windows = crops(images, (8, 8), (2, 2))
        assert found.shape == (3, 10, *windows.shape[1:3]) == (3, 10, 3, 4)
        wanted = trained.network(windows.flatten(0, 2)).view(3, 3, 4, 10).permute(0, 3, 1, 2)
        torch.testing.assert_close(found, wanted)
        torch.testing.assert_close(network(images), wanted.mean((2, 3)))
        torch.testing.assert_close(module["predict"](network, pixels(12, 15)), wanted.mean((2, 3)).softmax(1))


@pytest.mark.parametrize("architecture", [UNPADDED, PADDED], ids=["unpadded", "padded"])
@pytest.mark.parametrize("size", [(8, 8), (9, 13), (16, 21)])
def test_half_the_stride_is_that_of_the_library(tmp_path: Path, architecture: Architecture, size: Any) -> None:
    trained, _, module = exported(architecture, tmp_path / "out", slides=True)
    network, images = module["load"](), module["prepare"](pixels(*size))
    wanted = slide(sliding_network(architecture, trained.network.state_dict()), images, half_stride=True)
    torch.testing.assert_close(module["half_stride_map"](network, images), wanted)
    found = module["predict"](network, pixels(*size), half_stride=True)
    torch.testing.assert_close(found, wanted.mean((2, 3)).softmax(1))


def test_the_proof_says_how_far_it_is_from_the_network_and_from_crops(tmp_path: Path) -> None:
    for architecture, pads in ((UNPADDED, False), (PADDED, True)):
        _, folder, _ = exported(architecture, tmp_path / str(pads), slides=True)
        proof, card = json.loads((folder / "proof.json").read_text()), (folder / "MODEL_CARD.md").read_text()
        assert max(proof["agreement"]["forms"]["source"]["largest_difference_at_batch_size"].values()) < 1e-5
        larger = proof["fully_convolutional"]["larger"]
        assert proof["fully_convolutional"]["of"] == architecture.digest
        assert (larger["places"], larger["pads"], larger["pass_seconds"]["n"]) == ([6, 6], pads, 3)
        assert (larger["difference"] > 1e-3) == pads
        assert ("around each crop they see zeros" in card) == pads
        assert "against their 36 crops each" in card


def test_its_architecture_is_one_that_predict_and_describe_take(tmp_path: Path) -> None:
    trained, folder, _ = exported(PADDED, tmp_path / "out", slides=True)
    again = exported_classifier(folder)
    assert not any(isinstance(layer, Linear | Flatten) for layer in again.architecture.layers)
    images = trained.pixels(0, 5)
    wanted = trained.scores(trained.dataset.test, np.arange(5)).softmax(1)
    torch.testing.assert_close(again.probabilities(images), wanted)


@pytest.mark.parametrize(("architecture", "slides"), [(PADDED, True), (POOLED, False)], ids=["map", "pooled"])
def test_the_program_takes_a_larger_picture_as_it_is_and_enlarges_a_smaller_one(
    tmp_path: Path, architecture: Architecture, slides: bool
) -> None:
    _, folder, module = exported(architecture, tmp_path / "out", slides=slides)
    large, low = pixels(20, 31)[0, 0].numpy(), pixels(7, 40)[0, 0].numpy()
    for name, picture in (("large.png", large), ("low.png", low)):
        Image.fromarray(picture).save(tmp_path / name)
    own, small = answers(folder, "--own-size", str(tmp_path / "large.png"), str(tmp_path / "low.png"))
    (resized,) = answers(folder, str(tmp_path / "large.png"))
    if slides:
        (dense,) = answers(folder, "--half-stride", str(tmp_path / "large.png"))
        scores = module["predict"](module["load"](), torch.from_numpy(large)[None, None], half_stride=True)
        assert dense["probability"] == pytest.approx(scores.max().item())
    network = module["load"]()

    def probability_of(images: Tensor) -> float:
        return module["predict"](network, images).max().item()

    assert own["probability"] == pytest.approx(probability_of(torch.from_numpy(large)[None, None]))
    assert resized["probability"] == pytest.approx(probability_of(module["read_image"](tmp_path / "large.png")))
    assert own["probability"] != pytest.approx(resized["probability"])
    assert small["probability"] == pytest.approx(probability_of(module["read_image"](tmp_path / "low.png")))
    with pytest.raises(ValueError, match="this network takes"):
        module["predict"](network, pixels(20, 31)[:, :, :7] if slides else pixels(20, 31).expand(3, 2, 20, 31))


def test_what_a_network_cannot_do_is_no_option_of_its_program(tmp_path: Path) -> None:
    for name, architecture, slides, options in (
        ("fixed", PADDED, False, set()),
        ("pooled", POOLED, True, {"--own-size"}),
        ("thirds", THIRDS, True, {"--own-size"}),
        ("halved", PADDED, True, {"--own-size", "--half-stride"}),
    ):
        _, folder, module = exported(architecture, tmp_path / name, slides=slides)
        help_ = subprocess.check_output([sys.executable, "-I", folder / "model.py", "--help"], text=True)
        assert {word for word in ("--own-size", "--half-stride") if word in help_} == options
        assert ("half_stride_map" in module) == ("--half-stride" in options)
        assert ("score_map" in vars(module["Network"])) == (name in ("thirds", "halved"))
        assert not [line for line in (folder / "model.py").read_text().splitlines() if line != line.rstrip()]


def test_a_size_at_which_branches_do_not_meet_is_told_and_the_next_picture_answered(tmp_path: Path) -> None:
    block = Residual((Conv(6, stride=2),), (Pool("average", 2), Conv(6, 1)))
    _, folder, _ = exported(classifier(block, GlobalPool(), Flatten(), Linear(10)), tmp_path / "out", slides=False)
    for name, size in (("odd.png", (11, 13)), ("even.png", (12, 14))):
        Image.fromarray(pixels(*size)[0, 0].numpy()).save(tmp_path / name)
    command = [sys.executable, "-I", folder / "model.py", "--json", "--own-size"]
    done = subprocess.run([*command, tmp_path / "odd.png", tmp_path / "even.png"], capture_output=True, text=True)
    problem, answer = map(json.loads, done.stdout.splitlines())
    assert problem["problem"].startswith("the network cannot take 11x13 pixels: ")
    assert answer["label"]
    assert (done.returncode, done.stderr) == (1, "")


def test_a_pooled_head_has_no_crops_to_be_compared_with(tmp_path: Path) -> None:
    _, folder, module = exported(POOLED, tmp_path / "out", slides=True)
    assert json.loads((folder / "proof.json").read_text())["fully_convolutional"]["larger"] is None
    assert "an image of any size" in (folder / "MODEL_CARD.md").read_text()
    assert module["predict"](module["load"](), pixels(9, 30)).shape == (3, 10)


def test_a_network_that_cannot_slide_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match="LocallyConnected has filters for each place"):
        exported(classifier(LocallyConnected(4), *SCORES), tmp_path / "out", slides=True)
    assert not list(tmp_path.iterdir())
