"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A shared machine may be slow at any moment: no deadline an example.
settings.register_profile("convscape", deadline=None, max_examples=50)
settings.load_profile("convscape")
