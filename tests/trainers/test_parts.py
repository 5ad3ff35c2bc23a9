"""A batch in parts where memory is short, and an optimiser's state put back where it belongs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Activation, BatchNorm, Conv, Flatten, GlobalPool, Linear, Pool
from convscape.trainers.checkpoint import read
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training

IMAGE = (1, 8, 8)
PLAIN = Architecture(IMAGE, (Conv(8), Activation(), Pool(), Flatten(), Linear(10)), 10)
SMALL = Recipe(batch_size=32)
ADAMW = Recipe(optimizer="adamw", learning_rate=0.003, batch_size=32)


def start(architecture, recipe, dataset) -> Training:
    return Training(architecture, recipe, dataset, seed=0, epochs=4)


def losses(training: Training, epochs: int) -> list[float]:
    return [training.run_epoch().train_loss for _ in range(epochs)]


@pytest.mark.parametrize("batch", [10, 13, 25, 50])
def test_no_part_of_a_batch_is_a_single_image_that_a_batch_norm_refuses(digits, batch: int) -> None:
    """Parts differ by one image at most: `chunk` gave 10 in 4 parts as 3, 3, 3 and 1."""
    narrow = Architecture(IMAGE, (Conv(4), GlobalPool(), BatchNorm(), Activation(), Flatten(), Linear(10)), 10)
    training = start(narrow, replace(SMALL, batch_size=batch), digits)
    training._parts = min(16, batch // 2)
    assert training.run_epoch().epoch == 1


def test_state_of_an_optimiser_goes_where_its_weight_is(digits, tmp_path) -> None:
    """The fused AdamW wants its counts on the weight's device; PyTorch's "meta" stands for a GPU's."""
    training = start(PLAIN, ADAMW, digits)
    training.run_epoch()
    training.save(tmp_path / "one")
    kept = {
        name: value.to("meta") for name, value in read(tmp_path / "one")[0].items() if name.startswith("optimizer.")
    }
    for group in training.optimizer.param_groups:
        group["params"] = [torch.nn.Parameter(weight.to("meta")) for weight in group["params"]]
    training._restore_optimizer({name.removeprefix("optimizer."): value for name, value in kept.items()})
    states = [value for state in training.optimizer.state.values() for value in state.values()]
    assert len(states) == len(kept)
    assert {value.device.type for value in states} == {"meta"}


def test_the_state_of_an_optimiser_is_all_replaced(digits, tmp_path) -> None:
    fresh = start(PLAIN, SMALL, digits)
    fresh.save(tmp_path / "none")
    used = start(PLAIN, SMALL, digits)
    used.run_epoch()
    used.restore(tmp_path / "none")
    assert losses(used, 2) == losses(fresh, 2)


@pytest.mark.parametrize("says", ["[enforce fail at alloc_cpu.cpp:127]", "DefaultCPUAllocator: can't allocate memory"])
def test_memory_that_runs_out_on_the_cpu_is_known_by_its_words(digits, monkeypatch, says: str) -> None:
    training = start(PLAIN, SMALL, digits)
    whole, calls = training._gradient_in_parts, iter(range(100_000))

    def once(*batch):
        if next(calls) == 0:
            raise RuntimeError(says)
        return whole(*batch)

    monkeypatch.setattr(training, "_gradient_in_parts", once)
    assert "in 2 parts" in training.run_epoch().events[0]
