"""The built-in space, a classic's variations, and one of somebody's own hold to the contract of spaces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import convscape
from convscape.spaces import ClassicSpace, ConvSpace, CustomSpace
from convscape.spaces.conv_space.settings import DEFAULTS
from convscape.testing import SpaceContract

if TYPE_CHECKING:
    from convscape.spaces import Space

EXAMPLES = Path(convscape.__file__).parent / "examples"


def first(setting: Any) -> Any:
    """One value of what a setting may be."""
    return setting["low"] if isinstance(setting, dict) else setting[0] if isinstance(setting, list) else setting


class TestConvSpace(SpaceContract):
    chosen = {"stages": [1, 2, 3], "filters": [2, 4], "kernel": [3, 5, 7], "downsampling": ["max", "strided", "none"]}
    fixed = {key: first(default) for key, default in DEFAULTS.items()}

    def make(self, **settings: Any) -> Space:
        return ConvSpace(**settings)


class TestClassicSpace(SpaceContract):
    chosen = {
        "base": ["lenet5", "vgg11", "resnet18", "googlenet", "base-cnn-c"], "width": {"low": 0.05, "high": 0.3},
        "head": ["keep", "global_average"], "pooling": ["keep", "average", "convolution"],
        "norm": ["keep", "batch", "none"], "activation": ["keep", "gelu"], "dropout": ["keep", 0, 0.25],
    }  # fmt: skip
    fixed = {"base": "alexnet", "width": 0.1, "pooling": "convolution", "norm": "batch", "dropout": 0.25}

    def make(self, **settings: Any) -> Space:
        return ClassicSpace(**settings)


class TestCustomSpace(SpaceContract):
    chosen = {"modules": [1, 2, 3, 4]}
    fixed = {"modules": 2, "squeeze": 4, "expand": 8}
    size_of_fixed = "1 distinct networks"

    def make(self, **settings: Any) -> Space:
        return CustomSpace("own_space.FireSpace", settings, [EXAMPLES])
