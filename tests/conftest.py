"""What holds for all tests."""

from __future__ import annotations

import pytest
from convscape.search.driver import launching
from convscape.search.tracking import upload_process
from hypothesis import settings

# A shared machine may be slow at any moment: no deadline an example.
settings.register_profile("convscape", deadline=None, max_examples=50)
settings.load_profile("convscape")


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to MLflow: its store costs seconds."""
    for word in ("start", "flush", "stop"):
        monkeypatch.setattr(upload_process, word, lambda *_: None)
    monkeypatch.setattr(launching, "FLUSH_SECONDS", 0.0)
