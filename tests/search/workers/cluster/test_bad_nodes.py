"""Nodes with wrong clocks, slow ones, full disks and cut cables."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from joined_sweep import running, undisturbed
from raylets import Cable, can_hide, raylets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_hide(), reason="a node with a disk or a network of its own takes root"),
]
CLOCK = str(next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), ""))
TWO_MINUTES = {"LD_PRELOAD": CLOCK, "FAKETIME": "+120s"}
SLOWLY = (0.09, 0.01)
"""Seconds that a process of a slow node stands still, and goes on, by turns."""


@contextmanager
def ten_times_slower(processes: Callable[[], list[psutil.Process]]) -> Iterator[None]:
    over = threading.Event()

    def slow() -> None:
        there, looked = processes(), time.monotonic()
        while not over.is_set():
            if time.monotonic() - looked > 1.0:  # a worker may have come
                there, looked = processes(), time.monotonic()
            for word, seconds in zip(("suspend", "resume"), SLOWLY, strict=True):
                for process in there:
                    with suppress(psutil.Error):
                        getattr(process, word)()
                over.wait(seconds)

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for process in processes():
            with suppress(psutil.Error):
                process.resume()


@pytest.mark.skipif(not CLOCK, reason="needs libfaketime (Debian: faketime)")
def test_a_clock_is_wrong_a_node_is_slow_and_a_disk_is_full(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with raylets(tmp_path_factory.mktemp("home")) as cluster:
        ahead = cluster.node(1, hidden=[tmp_path], environment=TWO_MINUTES)
        slow = cluster.node(1, hidden=[tmp_path])
        full = cluster.node(1, hidden=[tmp_path], disk=100 * 2**20)
        with running(tmp_path, cluster, "--set=resources.workers=3", "--export=winner") as driver:
            driver.wait_for(lambda: all(cluster.trains(node) for node in (ahead, slow, full)))
            cluster.fill(full)
            with ten_times_slower(lambda: cluster.trains(slow)):
                sweep = driver.ends()
    assert {record.state for record in sweep.trials()} <= {"completed", "stopped"}
    assert (tmp_path / "winner" / "model.safetensors").exists()


def test_the_network_is_cut_and_comes_back(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    cable = Cable()
    try:
        with raylets(tmp_path_factory.mktemp("home"), cable.here) as cluster:
            far = cluster.node(1, hidden=[tmp_path], cable=cable)
            with running(tmp_path, cluster) as driver:
                driver.wait_for(lambda: driver.told() >= 3)
                cable.cut()
                time.sleep(1.5)
                cable.mend()
                told = driver.told()
                driver.wait_for(lambda: driver.told() >= told + 3)
                assert cluster.trains(far), "it was away too short a time to be given up"
                cable.cut()
                cluster.node(1, hidden=[tmp_path])
                told = driver.told()
                driver.wait_for(lambda: driver.told() >= told + 3)
                cable.mend()
                driver.ends_as(undisturbed(tmp_path_factory.mktemp("undisturbed")))
    finally:
        cable.remove()
