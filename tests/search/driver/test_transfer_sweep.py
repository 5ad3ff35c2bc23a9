"""Sweeps that start from weights learnt on other digits, next to training from chance."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from convscape.search.config import sweep_file
from convscape.search.config.recipe_space import RecipeSpace
from convscape.search.driver import launching as sweeps
from convscape.search.driver.launching import launch, resume
from convscape.search.proposals import DesignSpace
from convscape.search.proposals.enqueued import initial_designs
from convscape.search.proposals.feasibility import smallest
from convscape.search.workers import training_job
from convscape.spaces.architecture import Architecture
from convscape.spaces.classics.catalog import classic
from convscape.spaces.errors import ConfigError, SpaceError
from convscape.spaces.layers import Activation, BatchNorm, Conv, Flatten, GlobalPool, Linear, Pool
from convscape.trainers.checkpoint import read_checkpoint
from convscape.trainers.checkpoints import Checkpoints
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.network import build_network
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training
from convscape.trainers.transfer import read_weights
from exporting import export_checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from convscape.search.config.schema import SweepConfig
    from convscape.trainers.data.dataset import Dataset

pytestmark = pytest.mark.usefixtures("quiet")

IMAGE = (1, 8, 8)
BODY = (Conv(16), BatchNorm(), Activation(), Pool(), Conv(32), BatchNorm(), Activation(), Pool(), Flatten())
TINY = """
name: tuned
data: {name: digits}
space: {stages: 1, convolutions: 1, filters: [4, 8], kernel: 3, dropout: 0.0, hidden: 0}
recipe: {batch_size: 32, learning_rate: 0.02, frozen: [0.0, 1.0]}
search: {finalists: 0, trials: 6, epochs: 2, reduction: 2, seed: 1, sampler: random}
resources: {runner: inline, precision: float32}
"""


def of_classes(dataset: Dataset, names: str) -> Dataset:
    """The part of the digits that is of these classes, renumbered."""

    def part(whole: Any) -> Any:
        images = whole.picked([i for i, label in enumerate(whole.labels) if dataset.classes[label] in names])
        return replace(images, labels=images.labels - int(names[0]))

    parts = {name: part(getattr(dataset, name)) for name in ("train", "validation", "test")}
    return replace(dataset, classes=tuple(names), **parts)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network trained on the digits 0 to 4, exported."""
    folder = tmp_path_factory.mktemp("backbone")
    known = of_classes(load_dataset("digits"), "01234")
    architecture = Architecture(IMAGE, (*BODY, Linear(5)), 5)
    training = Training(architecture, Recipe(batch_size=32, learning_rate=0.02), known, seed=0, epochs=6)
    for _ in range(6):
        training.run_epoch()
    training.save(folder / "checkpoint")
    return export_checkpoint(architecture, folder / "checkpoint", known, folder / "out", name="backbone").folder


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data of every sweep: the digits 5 to 9."""
    few = of_classes(load_dataset("digits", train=400, validation=300), "56789")
    for module in ("launching", "preflight"):
        monkeypatch.setattr(f"convscape.search.driver.{module}.load_data", lambda *_, **__: few)


def parsed(*overrides: str) -> SweepConfig:
    return sweep_file.parse_sweep_file(TINY, "tuned.yaml", overrides)


def drawn(config: SweepConfig, count: int = 30, input: tuple[int, int, int] = IMAGE) -> Sequence[Any]:
    return list(DesignSpace.of(config, input, 5).draw(count, config.search.seed))


def test_trials_with_weights_train_their_network_and_do_better(
    backbone: Path, others: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(backbone.parent)
    sweep = launch(parsed(f"folder={tmp_path}", "recipe.weights=[null, out]"), progress=False)
    records = [record for record in sweep.trials() if record.accuracies]
    learnt = [record for record in records if record.design.recipe.weights]
    chance = [record for record in records if not record.design.recipe.weights]
    assert {record.design.recipe.frozen for record in learnt} == {0.0, 1.0}
    assert {record.design.recipe.frozen for record in chance} == {0.0}
    for record in learnt:
        assert record.design.architecture == Architecture(IMAGE, (*BODY, Linear(5)), 5)
        assert record.design.recipe.weights == str(backbone)
    assert max(r.accuracies[1] for r in learnt) > max(r.accuracies[1] for r in chance)
    frozen = next(record for record in learnt if record.design.recipe.frozen == 1.0)
    kept = Checkpoints(sweep.folder / "trials" / f"{frozen.number:05d}").at(frozen.epochs)
    tensors, backbones = read_checkpoint(kept)[0], read_weights(str(backbone))[0]
    for name in ("0.weight", "1.running_mean", "4.weight"):
        assert torch.equal(tensors[f"network.{name}"], backbones[name])
    assert json.loads((sweep.folder / "config.json").read_text())["recipe"]["weights"] == [None, str(backbone)]
    assert sweep.counts()["failed"] == 0


def test_an_export_of_it_has_the_normalisation_of_the_weights(backbone: Path, others: None, tmp_path: Path) -> None:
    from convscape.search.handover import exporting as opened

    sweep = launch(parsed(f"folder={tmp_path}", f"recipe.weights={backbone}", "search.trials=1"), progress=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opened, "load_data", sweeps.load_data)
        sweep.export(tmp_path / "winner", formats=(), insight=False)
    ours, theirs = (json.loads((f / "proof.json").read_text()) for f in (tmp_path / "winner", backbone))
    assert ours["normalisation"] == theirs["normalisation"]
    assert ours["trained"]["recipe"]["weights"] == backbone.name
    assert str(backbone.parent) not in json.dumps(ours), "no path of this machine"


def test_a_resume_goes_on_from_elsewhere(
    backbone: Path, others: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(backbone.parent)
    overrides = ("recipe.weights=[null, out]", "search.trials=4")
    whole = launch(parsed(f"folder={tmp_path / 'whole'}", *overrides), progress=False)
    epoch, left = training_job.TrainingJob.epoch, [3]

    def killed(self: training_job.TrainingJob) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return epoch(self)

    monkeypatch.setattr(training_job.TrainingJob, "epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        launch(parsed(f"folder={tmp_path / 'broken'}", *overrides), progress=False)
    monkeypatch.setattr(training_job.TrainingJob, "epoch", epoch)
    monkeypatch.chdir(tmp_path)
    broken = resume("tuned", tmp_path / "broken", progress=False)
    fates = [[(r.design.key, r.state, r.accuracies) for r in sweep.trials()] for sweep in (whole, broken)]
    assert fates[0] == fates[1]


def test_weights_and_how_much_is_frozen_are_asked_only_where_they_matter(backbone: Path) -> None:
    found = drawn(parsed(f"recipe.weights=[null, {backbone}]", "recipe.frozen={low: 0.1, high: 1.0}"))
    frozen = [design.recipe.frozen for design in found if design.recipe.weights]
    assert 5 < len(frozen) < 25
    assert len(set(frozen)) == len(frozen)
    assert all(design.recipe.frozen == 0 for design in found if not design.recipe.weights)
    with pytest.raises(SpaceError, match=r"recipe.frozen: there are no weights"):
        RecipeSpace(frozen=[0.0, 0.5])


def test_torchvisions_models_are_the_classics_scaled_to_the_images() -> None:
    config = parsed("recipe.weights=[torchvision:resnet18, torchvision:alexnet]", "data.size=224")
    config.network_space().check((3, 224, 224))
    known = {name: classic(name, (3, 224, 224), 5).digest for name in ("resnet18", "alexnet-torchvision")}
    for design in drawn(config, 8, (3, 224, 224)):
        name = (design.recipe.weights or "").removeprefix("torchvision:")
        assert design.architecture.digest == known.get(name) or known[f"{name}-torchvision"]
    parsed("recipe.weights=torchvision:resnet18").network_space().check((3, 32, 32))


def test_an_all_convolutional_export_gets_the_scores_in_its_last_convolution(tmp_path: Path) -> None:
    layers = (Conv(8), Activation(), Conv(4, 1), GlobalPool(), Flatten())
    source = Architecture(IMAGE, layers, 4)
    (tmp_path / "architecture.json").write_text(json.dumps(source.to_json()))
    (design,) = drawn(parsed(f"recipe.weights={tmp_path}"), 1)
    assert design.architecture == Architecture(IMAGE, (*layers[:2], Conv(5, 1), *layers[3:]), 5)


@pytest.mark.parametrize(
    ("weights", "input", "message"),
    [
        ("torchvision:resnet18", (1, 32, 32), "images of 32x32x1: .*layer .* has the shapes"),
        ("torchvision:vgg11", (3, 32, 32), "images of 32x32x3: .*layer .* has the shapes"),
        ("torchvision:resnet19", (3, 32, 32), "no such network here"),
        ("/nowhere", (1, 8, 8), "there is no such file or folder"),
        (__file__, (1, 8, 8), "does not say which network"),
        ("BACKBONE", (3, 8, 8), "images of 8x8x3: .*layer .* has the shapes"),
        ("BACKBONE", (1, 2, 2), "recipe.weights: "),
    ],
)
def test_weights_that_do_not_fit_are_refused_at_the_start(
    backbone: Path, weights: str, input: tuple[int, int, int], message: str
) -> None:
    space = parsed(f"recipe.weights=[null, {weights.replace('BACKBONE', str(backbone))}]").network_space()
    with pytest.raises(SpaceError, match=message) as caught:
        space.check(input)
    assert caught.value.key == "recipe.weights"
    assert caught.value.remedy


def test_a_file_of_weights_is_the_bases(tmp_path: Path) -> None:
    file = tmp_path / "lenet.pth"
    torch.save(build_network(classic("lenet5", IMAGE, 10)).state_dict(), file)
    base = "space={base: lenet5, width: [0.5, 1]}"
    config = parsed(base, f"recipe.weights=[null, {file}]")
    config.network_space().check(IMAGE)
    full = classic("lenet5", IMAGE, 5).digest
    assert {d.architecture.digest == full for d in drawn(config) if d.recipe.weights} == {True}
    assert {d.architecture.digest == full for d in drawn(config) if not d.recipe.weights} == {True, False}
    with pytest.raises(SpaceError, match="cannot be read"):
        parsed(base, f"recipe.weights={tmp_path / 'gone.pth'}").network_space().check(IMAGE)


@pytest.mark.parametrize("weights", ["3", "[null, null]", "[]", "''", "{low: 1, high: 2}"])
def test_what_are_no_weights_is_named(weights: str) -> None:
    with pytest.raises(ConfigError, match=r"recipe.weights: "):
        parsed(f"recipe.weights={weights}")


def test_a_budget_does_not_shrink_what_has_weights(backbone: Path) -> None:
    config = parsed(f"recipe.weights=[null, {backbone}]", "budget={parameters: 400, over_budget: shrink}")
    for design in drawn(config):
        over = config.budget.exceeded(design.architecture, design.recipe)
        assert bool(over) == bool(design.recipe.weights)
    assert smallest(DesignSpace.of(config, IMAGE, 5), 0).recipe.weights is None


def test_named_networks_start_from_chance_unless_they_say_otherwise(backbone: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(backbone.parent)
    entries = f"[lenet5, {{network: '{backbone}/architecture.json', recipe: {{weights: out, frozen: 0.5}}}}]"
    config = sweep_file.parse_sweep_file(TINY, "tuned.yaml", [f"search.start={entries}", f"recipe.weights={backbone}"])
    found = [enqueued.design.recipe for enqueued in initial_designs(config, DesignSpace.of(config, IMAGE, 5))]
    assert [(recipe.weights, recipe.frozen) for recipe in found] == [(None, 0.0), (str(backbone), 0.5)]


def test_the_size_counts_a_network_for_each_of_the_weights(backbone: Path) -> None:
    plain = parsed("recipe.frozen=0.0").network_space().size(IMAGE)
    both = parsed(f"recipe.weights=[null, {backbone}]").network_space().size(IMAGE)
    assert both.networks == plain.networks + 1  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    assert str(parsed(f"recipe.weights={backbone}").network_space().size(IMAGE)) == "1 distinct network"
