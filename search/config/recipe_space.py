"""RecipeSpace: which training recipes a sweep may try."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ...spaces import (
    Kind,
    SpaceError,
    number,
    numbers,
    one_of,
    options,
    read_settings,
    values,
    whole,
    whole_numbers,
)
from ...trainers import CLASS_WEIGHTS, DOWNLOAD, LARGEST_SHIFT, OPTIMIZERS, SCHEDULES, Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

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


AUTO = "auto"
"""What `batch_size` is where the number of images decides, `crop` and `cutout` where their size, `mixup` and `cutmix`
where the length does."""
BATCHES, STEPS = (2, 4, 8, 16, 32, 64, 128), 2
"""Batches where `batch_size` is "auto": the largest two with which an epoch has so many steps."""


def _batch(value: object, key: str) -> Choice:
    """Images a step, one number or a list of them, or "auto"."""
    return options(AUTO, key, (AUTO,)) if value == AUTO else whole_numbers(value, key, 2, 65_536)


def _shift(value: object, key: str) -> Choice:
    """Cells, one number or a list of them, or "auto"."""
    return options(AUTO, key, (AUTO,)) if value == AUTO else whole_numbers(value, key, 0, LARGEST_SHIFT)


def _mixing(value: object, key: str) -> Choice:
    """A number, a list or a range, or "auto"."""
    return options(AUTO, key, (AUTO,)) if value == AUTO else number(value, key, 0, 100)


def _limit(value: object, key: str) -> Choice:
    """As `number`, or None for no limit, alone or in a list."""
    listed: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    if None not in listed:
        return number(value, key, 1e-6, 1e6)
    numbers = [item for item in listed if item is not None]
    if numbers:
        number(numbers, key, 1e-6, 1e6)
    return options(listed, key, listed)


KEYS: dict[str, tuple[object, Kind]] = {
    # key: (default, what it may hold)
    "optimizer": ("sgd", one_of(*OPTIMIZERS)),
    "learning_rate": ({"low": 0.02, "high": 0.4, "log": True}, numbers(1e-8, 100)),
    "momentum": (0.9, numbers(0, 0.999)),
    "weight_decay": ({"low": 2e-4, "high": 5e-3, "log": True}, numbers(0, 1)),
    "batch_size": (AUTO, whole(2, 65_536).or_alone(AUTO, _batch)),
    "label_smoothing": (0.1, numbers(0, 0.9)),
    "class_weights": ("none", one_of(*CLASS_WEIGHTS)),
    "gradient_clip": (2.0, numbers(1e-6, 1e6).or_among(None, _limit)),
    "warmup": (0.5, numbers(0, 1_000)),
    "schedule": ("wsd", one_of(*SCHEDULES)),
    "averaging": (0.999, numbers(0, 0.99999)),
    "crop": (AUTO, whole(0, LARGEST_SHIFT).or_alone(AUTO, _shift)),
    "flip": ([False, True], one_of(True, False)),
    "cutout": (AUTO, whole(0, LARGEST_SHIFT).or_alone(AUTO, _shift)),
    "mixup": (AUTO, numbers(0, 100).or_alone(AUTO, _mixing)),
    "cutmix": (AUTO, numbers(0, 100).or_alone(AUTO, _mixing)),
    "weights": (None, Kind(_weights, {"type": ["string", "null"], "minLength": 1})),
    "frozen": (0.0, numbers(0, 1)),
}
"""For each key of a sweep file's `recipe`: what it is by default, and what it may hold."""
LONG_STEPS = 3_500
"""Steps of 64 of the search's training images from which on a last training, which has more images, mixes them."""
MIXUP, CUTMIX = 0.2, 1.0
"""What a long last training takes where `mixup` and `cutmix` are "auto"."""
SMALL = 16
"""Images with a shorter side below this, in cells, lose too much where a part is cut out."""
_ALWAYS = ("optimizer", "learning_rate", "weight_decay", "batch_size")
TEXTBOOK: dict[str, object] = {**Recipe().to_json(), "learning_rate": 0.1, "weight_decay": 1e-3, "batch_size": 64,
    "label_smoothing": 0.1, "schedule": "wsd", "crop": 1}  # fmt: skip
"""What anyone who trains convolutional networks sets first (He et al. 2016 for rate, decay and crop; Szegedy et al.
2016 for the smoothing). Images are not mirrored: that is wrong for digits."""
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
        self._given = settings
        self.settings = read_settings(settings, KEYS, "recipe")
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

    def for_images(self, input: tuple[int, int, int], images: int | None = None) -> RecipeSpace:
        """The recipes for images of one size: where a setting is "auto", it is as usual there.

        Batches are of 64 or 128 images; of fewer than 256 images smaller ones, so that an epoch has two steps or more.
        Images are shifted by 1/28 or 1/14 of their shorter side, at least by one cell (1 or 2 cells of 28 to 32), and
        by one cell below 16. A square of three tenths of it is cut out, or nothing; below 16 cells never.

        Args:
            input: (C, H, W) of the images.
            images: how many are trained on; None for many.

        >>> [RecipeSpace().for_images((1, 28, 28), images).settings["batch_size"] for images in (150, None)]
        [Options(options=(32, 64)), Options(options=(64, 128))]
        """
        side = min(input[1:])
        batches = [batch for batch in BATCHES[2:] if images is None or STEPS * batch <= images]
        usual: dict[str, object] = {
            "batch_size": [*BATCHES[:2], *batches][-2:],
            "crop": [max(1, side // 28), max(2, side // 14)] if side >= SMALL else [1] if side > 1 else [0],
            "cutout": [0, round(0.3 * side)] if side >= SMALL else [0],
        }
        left = {key: usual[key] for key in usual if self._given.get(key, AUTO) == AUTO}
        return RecipeSpace(**{**self._given, **left})

    def check(self, input: tuple[int, int, int]) -> None:
        """Refuses a crop or cutout that may take a whole image: one as long as the image's shorter side, or longer.

        Args:
            input: (C, H, W) of the images.

        Raises:
            SpaceError: a crop or cutout is too large; names the key.
        """
        shorter = min(input[1:])
        for key in ("crop", "cutout"):
            offered = cast("Options", self.settings[key]).options
            largest = 0 if AUTO in offered else max(cast("tuple[int, ...]", offered))
            if largest >= shorter:
                raise SpaceError(
                    f"recipe.{key}: {largest} is too large for images of {input[1]}x{input[2]}",
                    f"Use at most {shorter - 1}; an eighth of the image, {max(1, shorter // 8)}, is usual.",
                    key=f"recipe.{key}",
                )

    def sample(self, trial: Trial) -> Recipe:
        """One recipe. Fractions are rounded to six significant digits, so that what is shown is what is run.

        What is "auto" still is 0: `mixup` and `cutmix`, and `crop` and `cutout` where `for_images` was not called; then
        batches are of 64.

        The share of frozen layers is asked for only where the recipe starts from pretrained weights.

        Args:
            trial: an Optuna trial, or anything that suggests values as one does.
        """
        found: dict[str, Any] = {}
        for key, choice in self.settings.items():
            if key != "frozen" or found["weights"] is not None:
                found[key] = choice.suggest(trial, key)
        found |= {key: TEXTBOOK[key] if key == "batch_size" else 0 for key, value in found.items() if value == AUTO}
        rounded = {key: float(f"{v:.6g}") if isinstance(v, float) else v for key, v in found.items()}
        return Recipe.from_json(rounded)

    def for_refit(self, recipe: Recipe, steps: int) -> Recipe:
        """The recipe of the winner's last training: where `mixup` and `cutmix` are "auto", a long one mixes images.

        Where the schedule is "wsd" the rate goes down in a cosine then: how long the training is, is known by now.

        Args:
            recipe: the winner's.
            steps: of 64 of the images that the search trains on, that the training will have, more or less.
        """
        auto = all(self._given.get(key, AUTO) == AUTO for key in ("mixup", "cutmix"))
        if not auto or steps < LONG_STEPS:
            return recipe
        recipe = replace(recipe, schedule="cosine") if recipe.schedule == "wsd" else recipe
        return replace(recipe, mixup=MIXUP, cutmix=CUTMIX, label_smoothing=0.0)  # mixed labels are smooth enough


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
    of_the_refit = {"mixup": 0.0, "cutmix": 0.0}  # where they are "auto" the sampler does not choose them
    usual = {**Recipe().to_json(), **DEFAULTS, **of_the_refit}
    settings = {key: value for key, value in settings.items() if key not in of_the_refit or value != AUTO}
    shown = {
        key
        for key in values
        if key in _ALWAYS or values[key] != usual[key] or settings.get(key, usual[key]) != usual[key]
    }
    return {key: value for key, value in values.items() if key in shown}
