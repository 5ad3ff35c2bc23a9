"""Recipe: how a network is trained, as a frozen value."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from ..spaces import ConfigError, nearest

OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("constant", "cosine", "wsd")
CLASS_WEIGHTS = ("none", "balanced")
LARGEST_BATCH = 65_536
"""Bound on `batch_size`, in images."""
LARGEST_SHIFT = 4_096
"""Bound on `crop` and `cutout`, in cells."""
DOWNLOAD = "torchvision:"
"""Stands before a model's name: torchvision's own weights, which torchvision downloads and caches."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. The defaults can be read at any epoch and continued: nothing in them looks ahead.

    Raises:
        ConfigError: a value that cannot be used; names it and its range.

    >>> Recipe.from_json(Recipe(learning_rate=0.1).to_json()) == Recipe(learning_rate=0.1)
    True
    """

    optimizer: Literal["sgd", "adamw"] = "sgd"
    """SGD with Nesterov momentum (Sutskever et al. 2013) or AdamW (Loshchilov & Hutter 2019)."""
    learning_rate: float = 0.05
    """The rate after warm-up; for AdamW a fiftieth of this is usual."""
    momentum: float = 0.9
    """SGD's momentum, AdamW's beta 1, 0 to below 1."""
    weight_decay: float = 5e-4
    """Pulls weights towards zero; biases and batch norms are left alone."""
    batch_size: int = 128
    """Images a step, at least 2: one image has no spread for a batch norm to measure."""
    label_smoothing: float = 0.0
    """Share of the target spread over all classes, 0 to below 1 (Szegedy et al. 2015, 7). The reported validation loss
    has none.
    """
    class_weights: Literal["none", "balanced"] = "none"
    """What an image counts in the training loss: one, or "balanced", so that all classes count alike in total."""
    gradient_clip: float | None = 2.0
    """Largest norm of the gradient of all weights together; None for no limit."""
    warmup: float = 0.5
    """Epochs over which the rate rises in a straight line from zero."""
    schedule: Literal["constant", "cosine", "wsd"] = "constant"
    """After warm-up: one constant rate; half a cosine down to zero at the last epoch; or, as "wsd", warm-up, stable,
    decay: constant, then over the last three tenths in a straight line to zero (Hu et al. 2024; Hägele et al. 2024).
    """
    averaging: float = 0.999
    """Decay a step of the averaged weights that validation and export use, 0 for none. It grows to this value as
    (1 + steps) / (10 + steps), so that the average covers the last tenth of a short run.
    """
    crop: int = 0
    """Training images are shifted by up to so many cells in each direction; the reflection comes in at the edge."""
    flip: bool = False
    """Each training image is mirrored, left to right, with a probability of one half."""
    cutout: int = 0
    """Side, in cells, of a square of each training image that is set to the mean (DeVries & Taylor 2017)."""
    mixup: float = 0.0
    """Each batch is blended with itself in another order, its labels too, by a share drawn from Beta(a, a) with this a
    (Zhang et al. 2018). 0 for none. Neither this nor `cutmix` in the last 15 % of the epochs.
    """
    cutmix: float = 0.0
    """A rectangle of each image comes from another of the batch, the labels by area, the area's share being drawn from
    Beta(a, a) with this a (Yun et al. 2019). 0 for none; with `mixup` each batch has one of the two, by chance.
    """
    weights: str | None = None
    """Where training starts: weights in a file, an export's folder or "torchvision:NAME"; None for random weights."""
    frozen: float = 0.0
    """Share of the layers, 0 to 1, from the input on, that keep the `weights` they start from; the last layer always
    learns, and without `weights` all do.
    """

    def __post_init__(self) -> None:
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("class_weights", self.class_weights, CLASS_WEIGHTS)
        _number("learning_rate", self.learning_rate, 0.0, 100.0, above=True)
        _number("momentum", self.momentum, 0.0, 1.0, below=True)
        _number("weight_decay", self.weight_decay, 0.0, 100.0)
        _number("label_smoothing", self.label_smoothing, 0.0, 1.0, below=True)
        _number("mixup", self.mixup, 0.0, 100.0)
        _number("cutmix", self.cutmix, 0.0, 100.0)
        _number("warmup", self.warmup, 0.0, 1e6)
        _number("averaging", self.averaging, 0.0, 1.0, below=True)
        if self.gradient_clip is not None:
            _number("gradient_clip", self.gradient_clip, 0.0, 1e6, above=True)
        _whole("batch_size", self.batch_size, 2, LARGEST_BATCH)
        _whole("crop", self.crop, 0, LARGEST_SHIFT)
        _whole("cutout", self.cutout, 0, LARGEST_SHIFT)
        _number("frozen", self.frozen, 0.0, 1.0)
        if self.weights is not None and not (isinstance(self.weights, str) and self.weights):
            raise ConfigError(f"recipe.weights (={self.weights!r}) must be the name of a file or folder, or null")
        if not isinstance(self.flip, bool):
            raise ConfigError(f"recipe.flip (={self.flip!r}) must be true or false")

    def to_json(self) -> dict[str, Any]:
        """The recipe as plain values, which `Recipe.from_json` and any JSON writer take."""
        return asdict(self)

    @staticmethod
    def from_json(values: dict[str, Any]) -> Recipe:
        """The recipe with these values by field name, the rest at their defaults.

        Raises:
            ConfigError: an unknown name or a value that cannot be used.
        """
        if not isinstance(values, dict):
            raise ConfigError(f"a recipe is a mapping of names to values, not {type(values).__name__}")
        known = [field.name for field in fields(Recipe)]
        for name in values:
            if name not in known:
                raise ConfigError(f"recipe.{name:.60} is not part of a recipe", nearest(str(name), known))
        return Recipe(**values)


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"recipe.{name} (={value!r:.60}) is not known", nearest(str(value), known))


def _whole(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"recipe.{name} (={value!r:.60}) must be a whole number from {low} to {high:,}")


def _number(name: str, value: Any, low: float, high: float, *, above: bool = False, below: bool = False) -> None:
    """Refuses what is no finite number from `low` to `high`; `above` and `below` leave the bound itself out."""
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    number = value if usable else math.nan  # comparisons with nan are false
    if not low <= number <= high or (above and number == low) or (below and number == high):
        lower, upper = ("above" if above else "at least"), ("below" if below else "at most")
        raise ConfigError(f"recipe.{name} (={value!r:.60}) must be a number {lower} {low:g} and {upper} {high:,g}")
