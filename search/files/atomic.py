"""Small files that are written whole or not at all, whatever kills the process meanwhile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Writes a file anew: until all of it is on the disk, what was there before is there still.

    A kill may leave the beginning of it as `temporary(path)`, which the next writing overwrites.
    """
    with temporary_path(path).open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary_path(path).replace(path)


def temporary_path(path: Path) -> Path:
    """Where the file is while it is written."""
    return path.with_name(f".{path.name}")
