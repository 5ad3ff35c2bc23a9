"""One driver a sweep: a lock on the sweep's folder that ends with its process, however that ends."""

from __future__ import annotations

import os
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...spaces import SweepError
from .flock import lock_file, unlock_file
from .layout import LOCK, command_about
from .links import PLAIN, refuse_links

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


ATTEMPTS = 5
"""Times that a lock is asked for: `is_locked` of another process holds it for a moment, too."""
PAUSE = 0.02
"""Seconds from one of them to the next."""


@contextmanager
def sweep_lock(folder: Path) -> Iterator[None]:
    """A context manager that holds the sweep in `folder` for this process, so that no other process runs it.

    The lock ends with the body, or with the process, however that ends.

    Raises:
        SweepError: another process holds it; says which. Or the folder holds a link, or is where no file can be locked.
    """
    refuse_links(folder)
    with os.fdopen(os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_APPEND | PLAIN, 0o666), "a+") as file:
        try:
            had = hold_file(file.fileno(), folder / LOCK)
        except SweepError:
            if not file.seek(0, os.SEEK_END):
                (folder / LOCK).unlink(missing_ok=True)  # it locks nothing
            raise
        if not had:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise SweepError(
                f"sweep {folder.name}: {holder} is running it",
                f"Watch it with `{command_about(folder, 'status')}`, or end that process first.",
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        try:
            yield
        finally:
            unlock_file(file.fileno())


@contextmanager
def hold_path(path: Path, what: str) -> Iterator[None]:
    """A context manager that holds a file for this process, so that no other process does the same beside it.

    Args:
        path: of the file, which is made.
        what: is done meanwhile, for errors.

    Raises:
        SweepError: another process holds it, or the file system has no locks.
    """
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | PLAIN, 0o666), "r+") as file:
        if not hold_file(file.fileno(), path):
            raise SweepError(f"{what}: another process does that at this moment", "Wait until it is done.")
        try:
            yield
        finally:
            unlock_file(file.fileno())


def hold_file(file: int, path: Path) -> bool:
    """Takes the lock on an open file, if need be after processes that look for a moment whether it can be had.

    Args:
        file: descriptor of the file.
        path: of the file, for errors.

    Returns:
        Whether it was had; False where another process holds the file for longer than it takes to look.

    Raises:
        SweepError: the file system has no locks.
    """
    for _ in range(ATTEMPTS - 1):
        if lock_file(file, path):
            return True
        time.sleep(PAUSE)
    return lock_file(file, path)


def is_locked(folder: Path) -> bool:
    """Whether some process runs the sweep in `folder` now."""
    try:
        with (folder / LOCK).open("r") as file:
            return not lock_file(file.fileno(), folder / LOCK, shared=True)
    except (OSError, SweepError):  # where nothing can be locked nothing runs
        return False
