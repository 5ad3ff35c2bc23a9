"""How many threads a training is faster with, by a clock of the test's own."""

from __future__ import annotations

import pytest
import torch
from convscape.spaces.parsing import parse_notation
from convscape.trainers.measuring import threads as measuring
from convscape.trainers.measuring.threads import faster_threads
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training

NETWORK = parse_notation("INPUT[8x8x1] -> CONV3-4 -> BN -> RELU -> GAP -> FLATTEN -> DROPOUT0.5 -> FC-10")


@pytest.fixture
def training(digits) -> Training:
    return Training(NETWORK, Recipe(batch_size=32), digits, seed=0, epochs=2)


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({1: [9, 4, 4, 4], 2: [9, 2, 2, 2]}, 2),
        ({1: [9, 4, 4, 4], 2: [9, 30, 1, 30]}, 1),
        ({1: [1, 4, 90, 4], 2: [99, 3, 3, 90]}, 2),
    ],
)
def test_the_faster_number_is_chosen_by_the_median_after_a_first_step(training, monkeypatch, seconds, chosen):
    clock, count = [0.0], [0]
    steps = {threads: iter(taken) for threads, taken in seconds.items()}

    def now():
        count[0] += 1
        if count[0] % 2 == 0:  # a step has ended
            clock[0] += next(steps[torch.get_num_threads()])
        return clock[0]

    monkeypatch.setattr(measuring.time, "perf_counter", now)
    before = torch.get_num_threads()
    assert faster_threads(training, 1, 2) == chosen
    assert torch.get_num_threads() == before


def test_measuring_changes_nothing_of_a_training(digits, training):
    wanted = Training(NETWORK, Recipe(batch_size=32), digits, seed=0, epochs=2)
    training.run_epoch()
    wanted.run_epoch()
    chance = torch.get_rng_state()
    faster_threads(training, 1, 2)
    assert torch.equal(torch.get_rng_state(), chance)
    assert training.network.training
    assert training.run_epoch().train_loss == wanted.run_epoch().train_loss
    for ours, theirs in zip(training.network.buffers(), wanted.network.buffers(), strict=True):
        assert torch.equal(ours, theirs)
