from __future__ import annotations

import sys
import types

import pytest
import torch
from convscape.trainers.data.dataset import Dataset, load_dataset


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Small networks are faster on one thread, and sums come out alike on machines with more or fewer cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset("digits", train=320, validation=100)


@pytest.fixture
def mine(monkeypatch):
    """Puts a function into an importable module and gives its import path."""

    def make(function) -> str:
        module = types.ModuleType("my_images")
        module.read = function
        if function is not None:
            function.__module__ = "my_images"
        module.number = 3
        monkeypatch.setitem(sys.modules, "my_images", module)
        return "my_images.read"

    return make
