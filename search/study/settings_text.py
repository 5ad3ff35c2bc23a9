"""What a trial was sampled with, as a line of text short enough for a tag of MLflow, and read from such a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: dict[str, dict[str, Any]] = {
    "Float": {"step": None, "low": None, "high": None, "log": False},
    "Int": {"log": False, "step": 1, "low": None, "high": None},
    "Categorical": {"choices": None},
}
"""Optuna's distributions by name, without the word: the attributes of each, with what they usually are."""
LARGEST_SETTING = 1e15
"""Bound on a number among the settings; whole numbers up to there are exact as floats."""
MOST_CHOICES = 1000
"""Bound on the choices of one setting."""


def settings_text(params: Mapping[str, Any], distributions: Mapping[str, str]) -> str:
    """Values and distributions of a trial's settings as compact JSON: {"crop": [1, "Int", {"low": 0, "high": 4}]}.

    Attributes of a distribution that are as usual are left out.

    Args:
        params: values by setting.
        distributions: for each setting the distribution that Optuna has of it, as its JSON text.
    """
    told = {}
    for name, value in params.items():
        distribution = json.loads(distributions[name])
        kind, usual = _kind(distribution["name"])
        attributes = distribution["attributes"].items()
        told[name] = [value, kind, {key: each for key, each in attributes if key not in usual or each != usual[key]}]
    return json.dumps(told, separators=(",", ":"))


def settings_of_text(text: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Values, and distributions as Optuna's JSON text, of a line that `settings_text` made, whoever changed it since.

    A setting that cannot be is left out: a value outside its range, a kind that Optuna does not have.

    Args:
        text: the line.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return {}, {}
    params: dict[str, Any] = {}
    distributions: dict[str, str] = {}
    for name, setting in told.items() if isinstance(told, dict) else ():
        if not isinstance(setting, list) or len(setting) != 3:
            continue
        value, kind, attributes = setting
        if not isinstance(kind, str) or kind not in KINDS or not isinstance(attributes, dict):
            continue
        whole = {**KINDS[kind], **attributes}
        if whole.keys() == KINDS[kind].keys() and _can_be(kind, value, whole):
            params[name] = value
            distributions[name] = json.dumps({"name": f"{kind}Distribution", "attributes": whole})
    return params, distributions


def _kind(distribution: str) -> tuple[str, dict[str, Any]]:
    kind = distribution.removesuffix("Distribution")
    return kind, KINDS[kind]


def _can_be(kind: str, value: Any, attributes: dict[str, Any]) -> bool:
    """Whether a distribution can have these attributes, and a setting this value of it."""
    if kind == "Categorical":
        choices = attributes["choices"]
        if not isinstance(choices, list) or not 0 < len(choices) <= MOST_CHOICES:
            return False
        known = {(type(choice), choice) for choice in choices if _is_choice(choice)}
        return len(known) == len(choices) and _is_choice(value) and (type(value), value) in known
    low, high, step, log = (attributes[key] for key in ("low", "high", "step", "log"))
    numbers = [value, low, high] if step is None else [value, low, high, step]
    if type(log) is not bool or not all(_is_number(number, whole=kind == "Int") for number in numbers):
        return False
    steps = step is None if kind == "Float" and log else step is None or step > 0
    return steps and low <= value <= high and (low > 0 or not log) and (kind == "Float" or step is not None)


def _is_choice(value: Any) -> bool:
    return value is None or isinstance(value, str | bool) or _is_number(value, whole=False)


def _is_number(value: Any, *, whole: bool) -> bool:
    right = type(value) is int if whole else type(value) in (int, float)
    return right and abs(value) <= LARGEST_SETTING  # NaN and infinity are not
