"""The limit of an epoch: what hangs is ended whatever it holds, and says where it hung; what does not is left alone."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from convscape.search.workers.watchdog import TRACEBACK, describe_hang, limited

if TYPE_CHECKING:
    from pathlib import Path

HANGS = """
import ctypes, pathlib, sys, time
from convscape.search.workers.watchdog import limited
def everlasting():
    {}
with limited(0.3, pathlib.Path(sys.argv[1])):
    everlasting()
"""


def hangs(folder: Path, how: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", HANGS.format(how), str(folder)]
    return subprocess.run(command, timeout=60, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    "how",
    ["time.sleep(1000)", "ctypes.PyDLL(None).sleep(1000)"],
    ids=["in Python", "in C, holding the interpreter's lock"],
)
def test_what_hangs_is_ended_and_says_where(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "trials" / "00001"
    assert hangs(folder, how).returncode == 1
    assert "in everlasting" in (folder / ".watched.txt").read_text()
    reason = describe_hang(0.3, folder)
    assert "within the 0.3 s of resources.epoch_seconds" in reason
    assert str(folder / TRACEBACK) in reason
    assert "in everlasting" in (folder / TRACEBACK).read_text()
    assert describe_hang(0.3, folder) == "", "told of the next worker too"


def test_what_hangs_where_nothing_can_be_written_is_ended_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = hangs(tmp_path / "file", "time.sleep(1000)")
    assert ended.returncode == 1
    assert "in everlasting" in ended.stderr
    assert describe_hang(0.3, tmp_path / "file") == ""


def test_what_ends_in_time_or_fails_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "00001"
    with limited(1000.0, folder):
        pass
    with pytest.raises(ZeroDivisionError), limited(1000.0, folder):
        raise ZeroDivisionError
    assert list(folder.iterdir()) == []
    assert describe_hang(1000.0, folder) == ""


def test_without_a_limit_there_is_none(tmp_path: Path) -> None:
    with limited(None, tmp_path / "00001"):
        pass
    assert not (tmp_path / "00001").exists()


def test_a_worker_that_was_killed_did_not_hang(tmp_path: Path) -> None:
    (tmp_path / ".watched.txt").write_text("")
    assert describe_hang(1.0, tmp_path) == ""
