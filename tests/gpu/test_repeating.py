"""Trainings that can be repeated, paused and taken up: how exactly, with deterministic algorithms and without."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
import torch
from gpu.curves import ADAMW, EPOCHS, SGD, apart, curve, start
from gpu.networks import CHANCY, PLAIN, STRIDED, block_network

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.spaces import Architecture
    from convscape.trainers import Recipe
    from convscape.trainers.device import Precision

pytestmark = pytest.mark.gpu("correctness")

NEARLY = 0.05
"""How far curves of one seed may lie apart where sums come in any order: far more than was ever seen, far less than
another seed's lie apart."""
NETWORKS: dict[str, Architecture] = {
    "strided": STRIDED,
    "dropout": CHANCY,
    "max pooling": PLAIN,
    "residual": block_network("residual", "batch", "max"),
}


def twice(network: Architecture, device: str, precision: Precision):
    """Two curves of one seed, whatever chance the process is at."""
    curves = []
    for chance in range(2):
        torch.manual_seed(chance)
        curves.append(curve(start(network, SGD, device, precision=precision)))
    return curves


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_seed_gives_the_same_curve_to_the_bit_with_deterministic_algorithms(
    name: str, precision: Precision, device: str, deterministic, figure
) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        one, other = twice(NETWORKS[name], device, precision)
    lacking = [str(each.message) for each in told if "deterministic implementation" in str(each.message)]
    figure("largest difference", apart(one, other))
    assert one[-1][0] < one[0][0]  # it learns
    assert one == other or (lacking and apart(one, other) <= NEARLY), lacking


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_seed_gives_nearly_the_same_curve_as_things_are(
    name: str, precision: Precision, device: str, figure
) -> None:
    one, other = twice(NETWORKS[name], device, precision)
    figure("largest difference", apart(one, other))
    assert apart(one, other) <= NEARLY


def test_another_seed_gives_another_curve(device: str, figure) -> None:
    one, other = (curve(start(CHANCY, SGD, device, seed=seed)) for seed in (0, 1))
    figure("largest difference", apart(one, other))
    assert apart(one, other) > 2 * NEARLY


def resumed(network: Architecture, recipe: Recipe, device: str, precision: Precision, pause: int, folder: Path):
    """The curve of a training that is put on disk after `pause` epochs and taken up by another."""
    first = start(network, recipe, device, precision=precision)
    before = curve(first, pause)
    first.save(folder / "paused")
    torch.manual_seed(pause)  # another process's chance
    second = start(network, recipe, device, precision=precision)
    second.restore(folder / "paused")
    return before + curve(second, EPOCHS - pause)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("recipe", [SGD, ADAMW], ids=["sgd", "adamw"])
def test_a_pause_after_any_epoch_leaves_the_curve_unbroken_to_the_bit_with_deterministic_algorithms(
    recipe: Recipe, precision: Precision, device: str, deterministic, figure, tmp_path: Path
) -> None:
    unbroken = curve(start(CHANCY, recipe, device, precision=precision))
    curves = [resumed(CHANCY, recipe, device, precision, pause, tmp_path) for pause in range(1, EPOCHS)]
    figure("largest difference", max(apart(unbroken, each) for each in curves))
    assert curves == [unbroken] * (EPOCHS - 1)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("recipe", [SGD, ADAMW], ids=["sgd", "adamw"])
def test_a_pause_after_any_epoch_nearly_leaves_the_curve_unbroken_as_things_are(
    recipe: Recipe, precision: Precision, device: str, figure, tmp_path: Path
) -> None:
    unbroken = curve(start(CHANCY, recipe, device, precision=precision))
    curves = [resumed(CHANCY, recipe, device, precision, pause, tmp_path) for pause in range(1, EPOCHS)]
    figure("largest difference", max(apart(unbroken, each) for each in curves))
    assert all(apart(unbroken, each) <= NEARLY for each in curves)
