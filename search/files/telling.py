"""Problems with files that are read again and again, told once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)
_told: set[tuple[Path, str]] = set()


def tell_once(path: Path, problem: str) -> None:
    """Logs a warning about a file, the first time only.

    Args:
        path: the file.
        problem: as the end of a sentence that begins with the path.
    """
    if (path, problem) not in _told:
        _told.add((path, problem))
        _log.warning("%s%s", path, problem)
