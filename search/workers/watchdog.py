"""The watchdog of epochs: a worker that hangs ends its own process and leaves behind where it hung."""

from __future__ import annotations

import faulthandler
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRACEBACK = "hung.txt"
"""File in a trial's folder that says what all threads of a worker were at when it hung."""
WATCHED = ".watched.txt"
"""File in which a worker writes that while an epoch runs; it is empty, and gone when the epoch ends in time."""


@contextmanager
def limited(seconds: float | None, folder: Path) -> Iterator[None]:
    """A context manager that ends this process where the body takes longer than `seconds`; None for no limit.

    A thread of C does it: one of Python's would wait for ever for the interpreter's lock, where C code that hangs holds
    it. What all threads were at is written first.

    Args:
        seconds: the most the body may take.
        folder: is written to; the trial's folder, or one of the worker's node where that does not see it.
    """
    if seconds is None:
        yield
        return
    path = folder / WATCHED
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError:  # whether the trial's folder can be written is for its checkpoints to say
        file = None
    faulthandler.dump_traceback_later(seconds, exit=True, file=file or sys.stderr)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        if file is not None:
            file.close()
            path.unlink(missing_ok=True)


def describe_hang(seconds: float, folder: Path) -> str:
    """Why the worker that trained in `folder` ended, as a sentence; "" where it was not by the limit of an epoch.

    What the worker left of where it hung is kept as hung.txt.

    Args:
        seconds: the limit, `resources.epoch_seconds`.
        folder: the trial's folder.
    """
    left, kept = folder / WATCHED, folder / TRACEBACK
    try:
        if not left.stat().st_size:
            return ""
        left.replace(kept)
    except OSError:
        return ""
    return (
        f"an epoch did not end within the {seconds:g} s of resources.epoch_seconds; raise it, or see in {kept} "
        "where it hung"
    )
