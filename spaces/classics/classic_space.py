"""ClassicSpace: a search space of classic networks and what may be changed about them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from ..choices import Choice, Options, number, read_settings
from ..conv_space import DEFAULTS as STAGED, Size
from ..errors import ArchitectureError, Mistakes, SpaceError
from ..kinds import Kind, numbers, one_of
from ..layers import Activation, ActivationName, Dropout, Pool
from . import variations
from .catalog import CLASSICS, classic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..architecture import Architecture
    from ..choices import Trial

KEEP = "keep"
"""The value of a setting that leaves the classic as published."""
MOST_COUNTED = 500
"""Networks that are told apart one by one, seconds of work, before the size is only bounded from above."""


def _keep_or_rate(value: object, key: str) -> Choice:
    """Numbers, "keep" or a list of both, or a range."""
    listed: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    rates = [item for item in listed if item != KEEP]
    if isinstance(value, Mapping) or len(rates) == len(listed):
        return number(value, key, 0.0, 0.9)
    if rates:
        number(rates, key, 0.0, 0.9)
    if len(listed) > len(rates) + 1:
        raise SpaceError(f"{key}: '{KEEP}' is listed twice", "Name each value once.", key=key)
    return Options(tuple(listed))


KEYS: dict[str, tuple[object, Kind]] = {
    # key: (default, what it may hold)
    "base": (None, one_of(*CLASSICS)),
    "head": (KEEP, one_of(KEEP, *variations.HEADS)),
    "width": (1, numbers(0.01, 4)),
    "pooling": (KEEP, one_of(KEEP, *variations.POOLINGS)),
    "norm": (KEEP, one_of(KEEP, *variations.NORMS)),
    "activation": (KEEP, one_of(KEEP, *get_args(ActivationName))),
    "dropout": (KEEP, numbers(0.0, 0.9).or_among(KEEP, _keep_or_rate)),
}
"""Each setting of a ClassicSpace: what it is by default, and what it may hold in a sweep file."""
DEFAULTS: dict[str, object] = {key: default for key, (default, _) in KEYS.items() if key != "base"}


class _Variation(NamedTuple):
    make: Callable[[Architecture, Any], Architecture]
    applies: Callable[[Architecture], bool]
    """Whether the network has what would be changed: what it has not is not asked for."""


def _holds(kind: Any) -> Callable[[Architecture], bool]:
    return lambda network: any(True for _ in variations.of_kind(network.layers, kind))


VARIATIONS = {
    "head": _Variation(variations.with_head, variations.has_flat_head),
    "width": _Variation(variations.with_width, lambda _: True),
    "pooling": _Variation(variations.with_pooling, _holds(Pool)),
    "norm": _Variation(variations.with_norm, lambda _: True),
    "activation": _Variation(variations.with_activation, _holds(Activation)),
    "dropout": _Variation(variations.with_dropout, _holds(Dropout)),
}
"""What may be changed about a classic, in the order in which it is asked for and made."""


class ClassicSpace:
    """A classic, scaled to the images and classes, and its variations: every key fixed, one of a list, or a range.

    Args:
        base: a name of `classics.CLASSICS`.
        head: "keep", or "global_average" in place of the fully connected layers.
        width: what all widths but the scores' are multiplied by, 0.01 to 4.
        pooling: "keep"; "max", "average" or "l2"; or "convolution": one of the same window in place of each
            pooling that makes the map smaller.
        norm: "keep"; "batch" after every convolution; or "none".
        activation: "keep", or a nonlinearity's name.
        dropout: "keep", or the rate of all dropout it has, 0 to 0.9.

    Raises:
        SpaceError: an unknown key, or a value out of range; names the key.

    >>> space = ClassicSpace(base="vgg11", width=[0.25, 0.5, 1], norm=["keep", "batch"])
    >>> str(space.size((3, 32, 32)))
    '6 distinct networks'
    """

    def __init__(self, **settings: Any) -> None:
        mistakes = Mistakes()
        excluded = [key for key in settings if key not in KEYS and (key in STAGED or re.fullmatch(r"stage\d+", key))]
        with mistakes:
            if excluded:
                named = ", ".join(f"`{key}`" for key in excluded)
                raise SpaceError(
                    f"space.{excluded[0]}: `base` excludes {named}",
                    f"A classic's layers are given: leave `base` out, or these. Known: {', '.join(KEYS)}.",
                    key=f"space.{excluded[0]}",
                )
        with mistakes:
            left = {key: value for key, value in settings.items() if key not in excluded}
            self.settings = read_settings(left, KEYS, "space")
        mistakes.refuse()

    def check(self, input: tuple[int, int, int]) -> None:
        """Asks whether some base can be scaled to an image of (C, H, W).

        Raises:
            SpaceError: none can.
        """
        if not any(_fits(name, input) for name in self.bases):
            raise SpaceError(
                f"space.base: {', '.join(self.bases)}: cannot be scaled to images of {input[1]}x{input[2]}",
                "Use images of at least 8x8; `data.size` makes them larger.",
                key="space.base",
            )

    def sample(self, trial: Trial, input: tuple[int, int, int], classes: int) -> Architecture:
        """One network for images of (C, H, W), every choice asked of `trial`; it can always be built.

        Args:
            trial: an Optuna trial, or anything that suggests values as one does.
            input: (C, H, W) of one image.
            classes: how many scores come out.

        Raises:
            SpaceError: no base can be scaled to the image.
        """
        self.check(input)
        base = self.settings["base"]
        assert isinstance(base, Options)
        network = classic(base.suggest(trial, "base", lambda name: _fits(name, input)), input, classes)
        for key, variation in VARIATIONS.items():
            if variation.applies(network):
                network = _made(variation, network, self.settings[key].suggest(trial, key))
        return network

    def size(self, input: tuple[int, int, int]) -> Size:
        """How many distinct networks the space holds for images of (C, H, W).

        They are told apart by their digests where there are at most MOST_COUNTED ways to choose. Where there are more,
        the size is that number of ways, and says that it is not exact.
        """
        bases = [name for name in self.bases if _fits(name, input)]
        values = {key: _values(self.settings[key]) for key in VARIATIONS}
        ways = len(bases) * prod(len(found) for found in values.values())
        ranges = [key for key in VARIATIONS if _is_continuous(self.settings[key])]
        if ways > MOST_COUNTED:
            return Size(ways, exact=False, ranges=tuple(ranges))
        found = _distinct(classic(name, input, 2) for name in bases)
        for key, variation in VARIATIONS.items():
            if key in ranges and not any(variation.applies(network) for network in found):
                ranges.remove(key)
            found = _distinct(
                _made(variation, network, value)
                for network in found
                for value in (values[key] if variation.applies(network) else (KEEP,))
            )
        return Size(len(found), exact=True, ranges=tuple(ranges))

    @property
    def bases(self) -> tuple[Any, ...]:
        """Names of the classics that may be varied, in the order of the sweep file."""
        base = self.settings["base"]
        assert isinstance(base, Options)
        return base.options


def _made(variation: _Variation, network: Architecture, value: Any) -> Architecture:
    return network if value == KEEP else variation.make(network, value)


@lru_cache(maxsize=1_000)
def _fits(name: str, input: tuple[int, int, int]) -> bool:
    try:
        classic(name, input, 2)
    except ArchitectureError:
        return False
    return True


def _distinct(networks: Iterable[Architecture]) -> list[Architecture]:
    return list({network.digest: network for network in networks}.values())


def _is_continuous(choice: Choice) -> bool:
    return not isinstance(choice, Options) and not choice.whole and choice.low < choice.high


def _values(choice: Choice) -> tuple[Any, ...]:
    """What a setting may be; of a continuous range one value."""
    if isinstance(choice, Options):
        return choice.options
    return tuple(range(int(choice.low), int(choice.high) + 1, int(choice.step or 1))) if choice.whole else (choice.low,)
