"""Where Convscape keeps what is a user's own and of no sweep."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """The user's folder for what outlives a sweep: `convscape` in `$XDG_STATE_HOME`, or in `~/.local/state`.

    Raises:
        RuntimeError: the user has no home.
    """
    return _base("XDG_STATE_HOME", ".local/state") / "convscape"


def cache_folder() -> Path:
    """The user's folder for what can be had again: `convscape` in `$XDG_CACHE_HOME`, or in `~/.cache`.

    Raises:
        RuntimeError: the user has no home.
    """
    return _base("XDG_CACHE_HOME", ".cache") / "convscape"


def _base(variable: str, at_home: str) -> Path:
    base = Path(os.environ.get(variable, ""))
    return base if base.is_absolute() else Path.home() / at_home  # never the current folder's
