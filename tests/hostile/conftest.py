"""Sweeps that strangers might prepare."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from convscape.search import Sweep, launch
from convscape.tests.tiny_sweep import tiny

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="package")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep called "tiny" that has ended."""
    folder = tmp_path_factory.mktemp("sweeps")
    launch(tiny(folder, "search.trials=1", "search.epochs=1"), progress=False)
    return folder


@pytest.fixture(scope="package")
def exported_digits(swept: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an export of it."""
    folder = tmp_path_factory.mktemp("exports") / "digits"
    Sweep.open("tiny", swept).export(folder, formats=(), insight=False)
    return folder


@pytest.fixture
def prepared(swept: Path, tmp_path: Path) -> Path:
    """The folder of a copy of it, to be changed."""
    shutil.copytree(swept, tmp_path / "sweeps")
    return tmp_path / "sweeps" / "tiny"
