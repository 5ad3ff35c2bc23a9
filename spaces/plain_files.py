"""Reads files that somebody named: plain ones of bounded size, never a pipe or a device that has no end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

BLOCK = 2**20
"""Bytes read at a time: a file's size may be told wrongly, as in /proc."""


def check_plain(path: str | Path, most_bytes: int) -> Path:
    """Refuses what is no plain file, before it is opened, and a file that is too large. Links to it are followed.

    Args:
        path: of the file.
        most_bytes: bound on its size.

    Raises:
        OSError: it is absent, a pipe, a device, a folder, or too large.
    """
    path = Path(path)
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "No plain file", str(path))
    if found.st_size > most_bytes:
        raise _too_large(path, most_bytes)
    return path


def read_plain(path: str | Path, most_bytes: int) -> bytes:
    """What a plain file holds. Links to it are followed.

    Args:
        path: of the file.
        most_bytes: bound on its size.

    Raises:
        OSError: it cannot be read, or is a pipe, a device, a folder, or too large.
    """
    with check_plain(path, most_bytes).open("rb") as file:
        content = b""
        while len(content) <= most_bytes and (more := file.read(min(BLOCK, most_bytes + 1 - len(content)))):
            content += more
    if len(content) > most_bytes:
        raise _too_large(path, most_bytes)
    return content


def _too_large(path: str | Path, most_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"More than {most_bytes:,} bytes", str(path))
