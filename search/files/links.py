"""A sweep's files are plain files in plain folders: a link in a prepared folder leads what is written elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

from ...spaces import SweepError

PLAIN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
"""Flags with which a file of a sweep's folder is opened for writing: a link is refused, even one made just now.
Windows has no such flags."""


def refuse_links(folder: Path, *, deep: bool = True) -> None:
    """Refuses a sweep's folder that is a link, or that holds anything but files and folders.

    Links above it are somebody's own way to a disk, and are followed. A folder that is not there will do.

    Args:
        folder: of the sweep.
        deep: whether to look into the folders in it, too.

    Raises:
        SweepError: says what is no plain file or folder, or cannot be looked into.
    """
    try:
        _refuse_links(folder, deep=deep)
    except OSError as error:
        raise SweepError(
            f"{error.filename or folder} cannot be used: {error.strerror}", "Name another folder, or make it readable."
        ) from None


def _refuse_links(folder: Path, *, deep: bool) -> None:
    if folder.is_symlink():
        raise _refusal(folder, "a link")
    waiting = [folder]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except (FileNotFoundError, NotADirectoryError):  # another process tidies up
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting += [Path(entry.path)] if deep else []
            elif not entry.is_file(follow_symlinks=False):
                raise _refusal(Path(entry.path), "a link" if entry.is_symlink() else "no file")


def _refusal(path: Path, what: str) -> SweepError:
    return SweepError(
        f"{path} is {what}, and what is written there would go elsewhere",
        "Convscape makes none in a sweep's folder. Remove it, if you know where it comes from.",
    )
