"""A sweep's folder on this machine that is copied into object storage for as long as a body runs."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...spaces import SweepError
from ..files import TRIALS, command_about
from . import lease as leases, mirror as mirrors
from .layout import STOP, listed
from .lease import Lease
from .mirror import Mirror
from .store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WAIT = 60.0
"""Seconds that the end of a sweep waits for the storage; what is left stays on this machine, and is told."""
_log = logging.getLogger(__name__)


@contextmanager
def copied_up(
    url: str,
    folder: Path,
    say: Callable[[str], None],
    *,
    new: bool = False,
    length: float | None = None,
    period: float | None = None,
    wait: float | None = None,
) -> Iterator[Mirror]:
    """A context manager in whose body this process alone runs a sweep whose folder lies in object storage.

    First it brings what this machine has not, but for checkpoints; at the end it waits for what is not copied yet, and
    tells what is left. A new sweep of which nothing was trained leaves nothing there.

    Args:
        url: of the folder that holds sweeps.
        folder: the sweep's on this machine, locked by this process.
        say: called with what a person is to know while it waits.
        new: whether the sweep is a new one.
        length: seconds of the lease; `lease.LENGTH` when not given.
        period: seconds between two looks at what is new; `mirror.PERIOD` when not given.
        wait: seconds that the end waits; WAIT when not given.

    Raises:
        SweepError: another process runs the sweep, or took it over meanwhile; or the storage cannot be used.
        OSError: the folder cannot be written.
    """
    store = open_store(url)
    lease = Lease(store, folder.name, folder, length or leases.LENGTH)
    lease.take(say, new=new)
    store.delete([f"{folder.name}/{STOP}"])  # of a run before
    mirror = Mirror(store, folder, lease, period or mirrors.PERIOD)
    mirror.start()
    try:
        yield mirror
    finally:
        left = mirror.finish(WAIT if wait is None else wait)
        if mirror.lost:
            raise mirror.lost from None
        if new and not (folder / TRIALS).exists():
            _forget(url, folder)
        elif left:
            _log.warning(
                "%s has not reached %s. It is in %s: `%s` copies it, on this machine.",
                left,
                url,
                folder,
                command_about(folder, "sync"),
            )


def refuse_there(url: str, name: str, folder: Path) -> None:
    """Refuses a new sweep of a name that is in object storage already, or storage that cannot be used.

    Raises:
        SweepError: says which.
    """
    store = open_store(url)
    if listed(store, name):
        raise leases.already_there(store, name, folder)


def stop_elsewhere(url: str, name: str) -> None:
    """Has the driver of a sweep, wherever it runs, save and end after the running epochs.

    Raises:
        SweepError: the storage does not answer.
    """
    open_store(url).write(f"{name}/{STOP}", b"stop")


def _forget(url: str, folder: Path) -> None:
    try:
        store = open_store(url)
        store.delete(f"{folder.name}/{about[0]}" for about in listed(store, folder.name))
    except SweepError as error:
        _log.warning("%s/%s holds a sweep of which nothing was trained: %s", url, folder.name, error.message)
