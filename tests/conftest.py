"""What holds for all tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from convscape.search.config.environment import EXPERIMENT, URI
from hypothesis import settings
from tiny_sweep import send_nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

# Who works on this may have an MLflow of their own, to which no test shall send anything, from whatever process.
for variable in (URI, EXPERIMENT):
    os.environ.pop(variable, None)

# A shared machine may be slow at any moment: no deadline an example.
settings.register_profile("convscape", deadline=None, max_examples=50)
settings.load_profile("convscape")


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to MLflow: its store costs seconds."""
    send_nothing(monkeypatch)


@pytest.fixture(scope="module")
def quiet_module() -> Iterator[None]:
    """Nothing is sent to MLflow while the tests of a file run."""
    with pytest.MonkeyPatch.context() as patched:
        send_nothing(patched)
        yield
