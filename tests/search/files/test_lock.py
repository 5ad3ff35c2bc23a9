"""One driver a sweep, and whoever looks whether one runs does not keep it from beginning."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from pathlib import Path

import pytest
from convscape.cli import main
from convscape.dashboards.text import status_text
from convscape.search.config import parse_sweep_file
from convscape.search.driver import launching
from convscape.search.files import LOCK, is_locked, sweep_lock
from convscape.search.files.flock import file_system
from convscape.search.tracking import sync, upload_process
from convscape.spaces import SweepError

TINY = """
name: tiny
data: {name: digits, train: 200, validation: 100}
space: {stages: 1, convolutions: 1, filters: 4, kernel: 3, dropout: 0.0, hidden: 0}
search: {finalists: 0, trials: 1, epochs: 1, start: []}
resources: {runner: inline, precision: float32}
"""


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


class Locks:
    """`fcntl.flock` as on a file system that locks no file whose name ends so."""

    def __init__(self, ending: str, number: int) -> None:
        self._ending, self._number, self._flock = ending, number, fcntl.flock

    def __call__(self, file: int, operation: int) -> None:
        if str(Path(f"/proc/self/fd/{file}").readlink()).endswith(self._ending):
            raise OSError(self._number, os.strerror(self._number))
        self._flock(file, operation)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(fcntl, "flock", Locks("", number))
    with pytest.raises(SweepError) as caught, sweep_lock(tmp_path):
        pass
    said = f"{tmp_path / LOCK} cannot be locked: {os.strerror(number)}, says {file_system(tmp_path)}"
    assert caught.value.message == said
    assert "another disk" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []
    (tmp_path / LOCK).touch()
    assert not is_locked(tmp_path)


def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    assert file_system(Path("/proc/self/not-there")).endswith("proc at /proc")
    assert file_system(Path("/")).endswith(" at /")


def test_a_launch_on_such_a_file_system_ends_with_4_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fcntl, "flock", Locks("", errno.ENOLCK))
    (tmp_path / "tiny.yaml").write_text(TINY)
    with pytest.raises(SystemExit) as ended:
        main(["launch", str(tmp_path / "tiny.yaml"), "--set", f"folder={tmp_path / 'sweeps'}"])
    assert (ended.value.code, "cannot be locked: No locks available" in capsys.readouterr().err) == (4, True)
    assert list((tmp_path / "sweeps").iterdir()) == []


def test_why_results_wait_is_told_where_only_their_lock_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(upload_process, "start", lambda _: None)
    monkeypatch.setattr(launching, "FLUSH_SECONDS", 0.0)
    monkeypatch.setattr(fcntl, "flock", Locks("upload.lock", errno.ENOLCK))
    sweep = launching.launch(parse_sweep_file(TINY, overrides=[f"folder={tmp_path}"]), progress=False)
    said = "upload.lock cannot be locked: No locks available"
    assert said in caplog.text
    assert said in " ".join(status_text(sweep).replace("\n  ", " ").split())
    with pytest.raises(SweepError, match=r"upload\.lock cannot be locked"):
        sync(sweep.folder)
