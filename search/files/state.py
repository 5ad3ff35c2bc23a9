"""Where Convscape keeps what is a user's own and of no sweep."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """The user's folder for what outlives a sweep: `convscape` in `$XDG_STATE_HOME`, or in `~/.local/state`.

    Raises:
        RuntimeError: the user has no home.
    """
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    base = base if base.is_absolute() else Path.home() / ".local" / "state"  # never the current folder's
    return base / "convscape"
