"""Budgets that nothing meets, found before anything starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config.sweep_file import parse_sweep_file
from convscape.search.proposals import DesignSpace
from convscape.search.proposals.feasibility import check_budget, smallest
from convscape.spaces.conv_space.blocks import BLOCKS
from convscape.spaces.errors import SpaceError
from hypothesis import given, settings, strategies as st
from scripts import every_answer, some

if TYPE_CHECKING:
    from convscape.search import SweepConfig
    from convscape.spaces.architecture import Architecture
    from convscape.trainers.recipe import Recipe

HEAD = """
name: try
data: {name: digits}
"""
FILE = f"""{HEAD}
space: {{stages: [1, 2], filters: [2, 512], kernel: 3, head: global_average, norm: [batch, none]}}
"""


def designs(config: SweepConfig) -> DesignSpace:
    return DesignSpace.of(config, (1, 8, 8), 10)


def test_a_budget_that_nothing_meets_names_the_smallest_design_and_its_cost() -> None:
    with pytest.raises(SpaceError) as caught:
        check_budget(designs(parse_sweep_file(FILE + "budget: {parameters: 30}")), 0)
    assert caught.value.key == "budget"
    assert "the smallest found, INPUT[8x8x1] -> CONV3-2" in caught.value.message
    assert "has 50 parameters" in caught.value.message  # 3·3·2 + 2 of the convolution, 2·10 + 10 of the scores
    assert "50 parameters are over the budget of 30" in caught.value.message


def test_of_a_budget_that_no_shrinking_meets_the_smallest_has_widths_of_one() -> None:
    with pytest.raises(SpaceError, match="has 30 parameters"):
        check_budget(designs(parse_sweep_file(FILE + "budget: {parameters: 29, over_budget: shrink}")), 0)


def test_one_that_the_narrowest_meet_is_let_through() -> None:
    check_budget(designs(parse_sweep_file(FILE + "budget: {parameters: 60, training_memory: 1 MB}")), 0)
    check_budget(designs(parse_sweep_file(FILE)), 0)
    check_budget(designs(parse_sweep_file(FILE + "budget: {parameters: 30, over_budget: shrink}")), 0)


def test_one_that_only_shrinking_meets_is_let_through_where_branches_precede_an_identity() -> None:
    space = "stages: 2, stage1: {block: inception}, stage2: {block: residual}, filters: 8, growth: 1, convolutions: 1"
    text = f"{HEAD}space: {{{space}, kernel: 3, downsampling: none, head: global_average}}\n"
    budget = "budget: {parameters: 400, over_budget: %s}"
    config = parse_sweep_file(text + budget % "shrink")
    check_budget(designs(config), 0)
    assert all(design.parameters <= 400 for design in designs(config).draw(5, 0))
    with pytest.raises(SpaceError, match="no design of the space is within it"):
        check_budget(designs(parse_sweep_file(text + budget % "reject")), 0)


RECIPE = "recipe: {batch_size: [8, 64], optimizer: [sgd, adamw], learning_rate: 0.1, weight_decay: 0}"
OPEN = st.fixed_dictionaries(
    {"stages": some(0, 1, 2, 3)},
    optional={
        "convolutions": some(1, 2),
        "block": some(*BLOCKS),
        "filters": some(1, 3, 4, 8),
        "growth": some(0.5, 0.9, 1, 2),
        "kernel": some(1, 3, 5),
        "large_filters": some("single", "stack"),
        "padding": some("same", "valid"),
        "downsampling": some("max", "strided", "convolution", "conv_pool", "none"),
        "norm": some("batch", "none"),
        "head": some("fc", "global_average", "convolution"),
        "hidden": some(0, 3),
    },
)
FIXED = {
    "stages": 1, "convolutions": 1, "filters": 4, "growth": 1, "kernel": 3, "large_filters": "single", "norm": "none",
    "padding": "same", "downsampling": "max", "dropout": 0.0, "head": "fc", "hidden": 0,
}  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(OPEN, st.sampled_from(["parameters: 1", "macs: 1", "training_memory: 1", "inference_memory: 1"]))
def test_the_smallest_is_the_smallest_of_all(chosen: dict[str, Any], limit: str) -> None:
    config = parse_sweep_file(f"{HEAD}space: {json.dumps(FIXED | chosen)}\n{RECIPE}\nbudget: {{{limit}}}")
    space, recipes = config.network_space(), config.recipe_space()
    try:
        space.check((3, 8, 8))
    except SpaceError:  # nothing to be the smallest of
        return
    found = smallest(DesignSpace.of(config, (3, 8, 8), 10), 0)

    def cost(architecture: Architecture, recipe: Recipe) -> list[float]:
        return config.budget.limits.shares(architecture, batch_size=recipe.batch_size, optimizer=recipe.optimizer)

    try:
        every = [cost(space.sample(trial, (3, 8, 8), 10), recipes.sample(trial)) for trial in every_answer(most=300)]
    except TimeoutError:
        return
    assert cost(found.architecture, found.recipe) == min(every)


def test_what_only_two_changes_at_once_lead_to_is_found() -> None:
    space = {
        "stages": [1, 2], "convolutions": 1, "block": list(BLOCKS), "filters": [3, 8], "growth": [0.5, 2],
        "kernel": [3, 5], "padding": ["same", "valid"], "downsampling": ["max", "none", "conv_pool"],
        "norm": ["batch", "none"], "dropout": 0, "head": ["fc", "convolution"], "hidden": [0, 2],
    }  # fmt: skip
    config = parse_sweep_file(f"{HEAD}space: {json.dumps(space)}\nbudget: {{macs: 1}}")
    assert smallest(designs(config), 0).macs <= 485
