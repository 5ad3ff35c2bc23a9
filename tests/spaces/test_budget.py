"""Budgets: what is over one, and networks made narrow enough for one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from convscape.spaces.architecture import Architecture
from convscape.spaces.budget import SHRINKING_STEPS, Budget, bytes_from, narrowed
from convscape.spaces.classics.catalog import CLASSICS, classic
from convscape.spaces.conv_space.blocks import BLOCKS
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.cost import cost_table
from convscape.spaces.layers import LARGEST_WIDTH, BatchNorm, Conv, Flatten, Linear, Parallel, Residual
from hypothesis import example, given, settings, strategies as st
from scripts import Chance

if TYPE_CHECKING:
    from convscape.spaces.layers import Layer

RECIPE = {"batch_size": 32, "optimizer": "adamw"}
FACTORS = (1 / 1_024, 0.01, 0.1, 1 / 3, 0.45, 0.5, 0.77, 1_023 / 1_024, 1.3, 4.0)
SPACE = ConvSpace(
    stages=[1, 2, 3, 4], convolutions=[1, 2], filters=[1, 5, 8, 12, 20], growth=[0.5, 1, 2], kernel=[3, 5],
    downsampling=["max", "strided", "none"], norm=["batch", "none"],
    head=["fc", "global_average", "convolution"], hidden=[0, 7],
    **{f"stage{stage}": {"block": list(BLOCKS)} for stage in (1, 2, 3, 4)},
)  # fmt: skip


def plain(*filters: int, groups: int = 1) -> Architecture:
    convolutions = [Conv(f, groups=groups if i else 1) for i, f in enumerate(filters)]
    return Architecture((3, 8, 8), (*convolutions, Flatten(), Linear(10)), 10)


@pytest.mark.parametrize(
    ("text", "size"), [("12", 12), ("2 GB", 2 * 10**9), ("500mb", 5 * 10**8), ("1.5 GiB", 3 * 2**29), (" 8 B ", 8)]
)
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert bytes_from(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1 GB", "2 XB", "1e9", "2 G", "9" * 16])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="500 MB"):
        bytes_from(text)


@given(st.text() | st.from_regex(r"\s*\d{1,17}\.?\d*\s*[kmgtKMGT]?i?[bB]?", fullmatch=True))
def test_any_text_is_a_size_or_refused(text: str) -> None:
    """ValueError, as readers of a sweep file raise it: the config makes the project's error of it."""
    try:
        assert 0 <= bytes_from(text) < 10**16 * 2**40
    except ValueError as error:
        assert "500 MB" in str(error)  # noqa: PT017 - either outcome is right


def test_each_limit_is_met_at_the_cost_itself_and_exceeded_one_below_it() -> None:
    network = plain(8, 8)
    cost = cost_table(network)
    for name, value in {
        "parameters": cost.totals.parameters,
        "macs": cost.totals.macs,
        "inference_memory": cost.inference_memory().total,
        "training_memory": cost.training_memory(32, optimizer="adamw").total,
    }.items():
        assert Budget(**{name: value}).exceeded(network, **RECIPE) == ""
        assert f"are over the budget of {value - 1:,}" in Budget(**{name: value - 1}).exceeded(network, **RECIPE)


def test_training_memory_follows_the_recipe() -> None:
    budget = Budget(training_memory=cost_table(plain(8)).training_memory(32, optimizer="sgd").total)
    assert not budget.exceeded(plain(8), batch_size=32, optimizer="sgd")
    assert budget.exceeded(plain(8), batch_size=33, optimizer="sgd")
    assert budget.exceeded(plain(8), batch_size=32, optimizer="adamw")


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "vgg11", "googlenet", "resnet18", "resnet50"])
@pytest.mark.parametrize("limit", ["parameters", "macs"])
def test_a_shrunk_network_meets_its_budget_and_uses_most_of_it(name: str, limit: str) -> None:
    network = classic(name)
    most = getattr(cost_table(network).totals, limit) // 3
    shrunk = Budget(**{limit: most}).shrunk(network, **RECIPE)
    assert shrunk.classes == network.classes
    assert [type(layer) for layer in shrunk.layers] == [type(layer) for layer in network.layers]
    assert 0.7 * most < getattr(cost_table(shrunk).totals, limit) <= most


def test_groups_stay_valid_and_depthwise_stays_depthwise() -> None:
    network = plain(12, 12, 24, groups=4)
    for part in range(1, 20):
        smaller = narrowed(network, part / 20)
        assert smaller is not None
        assert smaller.steps
    depthwise = Architecture((3, 8, 8), (Conv(12), Conv(12, groups=12), Flatten(), Linear(10)), 10)
    smaller = narrowed(depthwise, 0.5)
    assert smaller is not None
    assert smaller.layers[:2] == (Conv(6), Conv(6, groups=6))


def test_what_meets_the_budget_or_cannot_is_left_alone() -> None:
    network = plain(8, 8)
    assert Budget(parameters=10**6).shrunk(network, **RECIPE) is network
    assert Budget(parameters=1).shrunk(network, **RECIPE) is network
    assert Budget(macs=10**4).shrunk(network, **RECIPE) == Budget(macs=10**4).shrunk(network, **RECIPE)


def without_widths(network: Architecture) -> str:
    return re.sub(r"'(filters|units|groups)': \d+", "", str(network.to_json()["layers"]))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32))
def test_every_network_of_the_space_is_narrowed_by_every_factor(seed: int) -> None:
    network = SPACE.sample(Chance(seed), (3, 16, 16), 10)
    for factor in FACTORS:
        other = narrowed(network, factor)
        assert other is not None, (network, factor)
        assert without_widths(other) == without_widths(network)


@pytest.mark.parametrize("name", CLASSICS)
def test_every_classic_is_narrowed_by_every_factor(name: str) -> None:
    network = classic(name, (3, 32, 32), 10)
    for factor in FACTORS:
        other = narrowed(network, factor)
        assert other is not None, factor
        assert without_widths(other) == without_widths(network)


MIXED = ConvSpace(
    stages=2, stage1={"block": "inception"}, stage2={"block": ["residual", "bottleneck", "separable"]}, filters=[8, 9],
    growth=1, convolutions=1, kernel=3, downsampling="none", head="global_average",
)  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(st.sampled_from([SPACE, MIXED]), st.integers(0, 2**32), st.floats(0.02, 0.9))
@example(MIXED, 1, 0.3)
def test_a_shrunk_network_is_the_widest_of_all_that_meet_the_budget(space: ConvSpace, seed: int, share: float) -> None:
    network = space.sample(Chance(seed), (3, 8, 8), 10)
    most = round(cost_table(network).totals.parameters * share)
    every = (narrowed(network, part / SHRINKING_STEPS) for part in range(SHRINKING_STEPS - 1, 0, -1))
    widest = next((each for each in every if each and cost_table(each).totals.parameters <= most), network)
    assert Budget(parameters=most).shrunk(network, **RECIPE) == widest


def beside_an_identity(*body: Layer) -> Architecture:
    """A block behind branches whose rounded widths add up to more than their sum's."""
    branches = Parallel(((Conv(3, 1),), (Conv(3, 1),), (Conv(2, 1),)))
    return Architecture((3, 8, 8), (branches, Residual(body), Flatten(), Linear(10)), 10)


def test_a_body_ends_as_wide_as_what_precedes_its_identity() -> None:
    smaller = narrowed(beside_an_identity(Conv(4), Conv(8), BatchNorm()), 0.5)
    assert smaller == Architecture(
        (3, 8, 8),
        (
            Parallel(((Conv(2, 1),), (Conv(2, 1),), (Conv(1, 1),))),
            Residual((Conv(2), Conv(5), BatchNorm())),
            Flatten(),
            Linear(10),
        ),
        10,
    )


def test_where_no_width_is_left_to_choose_there_is_none() -> None:
    assert narrowed(beside_an_identity(Conv(4), Parallel(((Conv(4, 1),), (Conv(4, 1),)))), 0.5) is None
    assert narrowed(beside_an_identity(Conv(4), Conv(8, groups=2)), 0.5) is None
    assert narrowed(plain(LARGEST_WIDTH // 2, 1), 4.0) is None
