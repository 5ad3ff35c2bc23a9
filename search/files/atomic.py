"""Small files that are written whole or not at all, whatever kills the process meanwhile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .links import PLAIN

if TYPE_CHECKING:
    from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Writes a small file anew: until all of the new text is on the disk, the former text is still there.

    The text is written to `temporary_path(path)` and renamed. A kill may leave a part of it there, which the next call
    overwrites.

    Args:
        path: the file; its folder must be there.
        text: all of its new text, written as UTF-8.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | PLAIN
    with os.fdopen(os.open(temporary_path(path), flags, 0o666), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary_path(path).replace(path)


def temporary_path(path: Path) -> Path:
    """Where `write_atomically` writes the text of `path` before it renames it: the hidden file `.NAME` beside it."""
    return path.with_name(f".{path.name}")
