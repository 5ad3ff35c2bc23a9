"""The textbook's designs: what is trained first, and what the first proposals lean to."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config import TEXTBOOK
from convscape.search.config.sweep_file import parse_sweep_file
from convscape.search.proposals import DesignSpace
from convscape.search.proposals.scripted_trials import LeaningTrial, NearestTrial
from convscape.search.proposals.textbook import MOST, leaning_design, textbook_designs
from convscape.search.records import is_initial
from convscape.spaces import classic
from convscape.spaces.conv_space import advice
from convscape.testing.simulation import SMALL_SPACE, config, finish, good, opened
from hypothesis import given, strategies as st
from optuna.trial import FixedTrial

if TYPE_CHECKING:
    from pathlib import Path

ENOUGH = 3 * MOST
WIDE = """
  stages: [1, 2, 3]
  convolutions: [1, 2]
  filters: [8, 16, 24]
  growth: [1, 2]
  kernel: [3, 5, 7]
  stride: [1, 2]
  padding: [same, valid]
  norm: [batch, none]
"""


def designs(space: str = "{}", image: tuple[int, int, int] = (1, 28, 28), more: str = "") -> DesignSpace:
    text = f"name: s\ndata: {{name: digits}}\nspace: {space}\n{more}"
    return DesignSpace.of(parse_sweep_file(text), image, 10)


def test_they_are_what_the_textbook_says_a_middle_one_first() -> None:
    """CS231n, layer sizing patterns: 28x28 is halved three times; 3x3, same padding, doubled widths."""
    found = textbook_designs(designs(), ENOUGH)
    assert [each.design.notation for each in found] == [
        f"INPUT[28x28x1] -> [CONV3-{k} -> BN -> RELU]*2 -> POOL2 -> [CONV3-{2 * k} -> BN -> RELU]*2 -> POOL2 -> "
        f"[CONV3-{4 * k} -> BN -> RELU]*2 -> POOL2 -> GAP -> FLATTEN -> DROPOUT0.2 -> FC-10"
        for k in (32, 16, 48, 24)
    ]
    recipe = found[0].design.recipe
    assert (recipe.learning_rate, recipe.weight_decay, recipe.label_smoothing, recipe.crop) == (0.1, 1e-3, 0.1, 1)
    assert "28x28" in found[0].reason


@pytest.mark.parametrize("space", ["{}", WIDE, "{stages: 2, kernel: 5, norm: none}", "{base: [vgg11, resnet18]}"])
def test_the_space_proposes_them_for_the_answers_that_are_kept(space: str) -> None:
    """So the sampler learns from them, and each lies in the space."""
    made = designs(space, (3, 32, 32))
    for each in textbook_designs(made, ENOUGH):
        assert made.sample(FixedTrial(each.params)).key == each.design.key


def test_where_the_space_has_them_not_they_are_the_nearest_that_it_has() -> None:
    (only,) = textbook_designs(designs("{stages: 1, convolutions: 3, filters: 40, kernel: [5, 7], norm: none}"), ENOUGH)
    assert only.design.notation.startswith("INPUT[28x28x1] -> [CONV3-40 -> RELU]*6 -> POOL2 -> GAP")


def test_a_base_begins_as_it_is_and_a_space_of_ones_own_with_nothing() -> None:
    found = textbook_designs(designs("{base: [vgg11, resnet18], width: [0.5, 1]}", (3, 32, 32)), ENOUGH)
    networks = [each.design.architecture.digest for each in found]
    assert networks == [classic(name, (3, 32, 32), 10).digest for name in ("vgg11", "resnet18")]

    class Mine:
        def check(self, input: Any) -> None: ...
        def sample(self, trial: Any, input: Any, classes: int) -> Any: ...
        def size(self, input: Any) -> None: ...

    made = designs()
    own = DesignSpace(networks=Mine(), recipes=made.recipes, budget=made.budget, input=made.input, classes=10)
    assert textbook_designs(own, ENOUGH) == []
    assert leaning_design(own, 0, 0, 0) is None


def test_they_keep_to_the_budget_and_are_as_many_as_asked_for() -> None:
    small = designs(more="budget: {macs: 10000000}")
    assert [each.design.macs for each in textbook_designs(small, ENOUGH)] == [7338880]
    assert textbook_designs(designs(more="budget: {macs: 10}"), ENOUGH) == []
    assert len(textbook_designs(designs(), 1)) == 1


@pytest.mark.parametrize(("trials", "starts"), [(1, 1), (5, 1), (6, 2), (14, 3)])
def test_a_third_of_the_trials_at_most_are_the_textbooks(tmp_path: Path, trials: int, starts: int) -> None:
    settings = config({**SMALL_SPACE, "filters": [16, 24, 32]}, search={"trials": trials, "start": "auto"})
    records = finish(opened(tmp_path, settings), good)
    assert [record.role for record in records[:starts]] == ["start"] * starts
    assert sum(is_initial(record.role) for record in records) == starts
    assert sum(record.counted for record in records) <= trials


@given(st.integers(0, 10**6), st.sampled_from([(1, 8, 8), (3, 32, 32), (1, 28, 28)]))
def test_what_leans_is_in_the_space_and_every_answer_is_kept(seed: int, image: tuple[int, int, int]) -> None:
    made = designs(WIDE, image)
    found = leaning_design(made, seed, 0, 0)
    assert found is not None, "the first always leans"
    assert made.sample(FixedTrial(found.params)).key == found.design.key
    assert leaning_design(made, seed, 0, 0) == found, "one seed and number, one design"


def test_the_leaning_wears_off() -> None:
    made = designs(WIDE)
    leaning = [sum(leaning_design(made, 0, number, proposed) is not None for number in range(100))
               for proposed in (0, 10, 100)]  # fmt: skip
    assert leaning[0] == 100
    assert 35 <= leaning[1] <= 65
    assert leaning[2] <= 20


def test_no_value_is_out_of_reach_of_what_leans() -> None:
    made, seen = designs(WIDE), set()
    for number in range(200):
        trial = LeaningTrial({**TEXTBOOK, **advice((1, 28, 28), 16)}, Random(number), 0.7)  # noqa: S311
        made.choose(trial)
        seen |= {(name, value) for name, value in trial.given.items() if isinstance(value, str | int)}
    for name, values in {"stages": (1, 2, 3), "padding": ("same", "valid"), "stage1.kernel": (3, 5, 7)}.items():
        assert {(name, value) for value in values} <= seen


def test_a_narrowed_choice_is_wished_for_by_its_plain_name() -> None:
    trial = NearestTrial({"kernel": 5, "stage2.kernel": 3})
    assert trial.suggest_categorical("stage1.kernel in 3|5", [3, 5]) == 5
    assert trial.suggest_categorical("stage2.kernel in 3|5", [3, 5]) == 3
    assert trial.given == {"stage1.kernel in 3|5": 5, "stage2.kernel in 3|5": 3}
