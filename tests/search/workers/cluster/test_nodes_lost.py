"""Nodes are killed, drained and replaced, and drivers killed, while a sweep runs on nodes that share no folder.

Whatever happens, the sweep ends with the results of one that nothing happened to, each epoch told once.
"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest
import ray.exceptions
from convscape.search.files import MARK
from convscape.search.workers.cluster import draining
from convscape.search.workers.cluster.draining import NodeDrainsError, Notice, was_drained
from convscape.trainers.checkpoints import Checkpoints
from joined_sweep import SLOW_ENOUGH, running, undisturbed
from raylets import Raylets, can_hide, raylets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from convscape.search.sweep import Sweep

needs_root = pytest.mark.skipif(not can_hide(), reason="a node with a file system of its own takes root")


def test_a_draining_node_is_heeded_and_asked_about_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    there: dict[str, int] = {"another": 0}
    state = SimpleNamespace(get_draining_nodes=lambda: asked.append(1) or there)
    here = SimpleNamespace(get_node_id=lambda: "here")
    monkeypatch.setattr(draining, "state", state)
    monkeypatch.setattr(draining, "ray", SimpleNamespace(is_initialized=lambda: True, get_runtime_context=lambda: here))
    notice = Notice()
    notice.heed()
    there["here"] = 0
    notice.heed()
    assert asked == [1], "seconds have not passed"
    monkeypatch.setattr(draining, "EVERY", 0.0)
    with pytest.raises(NodeDrainsError):
        notice.heed()


def test_what_ended_a_worker_is_told_apart() -> None:
    drained = ray.exceptions.RayTaskError("step", "", NodeDrainsError())
    assert was_drained(drained.as_instanceof_cause())
    assert was_drained(ray.exceptions.RayActorError(preempted=True))
    assert not was_drained(ray.exceptions.RayActorError())
    assert not was_drained(ray.exceptions.RayTaskError("step", "", ValueError()))
    assert not was_drained(None)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return undisturbed(tmp_path_factory.mktemp("untouched"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raylets]:
    with raylets(tmp_path_factory.mktemp("home")) as cluster:
        yield cluster


@pytest.mark.slow
@needs_root
def test_all_nodes_are_killed_and_others_come_and_then_the_driver_is(
    tmp_path: Path, cluster: Raylets, untouched: Sweep
) -> None:
    lost = [cluster.node(1, hidden=[tmp_path]) for _ in range(2)]
    with running(tmp_path, cluster, "--export=winner") as driver:
        driver.wait_for(lambda: driver.told() >= 5)
        for node in lost:
            cluster.kill(node)
        found = [cluster.node(1, hidden=[tmp_path])]
        told = driver.told()
        driver.wait_for(lambda: driver.told() >= told + 2)
        driver.process.kill()
        driver.process.communicate()
        found.append(cluster.node(1, hidden=[tmp_path]))
        driver.resumes(None, "--export=winner")
        sweep = driver.ends_as(untouched)
    for node in found:
        cluster.kill(node)
    assert (tmp_path / "winner" / "model.safetensors").exists(), "its checkpoint came back"
    assert not (sweep.folder / MARK).exists()
    for record in filter(lambda record: record.trained, sweep.trials()):
        kept = [Checkpoints(one.folder / "trials" / f"{record.number:05d}").epochs() for one in (sweep, untouched)]
        assert kept[0] == kept[1]


LARGE = SLOW_ENOUGH.replace("hidden: [0, 8]", "hidden: [512, 640]")
"""Its checkpoints are megabytes, so that Ray keeps each in the store of the node that hands it back."""


@pytest.mark.slow
@needs_root
def test_objects_are_lost_with_their_nodes_before_anybody_has_them(
    tmp_path: Path, cluster: Raylets, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A checkpoint that its store was to take, and then a report that the driver was to take."""
    node = cluster.node(1, hidden=[tmp_path])
    with running(tmp_path, cluster, file=LARGE) as driver:
        (store,) = driver.wait_for(lambda: [one for one in cluster.processes(0) if is_store(one)])
        for stopped in (store, psutil.Process(driver.process.pid)):
            told = driver.told()
            driver.wait_for(lambda told=told: driver.told() >= told + 3)
            stopped.suspend()
            (worker,) = cluster.trains(node)
            driver.wait_for(lambda worker=worker: idle(worker))
            cluster.kill(node)
            node = cluster.node(1, hidden=[tmp_path])
            stopped.resume()
        driver.ends_as(undisturbed(tmp_path_factory.mktemp("untouched"), LARGE))
    cluster.kill(node)


def is_store(process: psutil.Process) -> bool:
    """Whether it is the process that takes in checkpoints."""
    return "ray::CheckpointStore" in " ".join(process.cmdline())


def idle(process: psutil.Process) -> bool:
    """Whether a process does next to nothing for two seconds: what it has done waits to be taken."""
    before = sum(process.cpu_times()[:2])
    time.sleep(2)
    return sum(process.cpu_times()[:2]) - before < 0.1


@pytest.mark.slow
@needs_root
def test_a_drained_node_s_trial_moves_and_counts_no_loss(tmp_path: Path, cluster: Raylets, untouched: Sweep) -> None:
    before = cluster.ids()
    first = cluster.node(1, hidden=[tmp_path])
    (drained,) = set(cluster.ids()) - set(before)
    with running(tmp_path, cluster) as driver:
        driver.wait_for(lambda: driver.told() >= 3)
        second = cluster.node(1, hidden=[tmp_path])
        cluster.drain(drained)
        driver.wait_for(lambda: not cluster.trains(first))
        cluster.kill(first)
        sweep = driver.ends_as(untouched)
    cluster.kill(second)
    assert [record.attempts for record in sweep.trials()] == [0] * 5


@pytest.mark.slow
@needs_root
def test_the_head_is_lost_and_the_sweep_goes_on_on_another_cluster(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, untouched: Sweep
) -> None:
    with raylets(tmp_path_factory.mktemp("home")) as lost:
        lost.node(1, hidden=[tmp_path])
        lost.environment["RAY_gcs_rpc_server_reconnect_timeout_s"] = "20"  # of the driver; 60 otherwise
        with running(tmp_path, lost) as driver:
            driver.wait_for(lambda: driver.told() >= 5)
            lost.kill(0)
            said = driver.process.communicate(timeout=240)[1]
    assert driver.process.returncode != 0
    assert "convscape resume tiny --address" in said
    with raylets(tmp_path_factory.mktemp("home")) as found:
        found.node(1, hidden=[tmp_path])
        driver.resumes(found)
        driver.ends_as(untouched)
