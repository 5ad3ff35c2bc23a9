"""Memory: what backward keeps and what a forward pass holds, to the byte PyTorch says."""

from __future__ import annotations

import random

import pytest
from convscape.spaces.architecture import Architecture
from convscape.spaces.classics.catalog import CLASSICS, classic
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.cost import cost_table
from convscape.spaces.errors import ArchitectureError
from convscape.spaces.layers import Conv, Dropout, Flatten, Linear, Parallel, Residual
from convscape.spaces.parsing import parse_notation
from hypothesis import given, settings
from oracles import held_bytes, kept_bytes
from strategies import architectures

BATCH = 2
SLOW = ("resnet34", "resnet50", "resnet101", "resnet152", "vgg13", "vgg19", "googlenet-torchvision")
CLASSIC_NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in CLASSICS]


class RandomTrial:
    """The part of an Optuna trial a space asks."""

    def __init__(self, seed):
        self.random = random.Random(seed)  # noqa: S311

    def suggest_int(self, _name, low, high, *, step=1, **_):
        return self.random.randrange(low, high + 1, step)

    def suggest_float(self, _name, low, high, **_):
        return self.random.uniform(low, high)

    def suggest_categorical(self, _name, choices):
        return self.random.choice(choices)


def check_kept(architecture):
    assert cost_table(architecture).kept_bytes(BATCH) == kept_bytes(architecture, BATCH)


@given(architectures())
@settings(max_examples=30)
def test_kept_bytes_are_those_of_saved_tensors_hooks(architecture):
    check_kept(architecture)


@pytest.mark.slow
@given(architectures(largest_image=24, most_layers=12))
@settings(max_examples=250)  # others each time; a thousand that are sampled are in test_exactness
def test_kept_bytes_are_those_of_saved_tensors_hooks_on_hundreds_of_networks(architecture):
    check_kept(architecture)


@pytest.mark.parametrize("seed", [*range(10), *(pytest.param(s, marks=pytest.mark.slow) for s in range(10, 200))])
def test_kept_bytes_of_what_the_space_samples(seed):
    space = ConvSpace(
        stages={"low": 1, "high": 3}, convolutions={"low": 1, "high": 2}, kernel=[3, 5], filters=[4, 8],
        downsampling=["max", "average", "l2", "strided", "convolution", "none"], norm=["batch", "none"],
        activation=["relu", "gelu", "tanh"], dropout=[0.0, 0.3], head=["fc", "global_average"],
    )  # fmt: skip
    check_kept(space.sample(RandomTrial(seed), (3, 20, 20), 10))


@pytest.mark.parametrize("name", CLASSIC_NAMES)
def test_kept_bytes_of_the_classics(name):
    check_kept(classic(name, (3, 32, 32)))


@given(architectures())
@settings(max_examples=30)
def test_a_forward_pass_holds_what_pytorch_holds(architecture):
    expected = held_bytes(architecture, BATCH)
    assert cost_table(architecture).inference_memory(BATCH).activations == pytest.approx(expected, rel=0.01)


PASSED_ON = Parallel(((), (Dropout(0.5),)))


@pytest.mark.parametrize(
    "layers", [(PASSED_ON,) * 3, (Residual((Dropout(0.5), Dropout(0.2))), PASSED_ON, Residual((Conv(2),)))]
)
def test_a_branch_that_passes_its_input_on_holds_nothing(layers):
    architecture = Architecture((1, 4, 4), (*layers, Flatten(), Linear(2)), 2)
    assert cost_table(architecture).inference_memory(BATCH).activations == held_bytes(architecture, BATCH)


@pytest.mark.parametrize("name", CLASSIC_NAMES)
def test_a_forward_pass_of_the_classics_holds_what_pytorch_holds(name):
    architecture = classic(name, (3, 32, 32))
    assert cost_table(architecture).inference_memory(BATCH).activations == held_bytes(architecture, BATCH)


def test_training_adds_up_weights_gradients_states_and_what_is_kept():
    costs = cost_table(parse_notation("INPUT[8x8x3] -> CONV3-4 -> BN -> RELU -> POOL2 -> FC-10"))
    parameters = (3 * 9 * 4 + 4) + (4 + 4) + (4 * 16 * 10 + 10)
    kept = 3 * 64 + 4 * 64 + 4 * 64 + 4 * 16
    memory = costs.training_memory(batch=32, optimizer="adamw")
    assert memory.parameters == 4 * (parameters + 2 * 4)
    assert memory.gradients == 4 * parameters
    assert memory.optimizer == 2 * 4 * parameters
    assert memory.activations == 32 * (4 * kept + 8 * 4 * 16) + 4 * 2 * 4
    assert memory.working == 32 * 4 * (4 * 64 + 4 * 64)
    assert memory.total == sum(
        (memory.parameters, memory.gradients, memory.optimizer, memory.activations, memory.working)
    )


def test_batch_precision_and_optimiser_count():
    costs = cost_table(classic("lenet5"))
    sgd = costs.training_memory(64)
    assert costs.training_memory(64, "float64").total == 2 * sgd.total
    assert costs.training_memory(64, "bfloat16").parameters == sgd.parameters // 2
    assert costs.training_memory(64, optimizer="none").total == sgd.total - sgd.parameters
    assert costs.training_memory(128).activations == 2 * sgd.activations
    assert costs.inference_memory(1).total < costs.inference_memory(8).total < sgd.total


def test_max_pooling_keeps_indices_of_eight_bytes_in_every_precision():
    kept = cost_table(parse_notation("INPUT[8x8x1] -> CONV3-4 -> POOL2 -> FC-10")).kept[2]
    assert kept.indices == 64
    assert kept.bytes(precision="float32") - kept.bytes(precision="bfloat16") == 2 * kept.values


def test_unknown_precision_and_optimiser_are_answered_with_the_nearest():
    costs = cost_table(classic("lenet5"))
    with pytest.raises(ArchitectureError) as caught:
        costs.kept_bytes(1, "float31")
    assert caught.value.remedy == "Did you mean 'float32'?"
    with pytest.raises(ArchitectureError) as caught:
        costs.training_memory(1, optimizer="adam")
    assert caught.value.remedy == "Did you mean 'adamw'?"
