"""The kernel's lock on a file, which ends with the process that has it, however that ends.

A lock that is a file alone, as filelock's SoftFileLock is, would do on file systems that have no other. But a process
that is killed leaves it behind, and whether that process lives yet cannot be asked of another machine: a sweep would
stay locked for ever, or be run by two at a time. So such a file system is refused, by its name.
"""

from __future__ import annotations

import os
from pathlib import Path

from ...spaces import SweepError


def lock_file(file: int, path: Path, *, shared: bool = False, wait: bool = False) -> bool:
    """Asks for the lock on an open file. Gives whether it was had: it is not while another process has it.

    Args:
        file: descriptor of the file.
        path: of the file, for errors.
        shared: ask for a lock that others may share.
        wait: until the other process gives it back.

    Raises:
        SweepError: the file system has no locks, or the operating system is none of POSIX's kind.
    """
    try:
        import fcntl
    except ImportError:
        raise SweepError(
            f"{path} cannot be locked: sweeps need a POSIX system",
            "Use Linux or macOS, or on Windows WSL. Networks and spaces can be described and sampled here, too.",
        ) from None
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        where = file_system(path)
        raise SweepError(
            f"{path} cannot be locked: {error.strerror}{where and f', says {where}'}",
            "Keep sweeps on another disk (`--set folder=…`), or have this one mounted with locks (flock).",
        ) from None
    return True


def unlock_file(file: int) -> None:
    """Gives a lock back. Closing the file alone leaves it to processes that were forked meanwhile."""
    import fcntl

    fcntl.flock(file, fcntl.LOCK_UN)


def file_system(path: Path) -> str:
    """The file system that a path lies on, as in "the file system nfs4 at /home"; "" where the kernel does not tell.

    Args:
        path: need not be there.
    """
    place = Path(os.path.realpath(path))
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return ""
    found = [(point, kind) for _, point, kind, *_ in mounts if Path(point) in (place, *place.parents)]
    point, kind = max(found, key=lambda each: len(each[0]), default=("", ""))
    return f"the file system {kind} at {point}" if found else ""
