"""A training that comes to nothing ends with the reason, in the epoch in which it shows."""

from __future__ import annotations

import math

import pytest
import torch
from convscape.spaces.architecture import Architecture
from convscape.spaces.errors import DivergenceError
from convscape.spaces.layers import Activation, Conv, Dropout, Flatten, Linear, Pool
from convscape.trainers import divergence
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training

NETWORK = Architecture((1, 8, 8), (Conv(8), Activation(), Pool(), Flatten(), Linear(10)), 10)


def start(digits, **recipe) -> Training:
    return Training(NETWORK, Recipe(**{"gradient_clip": None, "warmup": 0, **recipe}), digits, seed=0, epochs=4)


def test_a_loss_that_is_no_number(digits):
    training = start(digits, learning_rate=100.0, batch_size=8)
    with pytest.raises(DivergenceError, match=r"is (not a number|infinite) at step \d+ of epoch 1\n.*learning_rate"):
        training.run_epoch()


def test_a_validation_loss_that_is_no_number(digits):
    """Of the averaged weights, which training does not look at."""
    training = start(digits, learning_rate=0.01, batch_size=32)
    with torch.no_grad():
        training.averaged.get_submodule("0").bias.fill_(math.nan)
    with pytest.raises(
        DivergenceError, match=r"the loss is not a number in the validation of epoch 1\n.*learning_rate"
    ):
        training.run_epoch()
    assert math.isfinite(training._learn())


def test_a_loss_far_above_guessing_is_an_explosion(digits):
    """One step an epoch: the first is taken at the loss of chance weights, the second where the first led to."""
    training = start(digits, learning_rate=10.0, batch_size=320)
    assert training.run_epoch().train_loss < 2 * math.log(10)
    with pytest.raises(DivergenceError, match=r"exploded: \d+ in epoch 2, \d+ times that of guessing\n.*learning_rate"):
        training.run_epoch()


def test_ten_times_the_loss_of_guessing_is_the_limit():
    divergence.check_explosion(9 * math.log(10), 10, 1, Recipe())
    with pytest.raises(DivergenceError, match="the loss exploded: 25 in epoch 3, 11 times that of guessing"):
        divergence.check_explosion(25.0, 10, 3, Recipe())


def test_a_dead_network(digits):
    training = start(digits, learning_rate=1e-4, batch_size=32)
    with torch.no_grad():
        training.network.get_submodule("0").bias.fill_(-1e6)  # no ReLU passes anything on
    with pytest.raises(DivergenceError, match="the network is dead: after epoch 1 every image gets the same scores"):
        training.run_epoch()


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_network_that_is_dead_behind_dropout_shows_in_validation(digits, dropout):
    """While it trains, dropout makes the scores of a constant network differ."""
    layers = (Conv(4), Activation(), Conv(4), Activation(), Flatten(), Dropout(dropout), Linear(10))
    architecture = Architecture((1, 8, 8), layers, 10)
    training = Training(architecture, Recipe(learning_rate=1e-4, batch_size=32), digits, seed=0, epochs=4)
    for network in (training.network, training.averaged):
        network.get_submodule("0").bias.data.fill_(-1e6)  # no ReLU passes anything on,
        network.get_submodule("2").bias.data.fill_(1.0)  # and what comes after is the same for every image
    with pytest.raises(DivergenceError, match="the network is dead: after epoch 1 every image gets the same scores"):
        training.run_epoch()


def test_a_network_whose_average_alone_is_constant_goes_on(digits):
    """It may be: what it is the average of still learns."""
    training = start(digits, learning_rate=1e-4, batch_size=32)
    training.averaged.get_submodule("0").bias.data.fill_(-1e9)
    assert training.run_epoch().validation_accuracy <= 0.2
    assert training._validation(training.averaged, 1).constant
