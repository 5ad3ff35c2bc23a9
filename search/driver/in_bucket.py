"""What a driver does where the sweep's folder lies in object storage: it takes the lease, and copies up what is new."""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from ...spaces import SweepError
from ..bucket import bring_checkpoints, copied_up
from ..files import STUDY, sweep_lock
from ..study import whole_lines
from ..tracking import sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from ..bucket import Mirror
    from ..scheduling import Engine
    from ..sweep import Sweep
    from .display import ProgressDisplay

WAIT = 60.0
"""Seconds that sending results waits for the storage."""
_log = logging.getLogger(__name__)


def in_bucket(sweep: Sweep, shown: ProgressDisplay, *, new: bool = False) -> AbstractContextManager[Mirror | None]:
    """A context manager in whose body a sweep that is locked is copied into object storage, if its folder lies there.

    A sweep that is gone on with is first brought from there, with the checkpoints of trials that have not ended.

    Args:
        sweep: whose folder is locked by this process.
        shown: says what is waited for.
        new: whether the sweep is a new one.

    Raises:
        SweepError: another process runs the sweep, or took it over meanwhile; or the storage cannot be used.
    """
    return _copied(sweep, sweep.config.url, shown, new=new) if sweep.config.url else nullcontext()


@contextmanager
def _copied(sweep: Sweep, url: str, shown: ProgressDisplay, *, new: bool) -> Iterator[Mirror]:
    with copied_up(url, sweep.folder, shown.say, new=new) as mirror:
        if not new:
            unended = [trial.number for trial in sweep.trials() if trial.trained and not trial.ended]
            bring_checkpoints(url, sweep.folder, unended, running=True)
        yield mirror


def follow(mirror: Mirror | None, engine: Engine) -> None:
    """Has all of a sweep that trains copied, and its training end where another driver takes the sweep over.

    Args:
        mirror: what copies it; None where it is in no object storage.
        engine: the sweep's.
    """

    def end() -> None:
        engine.interrupted = "taken over by another driver"

    if mirror is not None:
        mirror.follow(engine.ledger.study.flushed_lines, end)


def send_results(sweep: Sweep, to: str | None = None) -> int:
    """Sends to MLflow what it has not yet of a sweep; where the sweep lies in object storage, what is not there, too.

    Args:
        sweep: one that does not run.
        to: MLflow's tracking URI of another store, to which all is sent, now and from now on; None for the sweep's.

    Returns:
        How many results are left to send.

    Raises:
        SweepError: a process runs the sweep; or MLflow, or the storage, does not take what is sent.
    """
    url = sweep.config.url
    if url is None:
        return sync(sweep.folder, to)
    with sweep_lock(sweep.folder), copied_up(url, sweep.folder, _log.warning) as mirror:
        mirror.follow(lambda: whole_lines(sweep.folder / STUDY))
        mirror.hasten()
        if not mirror.wait(WAIT):
            raise SweepError(f"{mirror.problem or f'{url} does not answer'}", "Nothing is lost: sync again later.")
        return sync(sweep.folder, to)
