"""The built-in space, a classic's variations, and one of somebody's own hold to the contract of spaces."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import convscape
import pytest
from convscape.spaces import ClassicSpace, ConvSpace, CustomSpace
from convscape.spaces.conv_space.settings import DEFAULTS
from convscape.testing import SpaceContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convscape.spaces import Space

PLAIN = """
from convscape.spaces import Architecture, Conv, Flatten, Linear, whole_numbers

class Plain:
    def __init__(self, filters=4):
        self.filters = whole_numbers(filters, "space.filters", 1, 64)

    def check(self, input):
        pass

    def sample(self, trial, input, classes):
        layers = (Conv(self.filters.suggest(trial, "filters")), Flatten(), Linear(classes))
        return Architecture(input, layers, classes)
"""
EXAMPLES = Path(convscape.__file__).parent / "examples"


def first(setting: Any) -> Any:
    """One value of what a setting may be."""
    return setting["low"] if isinstance(setting, dict) else setting[0] if isinstance(setting, list) else setting


class OurSpace(SpaceContract):
    networks_at_least = 6
    choices_at_least = 3
    too_small = (1, 1, 1)
    size_of_fixed = "1 distinct network"

    def test_the_size_of_what_may_be_chosen_is_in_networks(self) -> None:
        assert "distinct networks" in str(self.make(**self.chosen).size((1, 28, 28)))


class TestConvSpace(OurSpace):
    chosen = {"stages": [1, 2, 3], "filters": [2, 4], "kernel": [3, 5, 7], "downsampling": ["max", "strided", "none"]}
    fixed = {key: first(default) for key, default in DEFAULTS.items()}

    def make(self, **settings: Any) -> Space:
        return ConvSpace(**settings)


class TestClassicSpace(OurSpace):
    chosen = {
        "base": ["lenet5", "vgg11", "resnet18", "googlenet", "base-cnn-c"], "width": {"low": 0.05, "high": 0.3},
        "head": ["keep", "global_average"], "pooling": ["keep", "average", "convolution"],
        "norm": ["keep", "batch", "none"], "activation": ["keep", "gelu"], "dropout": ["keep", 0, 0.25],
    }  # fmt: skip
    fixed = {"base": "alexnet", "width": 0.1, "pooling": "convolution", "norm": "batch", "dropout": 0.25}

    def make(self, **settings: Any) -> Space:
        return ClassicSpace(**settings)


class TestCustomSpace(OurSpace):
    chosen = {"modules": [1, 2, 3, 4]}
    fixed = {"modules": 2, "squeeze": 4, "expand": 8}

    def make(self, **settings: Any) -> Space:
        return CustomSpace("own_space.FireSpace", settings, [EXAMPLES])


class TestPlainSpace(SpaceContract):
    """No more than a space must have: one choice, no size, and every image fits."""

    chosen = {"filters": [2, 4]}
    fixed = {"filters": 2}

    @pytest.fixture(autouse=True)
    def module(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        (tmp_path / "plain_space.py").write_text(PLAIN)
        self.folder = tmp_path
        yield
        sys.modules.pop("plain_space", None)

    def make(self, **settings: Any) -> Space:
        return CustomSpace("plain_space.Plain", settings, [self.folder])
