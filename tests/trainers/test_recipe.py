from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import fields

import pytest
from convscape.spaces.errors import ConfigError
from convscape.trainers.recipe import Recipe
from hypothesis import given, strategies as st


@given(
    st.builds(
        Recipe,
        optimizer=st.sampled_from(["sgd", "adamw"]),
        learning_rate=st.floats(1e-6, 10),
        gradient_clip=st.none() | st.floats(0.1, 10),
        batch_size=st.integers(2, 4096),
        schedule=st.sampled_from(["constant", "cosine"]),
    )
)
def test_json_keeps_a_recipe(recipe):
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("optimizer", "adam"),
        ("learning_rate", 0.0),
        ("learning_rate", math.nan),
        ("learning_rate", "0.1"),
        ("momentum", 1.0),
        ("momentum", -0.1),
        ("weight_decay", math.inf),
        ("batch_size", 1),
        ("batch_size", 32.0),
        ("batch_size", True),
        ("label_smoothing", 1.0),
        ("gradient_clip", 0.0),
        ("warmup", -1),
        ("schedule", "step"),
        ("averaging", 1.0),
        ("crop", -1),
        ("cutout", 1.5),
        ("flip", 1),
        ("weights", ""),
        ("frozen", 1.5),
    ],
)
def test_unusable_values_are_named(field, value):
    with pytest.raises(ConfigError, match=rf"recipe\.{field} \(={value!r}\)"):
        Recipe(**{field: value})


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'learning_rate'"):
        Recipe.from_json({"learningrate": 0.1})


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from([10**400, 3])
anything = st.recursive(
    scalars, lambda i: st.lists(i, max_size=3) | st.dictionaries(st.text(max_size=4), i, max_size=3)
)
names = st.sampled_from([field.name for field in fields(Recipe)])


@given(anything | st.dictionaries(names | st.text(max_size=4), anything, max_size=5))
def test_any_json_is_a_recipe_or_a_project_error(values):
    with suppress(ConfigError):
        assert Recipe.from_json(json.loads(json.dumps(values))).batch_size >= 2
