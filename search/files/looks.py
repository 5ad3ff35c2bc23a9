"""Counts how often the test images of a sweep were looked at, in the sweep's folder, whatever is killed meanwhile."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ...spaces import SweepError
from .append_only import Spool
from .flock import lock_file, unlock_file
from .layout import LOOKS
from .links import PLAIN

if TYPE_CHECKING:
    from pathlib import Path


def count_look(folder: Path, trial: int) -> int:
    """Writes down that the test images were looked at, and gives how often that is now, this time included.

    It is on the disk when this returns. Exports that run at the same time count one after the other.

    Args:
        folder: the sweep's.
        trial: number of the trial whose network was measured on them.

    Raises:
        SweepError: it cannot be written down.
    """
    path = folder / LOOKS
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | PLAIN, 0o666)) as held:
            lock_file(held.fileno(), path, wait=True)
            spool = Spool(path)
            try:
                spool.append({"trial": trial, "time": time.time()})
                waiting, count = spool.drain(), spool.flushed_lines()
            finally:
                spool.close()
                unlock_file(held.fileno())
    except OSError as error:
        raise _uncounted(path, str(error.strerror)) from None
    if waiting or not count:
        raise _uncounted(path, "the disk does not take it")
    return count


def _uncounted(path: Path, why: str) -> SweepError:
    return SweepError(
        f"{path}: that the test images are looked at cannot be written down: {why}",
        "Make the sweep's folder writable, or export from a copy of it.",
    )
