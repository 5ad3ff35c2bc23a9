"""A recipe comes back from the params by which MLflow shows it."""

from __future__ import annotations

from typing import Any

from convscape.search.config import logged_params, recipe_of_params
from convscape.search.config.recipe_space import DEFAULTS
from convscape.trainers import CLASS_WEIGHTS, OPTIMIZERS, SCHEDULES, Recipe
from hypothesis import given, strategies as st

rates = st.floats(1e-9, 0.99)
settings = {
    "optimizer": st.sampled_from(OPTIMIZERS),
    "learning_rate": rates,
    "momentum": rates,
    "weight_decay": rates,
    "batch_size": st.integers(2, 4096),
    "label_smoothing": rates,
    "class_weights": st.sampled_from(CLASS_WEIGHTS),
    "gradient_clip": st.none() | rates,
    "warmup": rates,
    "schedule": st.sampled_from(SCHEDULES),
    "averaging": rates,
    "crop": st.integers(0, 8),
    "flip": st.booleans(),
    "cutout": st.integers(0, 8),
    "mixup": rates,
    "cutmix": rates,
    "weights": st.sampled_from((None, "torchvision:resnet18", "/data/a b.pt", "12")),
    "frozen": rates,
}


def as_params(recipe: Recipe, asked: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in logged_params(asked, recipe).items()}


@given(st.fixed_dictionaries({}, optional=settings))
def test_what_is_shown_is_enough(values: dict[str, Any]) -> None:
    at_defaults = {
        key: value for key, value in DEFAULTS.items() if not isinstance(value, dict | list) and value != "auto"
    }
    recipe = Recipe.from_json({**at_defaults, **values})
    assert recipe_of_params(as_params(recipe, DEFAULTS)) == recipe
    assert recipe_of_params(as_params(recipe, {**DEFAULTS, **values})) == recipe


@given(
    st.dictionaries(st.sampled_from(sorted(settings)), st.text() | st.sampled_from(("1e999", "-1", "nan", "9" * 5000)))
)
def test_no_text_breaks_it(params: dict[str, str]) -> None:
    assert isinstance(recipe_of_params(params), Recipe)
