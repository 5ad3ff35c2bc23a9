"""RecipeSpace: which training recipes a sweep may try."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ...spaces import SpaceError, nearest, number, options, values, whole_numbers
from ...trainers import CLASS_WEIGHTS, DOWNLOAD, LARGEST_SHIFT, OPTIMIZERS, SCHEDULES, Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...spaces import Choice, Options, Trial


def _weights(value: object, key: str) -> Choice:
    """Files, folders of exports, "torchvision:NAME" or None, one or a list of them."""
    listed: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    for item in listed:
        if item is not None and not (isinstance(item, str) and item.strip()):
            raise SpaceError(
                f"{key}: {item!r:.80} is no file, folder or torchvision:NAME", "Use null to start from chance.", key=key
            )
    return options(listed, key, listed)


def _limit(value: object, key: str) -> Choice:
    """As `number`, or None for no limit, alone or in a list."""
    listed: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    if None not in listed:
        return number(value, key, 1e-6, 1e6)
    numbers = [item for item in listed if item is not None]
    if numbers:
        number(numbers, key, 1e-6, 1e6)
    return options(listed, key, listed)


KEYS: dict[str, tuple[object, Callable[[object, str], Choice]]] = {
    # key: (default, how its values are read)
    "optimizer": ("sgd", lambda value, key: options(value, key, OPTIMIZERS)),
    "learning_rate": ({"low": 0.003, "high": 0.3, "log": True}, lambda value, key: number(value, key, 1e-8, 100)),
    "momentum": (0.9, lambda value, key: number(value, key, 0, 0.999)),
    "weight_decay": ({"low": 1e-6, "high": 1e-2, "log": True}, lambda value, key: number(value, key, 0, 1)),
    "batch_size": ([64, 128], lambda value, key: whole_numbers(value, key, 2, 65_536)),
    "label_smoothing": (0.0, lambda value, key: number(value, key, 0, 0.9)),
    "class_weights": ("none", lambda value, key: options(value, key, CLASS_WEIGHTS)),
    "gradient_clip": (2.0, _limit),
    "warmup": (0.5, lambda value, key: number(value, key, 0, 1_000)),
    "schedule": ("constant", lambda value, key: options(value, key, SCHEDULES)),
    "averaging": (0.999, lambda value, key: number(value, key, 0, 0.99999)),
    "crop": (0, lambda value, key: whole_numbers(value, key, 0, LARGEST_SHIFT)),
    "flip": (False, lambda value, key: options(value, key, (True, False))),
    "cutout": (0, lambda value, key: whole_numbers(value, key, 0, LARGEST_SHIFT)),
    "weights": (None, _weights),
    "frozen": (0.0, lambda value, key: number(value, key, 0, 1)),
}
"""For each key of a sweep file's `recipe`: the default, and the function that reads a value under a dotted key as a
choice."""
_ALWAYS = ("optimizer", "learning_rate", "weight_decay", "batch_size")
DEFAULTS: dict[str, object] = {key: default for key, (default, _) in KEYS.items()}
"""The value of each key of `recipe` that a sweep file leaves out."""


class RecipeSpace:
    """The training recipes a sweep may try: every setting fixed, one of a list, or a range.

    `trainers.recipe.Recipe` says what each setting means.

    Args:
        settings: values of the sweep file's `recipe` by key; DEFAULTS has those that are left out.

    Raises:
        SpaceError: an unknown key, a value out of range, or frozen layers without pretrained weights; names the key.
    """

    def __init__(self, **settings: Any) -> None:
        for key in settings:
            if key not in KEYS:
                raise SpaceError(f"recipe.{key}: unknown key", nearest(key, KEYS), key=f"recipe.{key}")
        self.settings: dict[str, Choice] = {
            key: read(settings.get(key, default), f"recipe.{key}") for key, (default, read) in KEYS.items()
        }
        if not self.weights and values(self.settings["frozen"]) != (0.0,):
            raise SpaceError(
                "recipe.frozen: there are no weights to keep as they are",
                "Say which: recipe.weights: torchvision:resnet18, or the folder of an export.",
                key="recipe.frozen",
            )

    @property
    def weights(self) -> tuple[str, ...]:
        """Sources of pretrained weights that training may start from: files, folders of exports, "torchvision:NAME"."""
        return tuple(source for source in cast("Options", self.settings["weights"]).options if isinstance(source, str))

    def check(self, input: tuple[int, int, int]) -> None:
        """Refuses a crop or cutout that may take a whole image: one as long as the image's shorter side, or longer.

        Args:
            input: (C, H, W) of the images.

        Raises:
            SpaceError: a crop or cutout is too large; names the key.
        """
        shorter = min(input[1:])
        for key in ("crop", "cutout"):
            largest = max(cast("tuple[int, ...]", cast("Options", self.settings[key]).options))
            if largest >= shorter:
                raise SpaceError(
                    f"recipe.{key}: {largest} is too large for images of {input[1]}x{input[2]}",
                    f"Use at most {shorter - 1}; an eighth of the image, {max(1, shorter // 8)}, is usual.",
                    key=f"recipe.{key}",
                )

    def sample(self, trial: Trial) -> Recipe:
        """One recipe. Fractions are rounded to six significant digits, so that what is shown is what is run.

        The share of frozen layers is asked for only where the recipe starts from pretrained weights.

        Args:
            trial: an Optuna trial, or anything that suggests values as one does.
        """
        found: dict[str, Any] = {}
        for key, choice in self.settings.items():
            if key != "frozen" or found["weights"] is not None:
                found[key] = choice.suggest(trial, key)
        rounded = {key: float(f"{v:.6g}") if isinstance(v, float) else v for key, v in found.items()}
        return Recipe.from_json(rounded)


def absolute_paths(settings: dict[str, Any]) -> dict[str, Any]:
    """A recipe's settings with the paths of weights absolute, so that workers and a resume find them from anywhere.

    Args:
        settings: settings of a recipe by key; `weights`, if there, holds one source or a list of them.
            "torchvision:NAME" stays as it is.

    Raises:
        ValueError: a path begins with `~NAME`, and there is no such user.
    """

    def absolute(source: object) -> object:
        if not isinstance(source, str) or not source.strip() or source.startswith(DOWNLOAD):
            return source
        try:
            return str(Path(source).expanduser().absolute())
        except RuntimeError:
            raise ValueError("no such user's home folder") from None

    if "weights" not in settings:
        return settings
    weights = settings["weights"]
    return {**settings, "weights": [absolute(s) for s in weights] if isinstance(weights, list) else absolute(weights)}


def logged_params(settings: Mapping[str, object], recipe: Recipe) -> dict[str, object]:
    """The settings of a recipe that MLflow shows as params: those by which the sweep's trials can be told apart.

    These are optimizer, learning rate, weight decay and batch size; what the sweep file varies or changed; and what
    differs from the default. Every other setting is at the recipe space's default in all trials of the sweep.

    Args:
        settings: the sweep file's `recipe`.
        recipe: the trial's recipe.

    >>> list(logged_params({"crop": [0, 1]}, Recipe(flip=True)))
    ['optimizer', 'learning_rate', 'weight_decay', 'batch_size', 'crop', 'flip']
    """
    values = recipe.to_json()
    usual = {**Recipe().to_json(), **DEFAULTS}
    shown = {
        key
        for key in values
        if key in _ALWAYS or values[key] != usual[key] or settings.get(key, usual[key]) != usual[key]
    }
    return {key: value for key, value in values.items() if key in shown}
