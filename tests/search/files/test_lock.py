"""One driver a sweep, and whoever looks whether one runs does not keep it from beginning."""

from __future__ import annotations

import fcntl
import threading
from typing import TYPE_CHECKING

import pytest
from convscape.search.files import LOCK, is_locked, sweep_lock
from convscape.spaces import SweepError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_driver_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    with sweep_lock(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(SweepError, match=r"process \d+ on .* is running it"), sweep_lock(tmp_path):
            pass
    assert not is_locked(tmp_path)
    with sweep_lock(tmp_path):
        pass


def test_a_look_at_the_lock_does_not_refuse_a_driver(tmp_path: Path) -> None:
    """`status --watch` takes the lock with others for a moment, to see whether it can be had."""
    (tmp_path / LOCK).touch()
    with (tmp_path / LOCK).open() as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        ends = threading.Timer(0.03, lambda: fcntl.flock(looked_at, fcntl.LOCK_UN))
        ends.start()
        with sweep_lock(tmp_path):
            assert is_locked(tmp_path)
        ends.join()
