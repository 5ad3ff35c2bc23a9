"""How often test images were looked at is counted once a look, whatever dies or runs beside it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.files import LOOKS, count_look
from convscape.spaces import SweepError

if TYPE_CHECKING:
    from pathlib import Path


def look_often(folder: Path, times: int, together: Any = None) -> None:
    if together is not None:
        together.wait()
    for trial in range(times):
        count_look(folder, trial)


def test_looks_are_counted_from_one_on(tmp_path: Path) -> None:
    assert [count_look(tmp_path, 7) for _ in range(3)] == [1, 2, 3]


def test_exports_at_the_same_time_count_each(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(3)
    others = [spawn.Process(target=look_often, args=(tmp_path, 200, together)) for _ in range(3)]
    for process in others:
        process.start()
    for process in others:
        process.join()
    assert count_look(tmp_path, 0) == 601


def test_a_line_cut_short_by_a_kill_is_no_look_and_a_whole_one_stays(tmp_path: Path) -> None:
    counting = multiprocessing.get_context("spawn").Process(target=look_often, args=(tmp_path, 10_000_000))
    counting.start()
    while not (tmp_path / LOOKS).exists() or (tmp_path / LOOKS).stat().st_size < 2000:
        pass
    os.kill(counting.pid or 0, signal.SIGKILL)
    counting.join()
    with (tmp_path / LOOKS).open("ab") as file:
        file.write(b'{"trial":3,"ti')
    whole = (tmp_path / LOOKS).read_bytes().count(b"\n")
    assert count_look(tmp_path, 0) == whole + 1


def test_what_cannot_be_counted_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / LOOKS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SweepError, match=r"looks.jsonl: that the test images are looked at cannot be written down"):
        count_look(tmp_path, 0)
    assert (tmp_path / "elsewhere").read_text() == "mine"
