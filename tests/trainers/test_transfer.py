from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
import torchvision
from convscape.spaces.architecture import Architecture
from convscape.spaces.classics.catalog import classic
from convscape.spaces.errors import CheckpointError, DataError, TrainingError
from convscape.spaces.layers import Activation, BatchNorm, Conv, Flatten, Linear, Pool
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.network import build_network
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training
from convscape.trainers.transfer import IMAGENET_MEAN, IMAGENET_STD, read_weights, start_from
from exporting import export_checkpoint
from torchvision import models

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from convscape.trainers.data.dataset import Dataset

BODY = (Conv(16), BatchNorm(), Activation(), Pool(), Conv(32), BatchNorm(), Activation(), Pool(), Flatten())
RECIPE = Recipe(batch_size=32, learning_rate=0.02)


def of_classes(dataset, names):
    """The part of a data set that is of these classes, renumbered."""

    def part(whole):
        kept = [i for i, label in enumerate(whole.labels) if dataset.classes[label] in names]
        images = whole.picked(kept)
        return replace(images, labels=images.labels - int(names[0]))

    return replace(
        dataset, train=part(dataset.train), validation=part(dataset.validation), test=part(dataset.test),
        classes=tuple(names),
    )  # fmt: skip


def export_of(folder, epochs):
    """A network after that many epochs on the digits 0 to 4, exported."""
    known = of_classes(load_dataset("digits"), "01234")
    architecture = Architecture((1, 8, 8), (*BODY, Linear(5)), 5)
    training = Training(architecture, RECIPE, known, seed=0, epochs=6)
    for _ in range(epochs):
        training.run_epoch()
    training.save(folder / "checkpoint")
    return export_checkpoint(architecture, folder / "checkpoint", known, folder / "out", name="backbone").folder


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return export_of(tmp_path_factory.mktemp("backbone"), epochs=6)


@pytest.fixture(scope="module")
def few():
    """Forty images of the digits 5 to 8."""
    return of_classes(load_dataset("digits", train=100, validation=300), "5678")


ARCHITECTURE = Architecture((1, 8, 8), (*BODY, Linear(4)), 4)


def accuracies(recipe, dataset, epochs=6):
    training = Training(ARCHITECTURE, recipe, dataset, seed=0, epochs=epochs)
    return [training.run_epoch().validation_accuracy for _ in range(epochs)]


def test_what_was_learnt_on_some_digits_tells_others_apart(backbone, few, tmp_path):
    """Nothing but the last layer learns: the features make the difference."""
    recipe = replace(RECIPE, batch_size=8, frozen=1.0)
    random = accuracies(replace(recipe, weights=str(export_of(tmp_path, epochs=0))), few)
    learnt = accuracies(replace(recipe, weights=str(backbone)), few)
    assert sum(learnt) > sum(random) + 0.3
    assert learnt[-1] > 0.8


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.5, 2), (1.0, 4)])
def test_frozen_layers_keep_their_weights_and_statistics(backbone, few, share, count):
    training = Training(ARCHITECTURE, replace(RECIPE, weights=str(backbone), frozen=share), few, seed=0, epochs=2)
    before = {name: value.clone() for name, value in training.network.state_dict().items()}
    training.run_epoch()
    after = training.network.state_dict()
    layers = ["0", "1", "4", "5", "9"]
    kept = [
        layer for layer in layers if all(torch.equal(before[n], after[n]) for n in before if n.startswith(f"{layer}."))
    ]
    assert kept == layers[:count]


def test_pausing_a_transfer_changes_nothing(backbone, few, tmp_path):
    recipe = replace(RECIPE, weights=str(backbone), frozen=0.5)
    unbroken = accuracies(recipe, few, epochs=3)
    training = Training(ARCHITECTURE, recipe, few, seed=0, epochs=3)
    training.run_epoch()
    training.save(tmp_path / "one")
    resumed = Training(ARCHITECTURE, recipe, few, seed=0, epochs=3)
    resumed.restore(tmp_path / "one")
    assert [resumed.run_epoch().validation_accuracy for _ in range(2)] == unbroken[1:]


def test_a_checkpoint_learnt_with_another_normalisation_is_refused(
    backbone: Path, few: Dataset, tmp_path: Path
) -> None:
    """Its weights belong to images as the first layer saw them: an export whose proof has changed is another start."""
    copy = tmp_path / "copy"
    shutil.copytree(backbone, copy)
    recipe = replace(RECIPE, weights=str(copy))
    Training(ARCHITECTURE, recipe, few, seed=0, epochs=2).save(tmp_path / "one")
    proof = json.loads((copy / "proof.json").read_text())
    proof["normalisation"]["mean"] = [0.25]
    (copy / "proof.json").write_text(json.dumps(proof))
    with pytest.raises(CheckpointError, match=r"its normalisation is .* not .*0\.25"):
        Training(ARCHITECTURE, recipe, few, seed=0, epochs=2).restore(tmp_path / "one")


def test_an_export_keeps_the_normalisation_of_the_weights(backbone, few, tmp_path):
    training = Training(ARCHITECTURE, replace(RECIPE, weights=str(backbone)), few, seed=0, epochs=1)
    result = training.run_epoch()
    training.save(tmp_path / "one")
    as_test = replace(few, test=few.validation, train=few.train)
    as_test.__dict__["fingerprint"] = few.fingerprint  # so that export measures on the validation part
    done = export_checkpoint(ARCHITECTURE, tmp_path / "one", as_test, tmp_path / "out", name="tuned")
    assert done.test_accuracy == pytest.approx(result.validation_accuracy)
    assert training.dataset.mean != few.mean


@pytest.mark.parametrize(
    ("name", "ours", "options"),
    [
        ("alexnet", "alexnet-torchvision", {}),
        ("resnet18", "resnet18", {}),
        ("resnet50", "resnet50", {}),
        ("googlenet", "googlenet-torchvision", {"aux_logits": True, "init_weights": False}),
        pytest.param("vgg11", "vgg11", {}, marks=pytest.mark.slow),
        pytest.param("vgg16", "vgg16", {}, marks=pytest.mark.slow),
    ],
)
def test_torchvisions_own_weights_fit_the_classics(name, ours, options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = getattr(models, name)(weights=None, **options).eval()
        for module in theirs.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
                torch.nn.init.uniform_(module.bias, -0.5, 0.5)
        image = torch.randn(1, 3, 224, 224)
    network = build_network(classic(ours)).eval()
    start_from(network, theirs.state_dict())
    with torch.no_grad():
        wanted, found = theirs(image), network(image)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4 * wanted.abs().max().item())


def test_a_file_in_torchvisions_layout(tmp_path):
    theirs = models.resnet18(weights=None, num_classes=7)
    file = str(tmp_path / "weights.pth")
    torch.save(theirs.state_dict(), file)
    images = load_dataset("digits", train=40, validation=20, size=32)
    colour = replace(images, **{
        part: replace(getattr(images, part), images=getattr(images, part).images.repeat(3, axis=1))
        for part in ("train", "validation", "test")
    })  # fmt: skip
    recipe = Recipe(batch_size=20, weights=file, frozen=1.0)
    training = Training(classic("resnet18", (3, 32, 32), 10), recipe, colour, seed=0, epochs=1)
    assert torch.equal(training.network.get_submodule("0").weight, theirs.conv1.weight)
    assert training.dataset.mean == IMAGENET_MEAN
    assert training.run_epoch().epoch == 1


def test_weights_of_another_network_are_refused(backbone, few):
    shallow = Architecture((1, 8, 8), (Conv(16), Flatten(), Linear(4)), 4)
    wide = Architecture((1, 8, 8), (Conv(17), *BODY[1:], Linear(4)), 4)
    count = "holds 5 layers with weights and the network has 2"
    for architecture, message in ((shallow, count), (wide, "layer 0 has the shapes")):
        with pytest.raises(TrainingError, match=message):
            Training(architecture, replace(RECIPE, weights=str(backbone)), few, seed=0, epochs=1)


@pytest.mark.parametrize("weights", ["/nowhere/weights.pth", "/", "torchvision:resnet1"])
def test_weights_that_are_not_there_are_named(few, weights):
    with pytest.raises(DataError, match=r"recipe.weights .* cannot be read"):
        Training(ARCHITECTURE, replace(RECIPE, weights=weights), few, seed=0, epochs=1)


def test_torchvisions_download_is_asked_by_its_name(monkeypatch, few):
    """Nothing is downloaded here: torchvision's own function is replaced."""
    state = build_network(ARCHITECTURE, seed=5).state_dict()
    asked = []

    def fetch(self, **options):
        asked.append((self.name, options["check_hash"]))
        return state

    monkeypatch.setattr(torchvision.models.ResNet18_Weights, "get_state_dict", fetch)
    grey = replace(RECIPE, weights="torchvision:resnet18")
    three = replace(few, **{
        part: replace(getattr(few, part), images=getattr(few, part).images.repeat(3, axis=1))
        for part in ("train", "validation", "test")
    })  # fmt: skip
    colour = Architecture((3, 8, 8), ARCHITECTURE.layers, 4)
    with pytest.raises(TrainingError, match=r"layer 0 has the shapes"):
        Training(colour, grey, three, seed=0, epochs=1)
    assert asked == [("IMAGENET1K_V1", True)]


def test_what_is_no_state_dict_says_what_to_save(tmp_path: Path) -> None:
    """A whole model is not unpickled; an empty file, a list and a nested state_dict are what people have."""
    model, file = torch.nn.Linear(2, 2), tmp_path / "weights.pth"
    for saved, says in ((model, "holds more than tensors"), ([1], "no state_dict"), ({}, "no state_dict")):
        torch.save(saved, file)
        with pytest.raises(DataError, match=says):
            read_weights(str(file))
    file.write_bytes(b"")
    with pytest.raises(DataError, match="cannot be read"):
        read_weights(str(file))
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, file)
    assert read_weights(str(file))[0].keys() == model.state_dict().keys()


def as_imagenet_is_shown(mean: Sequence[float], std: Sequence[float]) -> bool:
    """Whether a pixel comes to what torchvision's GoogLeNet makes of it (`transform_input`) before its first layer.

    x * std / 0.5 + (mean - 0.5) / 0.5 of ImageNet's mean and standard deviation.
    """
    pixel, means, stds = torch.tensor([0.1, 0.7, 0.4]), torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    wanted = (pixel - means) / stds * (stds / 0.5) + (means - 0.5) / 0.5
    return torch.allclose((pixel - torch.tensor(mean)) / torch.tensor(std), wanted, atol=1e-6)


@pytest.mark.parametrize("name", ["weights.pth", "googlenet.pth", "resnet.pth"])
def test_googlenet_s_weights_bring_the_normalisation_its_first_layer_saw(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    torch.save(models.googlenet(weights=None, init_weights=False).state_dict(), file)
    assert as_imagenet_is_shown(*read_weights(str(file))[1])


def test_a_resnet_is_none_whatever_its_file_is_called(tmp_path: Path) -> None:
    file = tmp_path / "googlenet-or-rather-resnet18.pth"
    torch.save(models.resnet18(weights=None).state_dict(), file)
    assert read_weights(str(file))[1] == (IMAGENET_MEAN, IMAGENET_STD)


def test_torchvision_s_own_googlenet_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded here: torchvision's own function is replaced."""
    with torch.device("meta"):
        state = models.googlenet(weights=None, init_weights=False).state_dict()
    monkeypatch.setattr(torchvision.models.GoogLeNet_Weights, "get_state_dict", lambda *_, **__: state)
    assert as_imagenet_is_shown(*read_weights("torchvision:googlenet")[1])
