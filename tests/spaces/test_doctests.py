"""The examples in docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import convscape.spaces
import pytest

MODULES = [module.name for module in pkgutil.walk_packages(convscape.spaces.__path__, "convscape.spaces.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
