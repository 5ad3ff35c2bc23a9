"""Images that are streamed are read before they are asked for, by other processes, and not further ahead than told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from convscape.trainers.data import streaming
from convscape.trainers.data.pixels import Picture
from convscape.trainers.data.streaming import Loader, Streamed

COUNT, BATCH = 60, 3
PATIENCE = 60.0
"""Seconds after which it is given up that anybody will read."""


class Noted:
    """Pictures of one cell that note in a file which process reads which of them."""

    def __init__(self, notes: Path) -> None:
        self.notes = notes

    def __len__(self) -> int:
        return COUNT

    def open(self) -> None:
        pass

    def name(self, index: int) -> str:
        return str(index)

    def short_name(self, index: int) -> str:
        return str(index)

    def read(self, index: int) -> tuple[Picture, int]:
        with self.notes.open("a") as notes:
            notes.write(f"{os.getpid()} {index}\n")
        return Picture(np.full((1, 1, 1), index, dtype=np.uint8), (1, 1)), 0

    def so_far(self) -> list[tuple[int, int]]:
        """Process and number of all that was read."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [(int(process), int(index)) for process, index in map(str.split, lines)]


def settled(pictures: Noted, expected: int) -> int:
    """How many were read once at least `expected` were; what goes beyond is given the time to."""
    end = time.monotonic() + PATIENCE
    while len(pictures.so_far()) < expected and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.3)
    return len(pictures.so_far())


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("ahead", [None, 3], ids=["as it is", "three"])
def test_each_process_has_so_many_batches_ready_before_they_are_asked_for(tmp_path, monkeypatch, workers, ahead):
    monkeypatch.setattr(torch, "get_num_threads", lambda: workers)
    monkeypatch.setattr(streaming, "cpus_here", lambda: 2)
    if ahead:
        monkeypatch.setattr(streaming, "AHEAD", ahead)
    pictures = Noted(tmp_path / "notes")
    where = np.arange(COUNT)
    images = Streamed(
        pictures=pictures,
        where=where,
        size=(1, 1, 1),
        sums=np.zeros((COUNT, 1, 2), np.int64),
        digests=np.zeros(COUNT, np.uint64),
    )
    batches = Loader(images, torch.zeros(COUNT, dtype=torch.int64)).epoch(np.split(where, COUNT // BATCH))
    ready = (ahead or 2) * workers
    for asked_for in (1, 2, 3):
        pixels, _, _ = next(batches)
        assert pixels.flatten().tolist() == list(range(BATCH * (asked_for - 1), BATCH * asked_for))
        assert settled(pictures, BATCH * (asked_for + ready)) == BATCH * (asked_for + ready)
    by_process = Counter(process for process, _ in pictures.so_far())
    assert os.getpid() not in by_process
    assert len(by_process) == workers


class Asleep(Noted):
    """Pictures that are read for ever."""

    def read(self, index: int) -> tuple[Picture, int]:
        found = super().read(index)
        time.sleep(PATIENCE)
        return found


def look(notes: str) -> None:
    streaming.look_through(Asleep(Path(notes)))


@pytest.mark.skipif(sys.platform != "linux", reason="a signal of Linux's")
def test_processes_that_read_end_with_the_one_they_read_for(tmp_path):
    """Else a worker that is ended since it hangs would not be seen to have: they hold its sockets open."""
    notes = tmp_path / "notes"
    reads = subprocess.Popen(
        [sys.executable, "-c", f"from test_reading_ahead import look; look({str(notes)!r})"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
    )
    end = time.monotonic() + PATIENCE / 2
    while not notes.exists() and time.monotonic() < end:
        time.sleep(0.05)
    readers = {process for process, _ in Noted(notes).so_far()}
    assert readers
    assert reads.pid not in readers
    reads.kill()
    reads.wait()
    while any(map(alive, readers)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(alive, readers))


def alive(process: int) -> bool:
    """Whether it runs; one that has ended may wait to be looked at."""
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
