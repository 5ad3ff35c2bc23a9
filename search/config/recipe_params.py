"""Reads a recipe from the params of a run in MLflow, which show only what trials can be told apart by."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ...spaces import ConfigError
from ...trainers import Recipe
from .recipe_space import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = {"True": True, "False": False, "None": None}


def recipe_of_params(params: Mapping[str, str]) -> Recipe:
    """The recipe of which `logged_params` made `params`, each value as the text that Python writes.

    What the params lack is at the recipe space's default. A value that no recipe can have is passed over, since a store
    may be anybody's.

    Args:
        params: texts by name; names that are no recipe's are passed over.

    >>> recipe_of_params({"learning_rate": "0.1", "flip": "True", "macs": "7"}).flip
    True
    """
    usual = {key: value for key, value in DEFAULTS.items() if _can_be(key, value)}  # no range, nor "auto"
    told = {each.name: _value(each.name, params[each.name]) for each in fields(Recipe) if each.name in params}
    try:
        return Recipe.from_json({**usual, **told})
    except (ConfigError, TypeError):
        return Recipe.from_json({**usual, **{key: value for key, value in told.items() if _can_be(key, value)}})


def _can_be(key: str, value: Any) -> bool:
    try:
        Recipe.from_json({key: value})
    except (ConfigError, TypeError):
        return False
    return True


def _value(key: str, text: str) -> Any:
    """A number, truth value or None again; all else stays text, as do weights in a file called 12."""
    if text in _WORDS:
        return _WORDS[text]
    for kind in () if key == "weights" else (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
