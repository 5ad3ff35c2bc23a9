"""The whole training step recorded as one CUDA graph, against the step as it is."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest
from convscape.trainers import Training
from gpu.curves import ADAMW, EPOCHS, SGD, apart, curve, start
from gpu.networks import CHANCY, STRIDED, block_network

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.trainers.device import Precision

pytestmark = [
    pytest.mark.gpu("graphs"),
    pytest.mark.skipif(
        "graphs" not in inspect.signature(Training).parameters, reason="Training records no CUDA graphs yet"
    ),
]

NEARLY = 0.02
"""The kernels are the same ones; a recorded step may sum in another order."""


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("recipe", [SGD, ADAMW], ids=["sgd", "adamw"])
def test_a_step_recorded_as_a_graph_gives_the_curve_of_a_step_as_it_is(
    recipe, precision: Precision, device: str, figure
) -> None:
    network = block_network("residual", "batch", "strided")
    plain = curve(start(network, recipe, device, precision=precision))
    recorded = start(network, recipe, device, precision=precision, graphs=True)
    found = curve(recorded)
    figure("largest difference", apart(plain, found))
    assert recorded.events == []
    assert apart(plain, found) <= NEARLY


def test_a_graph_draws_dropout_anew_at_each_step_and_again_from_the_same_seed(device: str, figure) -> None:
    one, other = (curve(start(CHANCY, SGD, device, graphs=True)) for _ in range(2))
    figure("largest difference", apart(one, other))
    assert apart(one, other) <= NEARLY
    assert one[-1][0] < one[0][0]


def test_a_training_by_graphs_pauses_and_goes_on_with_or_without_them(device: str, figure, tmp_path: Path) -> None:
    unbroken = curve(start(STRIDED, SGD, device, graphs=True))
    for pause in range(1, EPOCHS):
        first = start(STRIDED, SGD, device, graphs=True)
        before = curve(first, pause)
        first.save(tmp_path / "paused")
        second = start(STRIDED, SGD, device, graphs=pause % 2 == 0)
        second.restore(tmp_path / "paused")
        found = before + curve(second, EPOCHS - pause)
        figure("largest difference", apart(unbroken, found))
        assert apart(unbroken, found) <= NEARLY


def test_two_trainings_by_graphs_follow_each_other_in_one_process(device: str) -> None:
    """The second must not write into the memory of the first's graph."""
    first = start(STRIDED, SGD, device, graphs=True)
    before = curve(first, 1)
    curve(start(STRIDED, SGD, device, graphs=True, seed=1), 2)
    assert apart(before + curve(first, EPOCHS - 1), curve(start(STRIDED, SGD, device, graphs=True))) <= NEARLY
