from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name", ["balance", "data.dataset", "optimization", "data.pixels", "measuring.wilson", "recipe"]
)
def test_examples_in_docstrings(name):
    result = doctest.testmod(importlib.import_module(f"convscape.trainers.{name}"))
    assert result.attempted
    assert not result.failed
