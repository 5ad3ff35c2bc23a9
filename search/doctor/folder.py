"""The folder of sweeps as the driver finds it: a file in it, by which nodes that see the same folder are known."""

from __future__ import annotations

import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ...spaces import SweepError
from .findings import Finding, Level
from .nodes import disk_finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def marked(folder: Path) -> Iterator[tuple[Path, str]]:
    """Has a file be in a folder while the body runs; neither the file nor a folder made for it is left.

    Args:
        folder: where sweeps are kept; it need not be there.

    Yields:
        The file's absolute path, and the text in it.

    Raises:
        SweepError: the folder cannot be made or written.
    """
    folder, text = folder.resolve(), secrets.token_hex(16)
    file, made = folder / f".convscape-doctor-{text[:8]}", []
    try:
        try:
            for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
                missing.mkdir()
                made.append(missing)
            file.write_text(text)
        except OSError as error:
            raise SweepError(
                f"folder: {folder} cannot be written: {error.strerror}",
                "Make it writable, or name another `folder` in the sweep file.",
            ) from None
        yield file, text
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)
        for empty in reversed(made):
            with suppress(OSError):  # a sweep has put something there meanwhile
                empty.rmdir()


def folder_finding(folder: Path) -> Finding:
    """Whether there is room for sweeps in their folder, which is there.

    Args:
        folder: where sweeps are kept.
    """
    remedy = "Make room there, or name another `folder` in the sweep file: each trial keeps its checkpoints there."
    folder = folder.resolve()
    return disk_finding(shutil.disk_usage(folder).free, f"{folder}, where sweeps are kept", Level.WRONG, remedy)
