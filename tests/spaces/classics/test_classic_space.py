"""Spaces around a classic: every variation of every classic can be built, and is what its name says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import optuna
import pytest
from convscape.spaces.classics import variations
from convscape.spaces.classics.catalog import CLASSICS, classic
from convscape.spaces.classics.classic_space import DEFAULTS, ClassicSpace
from convscape.spaces.classics.variations import of_kind
from convscape.spaces.cost import cost_table
from convscape.spaces.errors import SpaceError
from convscape.spaces.layers import (
    Activation,
    ActivationName,
    BatchNorm,
    Conv,
    Dropout,
    Linear,
    LocalResponseNorm,
    Pool,
    Residual,
)
from convscape.spaces.notation import to_notation
from convscape.spaces.parsing import parse_notation
from hypothesis import example, given, settings, strategies as st

if TYPE_CHECKING:
    from convscape.spaces.architecture import Architecture

IMAGES = [(1, 8, 8), (3, 8, 64), (1, 28, 28), (3, 32, 32), (2, 64, 64), (3, 40, 9), (1, 9, 8)]
FREE = st.fixed_dictionaries(
    {
        "width": st.floats(0.01, 4),
        "head": st.sampled_from(["keep", *variations.HEADS]),
        "pooling": st.sampled_from(["keep", *variations.POOLINGS]),
        "norm": st.sampled_from(["keep", *variations.NORMS]),
        "activation": st.sampled_from(["keep", *get_args(ActivationName)]),
        "dropout": st.just("keep") | st.floats(0, 0.9),
    }
)


def only(base: str, input: Any = (3, 32, 32), **fixed: Any) -> Architecture:
    """The one network of a space that leaves no choice."""
    trial = optuna.create_study().ask()
    network = ClassicSpace(base=base, **fixed).sample(trial, input, 10)
    assert trial.params == {}
    return network


def counts(network: Architecture, *kinds: type) -> list[int]:
    return [len(list(of_kind(network.layers, kind))) for kind in kinds]


@pytest.mark.parametrize("base", CLASSICS)
@settings(max_examples=12, deadline=None)
@given(fixed=FREE, input=st.sampled_from(IMAGES) | st.tuples(st.integers(1, 4), st.integers(8, 70), st.integers(8, 70)))
@example(fixed={"width": 0.01, "pooling": "convolution", "norm": "batch"}, input=(1, 8, 8))
@example(fixed={"width": 4, "head": "global_average", "dropout": 0.9}, input=(1, 8, 64))
def test_every_variation_of_every_classic_can_be_built(base: str, fixed: dict[str, Any], input: Any) -> None:
    network = only(base, input, **fixed)
    assert (network.input, network.output[0], network.classes) == (input, 10, 10)
    assert parse_notation(to_notation(network)).digest == network.digest


@pytest.mark.parametrize("base", CLASSICS)
def test_by_default_it_is_the_classic_unchanged(base: str) -> None:
    assert only(base) == only(base, **DEFAULTS) == classic(base, (3, 32, 32), 10)


@pytest.mark.parametrize("base", ["vgg11", "resnet50", "googlenet", "alexnet", "all-cnn-c"])
@pytest.mark.parametrize("factor", [0.25, 0.5, 2])
def test_width_scales_all_but_the_scores(base: str, factor: float) -> None:
    plain, scaled = classic(base, (3, 32, 32), 10), only(base, width=factor)
    filters = [[conv.filters for conv in of_kind(network.layers, Conv)] for network in (plain, scaled)]
    scores = filters[0][-1] == 10  # where a convolution gives them
    expected = [round(width * factor) for width in filters[0]]
    assert filters[1] == ([*expected[:-1], 10] if scores else expected)
    assert len(scaled.steps) == len(plain.steps)
    assert scaled.output == plain.output


def test_groups_and_shortcuts_hold_at_any_width() -> None:
    assert [conv.groups for conv in of_kind(only("alexnet", width=0.5).layers, Conv)] == [1, 2, 1, 2, 2]
    for factor in (0.013, 0.37, 1.9):
        assert counts(only("resnet34", width=factor), Residual) == [16]


@pytest.mark.parametrize(("mode", "side"), [("max", 2), ("average", 2), ("l2", 2), ("convolution", 2)])
@pytest.mark.parametrize("base", ["lenet5", "vgg11", "googlenet-torchvision", "resnet18", "base-cnn-a"])
def test_pooling_of_another_kind_leaves_the_maps_as_they_are(base: str, mode: str, side: int) -> None:
    plain, changed = classic(base, (3, 64, 64), 10), only(base, (3, 64, 64), pooling=mode)
    sizes = [[step.output for step in network.steps if isinstance(step.layer, Pool)] for network in (plain, changed)]
    if mode == "convolution":
        pools = [step for step in plain.steps if isinstance(step.layer, Pool) and step.layer.stride != (1, 1)]
        more = [0, len(pools), -len(pools), len(pools) * (counts(plain, BatchNorm) > [0]), len(pools)]
        before, after = (counts(network, Linear, Conv, Pool, BatchNorm, Activation) for network in (plain, changed))
        assert after == [old + new for old, new in zip(before, more, strict=True)]
        assert pools
    else:
        assert sizes[0] == sizes[1]
        assert {pool.mode for pool in of_kind(changed.layers, Pool)} == {mode}
    assert plain.steps[-3].input == changed.steps[-3].input


def test_a_convolution_for_a_pooling_written_out() -> None:
    network = only("lenet5", (1, 32, 32), pooling="convolution", norm="batch", activation="relu")
    assert to_notation(network) == (
        "INPUT[32x32x1] -> CONV5-6 valid nobias -> BN -> RELU -> CONV2-6 s2 valid nobias -> BN -> RELU -> "
        "CONV5-16 valid nobias -> BN -> RELU -> CONV2-16 s2 valid nobias -> BN -> RELU -> "
        "FC-120 -> RELU -> FC-84 -> RELU -> FC-10"
    )


def test_a_pooling_within_and_after_a_block_gets_a_convolution_of_its_channels() -> None:
    plain = parse_notation(
        "INPUT[8x8x3] -> RESIDUAL[CONV3-8 -> POOL2 | POOL2 -> CONV1-8] -> PARALLEL[CONV1-2 | IDENTITY] -> POOL2 -> FC-2"
    )
    assert to_notation(variations.with_pooling(plain, "convolution")) == (
        "INPUT[8x8x3] -> RESIDUAL[CONV3-8 -> CONV2-8 s2 valid -> RELU | CONV2-3 s2 valid -> RELU -> CONV1-8] -> "
        "PARALLEL[CONV1-2 | IDENTITY] -> CONV2-10 s2 valid -> RELU -> FC-2"
    )


@pytest.mark.parametrize("base", CLASSICS)
def test_norm(base: str) -> None:
    bare, normed = only(base, norm="none"), only(base, norm="batch")
    assert counts(bare, BatchNorm, LocalResponseNorm) == [0, 0]
    assert all(conv.bias for conv in of_kind(bare.layers, Conv))
    convolutions = list(of_kind(normed.layers, Conv))
    scores = convolutions[-1].filters == 10
    assert counts(normed, BatchNorm, LocalResponseNorm) == [len(convolutions) - scores, 0]
    assert [conv.bias for conv in convolutions] == [False] * (len(convolutions) - scores) + [True] * scores


def test_norm_of_a_classic_that_has_it_changes_nothing() -> None:
    assert only("resnet18", norm="batch") == classic("resnet18", (3, 32, 32), 10)


def test_activation_changes_within_blocks_too() -> None:
    for base in ("resnet50", "googlenet", "lenet5"):
        assert set(of_kind(only(base, activation="gelu").layers, Activation)) == {Activation("gelu")}


def test_dropout() -> None:
    assert set(of_kind(only("base-cnn-a", dropout=0.12345).layers, Dropout)) == {Dropout(0.123)}
    assert counts(only("vgg11", dropout=0), Dropout) == [0]
    assert only("resnet18", dropout=0.5) == classic("resnet18", (3, 32, 32), 10)


def test_an_average_in_place_of_the_fully_connected_layers() -> None:
    for base in ("vgg11", "lenet5", "alexnet"):
        network = only(base, head="global_average")
        assert counts(network, Linear) == [1]
        assert to_notation(network).endswith(
            "GAP -> FLATTEN -> DROPOUT0.5 -> FC-10" if base != "lenet5" else " -> GAP -> FC-10"
        )
        assert cost_table(network).totals.parameters < cost_table(classic(base, (3, 32, 32), 10)).totals.parameters / 3
    for base in ("resnet18", "googlenet", "all-cnn-a"):
        assert only(base, head="global_average") == classic(base, (3, 32, 32), 10)


def test_what_a_base_has_not_is_not_asked() -> None:
    choices = {"head": ["keep", "global_average"], "pooling": ["keep", "average"], "dropout": ["keep", 0.1]}
    asked = {}
    for base in ("vgg11", "resnet18", "all-cnn-a", "lenet5"):
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
        ClassicSpace(base=base, **choices).sample(trial, (3, 32, 32), 10)
        asked[base] = set(trial.params)
    assert asked == {
        "vgg11": {"head", "pooling", "dropout"}, "resnet18": {"pooling"}, "all-cnn-a": {"dropout"},
        "lenet5": {"head", "pooling"},
    }  # fmt: skip


def test_the_size_counts_distinct_networks() -> None:
    def size(**chosen: Any) -> str:
        return str(ClassicSpace(**chosen).size((3, 32, 32)))

    assert size(base="vgg11") == "1 distinct network"
    assert size(base="vgg11", width=[0.5, 1], norm=["keep", "batch"]) == "4 distinct networks"
    assert size(base="vgg11", width=[0.5, 1], norm=["keep", "none"]) == "2 distinct networks"  # it has none
    assert size(base="resnet18", activation=["keep", "relu", "elu"]) == "2 distinct networks"  # it has ReLU
    assert size(base=["vgg11", "lenet5"], dropout=["keep", 0.5, 0.2]) == "3 distinct networks"
    assert (
        size(base="vgg11", dropout={"low": 0.1, "high": 0.4})
        == "1 distinct network, counting a range as one value (dropout)"
    )
    assert size(base="resnet18", dropout={"low": 0.1, "high": 0.4}) == "1 distinct network"
    every = {"width": [0.1, 0.2, 0.3, 0.4], "activation": ["relu", "elu", "gelu", "silu", "tanh"]}
    every |= {"pooling": ["max", "average", "l2", "convolution"], "norm": ["batch", "none"], "head": ["keep"]}
    assert size(base=["vgg11", "vgg13", "vgg16", "vgg19"], **every) == "at most 640 distinct networks"


def test_as_many_as_the_size_says_are_sampled() -> None:
    space = ClassicSpace(base=["lenet5", "vgg11"], pooling=["keep", "max"], norm=["none", "batch"], dropout=["keep", 0])
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = {space.sample(study.ask(), (1, 28, 28), 10).digest for _ in range(200)}
    assert str(space.size((1, 28, 28))) == f"{len(found)} distinct networks" == "8 distinct networks"


@pytest.mark.parametrize(
    ("chosen", "key", "says"),
    [
        ({"base": "vgg17"}, "space.base", "Did you mean"),
        ({}, "space.base", "None is not known"),
        ({"base": "vgg11", "kernel": 3}, "space.kernel", "Known: base, head"),
        ({"base": "vgg11", "width": 5}, "space.width", "from 0.01 to 4"),
        ({"base": "vgg11", "norm": True}, "space.norm", "True is not known"),
        ({"base": "vgg11", "dropout": 0.95}, "space.dropout", "0.95 is out of range"),
        ({"base": "vgg11", "dropout": ["keep", 2]}, "space.dropout", "2 is out of range"),
        ({"base": "vgg11", "dropout": ["keep", "keep"]}, "space.dropout", "listed twice"),
        ({"base": "vgg11", "dropout": []}, "space.dropout", "an empty list"),
    ],
)
def test_mistakes_name_their_key(chosen: dict[str, Any], key: str, says: str) -> None:
    with pytest.raises(SpaceError) as caught:
        ClassicSpace(**chosen)
    assert caught.value.key == key
    assert says in str(caught.value)
