"""YAML within bounds: numbers, aliases, and whatever people write after --set."""

from __future__ import annotations

from contextlib import suppress

import pytest
from convscape.search.config import yaml_lines
from convscape.search.config.recipe_space import KEYS, RecipeSpace
from convscape.search.config.schema import SweepConfig
from convscape.search.config.sweep_file import parse_sweep_file
from convscape.spaces.errors import ConfigError, ConvscapeError, SpaceError
from hypothesis import example, given, strategies as st

LEAST = "name: a\ndata: {name: digits}\n"
BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
"""A billion ones in four hundred characters."""


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("a: 1\nb: 0x" + "f" * 5_000, "sweep.yaml:2", "LARGEST_NUMBER"),
        ("a: -1000000000000000001", "sweep.yaml:1", "LARGEST_NUMBER"),
        (BOMB, "sweep.yaml:5", "LARGEST_DOCUMENT"),
        ("a: &x [*x]", "sweep.yaml:1", "holds itself"),
        ("a: &x {b: {c: *x}}", "sweep.yaml:1", "holds itself"),
    ],
)
def test_what_would_grow_without_bound_is_refused_by_a_bound_that_is_named(text: str, where: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        yaml_lines.parse_yaml(text, "sweep.yaml")
    assert caught.value.message.startswith(where)
    assert says in caught.value.message
    assert len(str(caught.value)) < 200


def test_aliases_within_the_bound_are_read() -> None:
    values = yaml_lines.parse_yaml("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]", "sweep.yaml").values
    assert values == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": [{"x": 1}, {"x": 1}]}
    assert yaml_lines.parse_value("1_000_000_000_000_000_000") == yaml_lines.LARGEST_NUMBER


keys = st.sampled_from(
    ["name", "folder", "data", "data.root", "data.train", "space", "space.kernel", "space.growth", "recipe.crop",
     "search.trials", "search.seconds", "budget.macs", "budget.training_memory", "resources.gpus", "tracking.uri"]
)  # fmt: skip


@given(keys | st.text(), st.text())
@example("space.kernel", "0x" + "f" * 5_000)
@example("search.trials", "0x" + "f" * 5_000)
@example("data.root", "~nobody-of-that-name")
@example("folder", "~nobody-of-that-name")
@example("folder", '"\\0"')
@example("space.kernel", "[" * 5_000)
@example("space.growth", "1e400")
@example("space.filters", "{low: 1, high: 1000000000}")
def test_whatever_is_set_gives_a_config_or_a_project_error(key: str, value: str) -> None:
    with suppress(ConvscapeError):
        assert isinstance(parse_sweep_file(LEAST, "sweep.yaml", [f"{key}={value}"]), SweepConfig)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["low", "high", "log", "step"]), inner, max_size=4)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(list(KEYS)) | st.text(max_size=4), values, max_size=4))
def test_any_recipe_settings_are_a_space_or_a_project_error(settings: dict) -> None:
    with suppress(SpaceError):
        RecipeSpace(**settings).check((3, 8, 8))
