"""`gpus: auto` where nodes come when asked for: on a head with Ray's autoscaler, which starts raylets for machines.

The GPUs are declared, and what gets one trains on the CPU.
"""

from __future__ import annotations

import math
import subprocess
import sys
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from convscape.search.workers.cluster import gpu_asking
from convscape.search.workers.cluster.gpu_asking import NewGpus
from convscape.search.workers.cluster.nodes import Node
from convscape.search.workers.placement import GpuNode
from ray.exceptions import RpcError
from raylets import raylets

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.workers.cluster.fair_share import FairShare

SWEEP = """
name: tiny
data: {name: digits, train: 1300, validation: 100}
space: {stages: 1, convolutions: 1, filters: [24, 32], kernel: [5, 7], dropout: 0.0, hidden: [0, 8]}
search: {finalists: 0, trials: 6, epochs: 60, reduction: 2, seed: 1, sampler: random}
resources: {gpus: auto, workers: 2, precision: float32}
"""


class Asked:
    """Ray's placement groups, and its nodes that have a GPU each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.groups: dict[str, str] = {}
        """The nodes that each is not to be on, by its name."""
        self.nodes: list[str] = []
        monkeypatch.setattr(gpu_asking, "placement_group", self._made)
        monkeypatch.setattr(gpu_asking, "remove_placement_group", self.groups.pop)
        monkeypatch.setattr(gpu_asking, "declared_gpu_nodes", lambda: {id_: a_node(id_) for id_ in self.nodes})

    def _made(self, bundles: list[dict[str, float]], *, name: str, bundle_label_selector: list[dict[str, str]]) -> str:
        assert bundles == [{"GPU": 1}]
        self.groups[name] = bundle_label_selector[0].get("ray.io/node-id", "")
        return name


def a_node(id_: str) -> Node:
    return Node(id=id_, address="", host="", head=False, resources={"GPU": 1.0})


def known(*ids: str) -> list[GpuNode]:
    return [GpuNode(id=id_, host="", gpus=1, cpus=1, memory=1) for id_ in ids]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


def test_what_has_come_is_asked_for_no_longer_and_its_gpu_given_back(asked: Asked) -> None:
    new = NewGpus(())
    new(2, [])
    first = set(asked.groups)
    assert len(first) == 2
    new(2, [])
    assert set(asked.groups) == first, "what waits loses its place in the autoscaler's queue"
    asked.nodes.append("a")
    new(2, [])
    assert list(asked.groups.values()) == ["!in(a)"], "one that came is not known yet, the other is asked for elsewhere"
    assert not first & set(asked.groups)
    new(1, known("a"))
    assert len(asked.groups) == 1
    new(0, known("a"))
    assert not asked.groups


def test_a_node_that_does_not_say_how_large_its_gpu_is_is_not_waited_for(asked: Asked) -> None:
    silent: set[str] = set()
    new = NewGpus(silent)
    asked.nodes.append("a")
    new(1, [])
    assert not asked.groups
    silent.add("a")
    new(1, [])
    assert len(asked.groups) == 1


def test_while_another_driver_waits_nothing_is_asked_for(asked: Asked) -> None:
    share = SimpleNamespace(limit=lambda: share.left, left=math.inf)
    new = NewGpus((), cast("FairShare", share))
    new(2, [])
    assert len(asked.groups) == 2
    share.left = 1
    new(2, [])
    assert not asked.groups


def test_where_ray_fails_to_answer_nothing_is_left_behind(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise RpcError("no answer")

    with closing(NewGpus(())) as new:
        new(2, [])
        monkeypatch.setattr(gpu_asking, "declared_gpu_nodes", fails)
        new(3, [])
        assert len(asked.groups) == 2
    assert not asked.groups


PROGRAM = """
import sys
from convscape.search.config import sweep_file
from convscape.search.driver.launching import launch
from convscape.search.workers import ray_runner
from convscape.search.workers.cluster import gpu_nodes
from convscape.search.workers.placement import needs, shares
from convscape.search.workers.tune import ConvscapeScheduler

gpu_nodes.smallest_gpu = lambda: 10**6
ray_runner.device_of = lambda _: "cpu"
needs.WORKSPACE = shares.CONTEXT = 0
nodes, told = set(), ConvscapeScheduler.on_trial_result

def tells(self, controller, trial, result):
    nodes.add(trial.config["slot"]["node"])
    return told(self, controller, trial, result)

ConvscapeScheduler.on_trial_result = tells
text, *overrides = sys.argv[1:]
sweep = launch(sweep_file.parse_sweep_file(text, "tiny.yaml", overrides), progress=False)
assert all(record.ended and not record.failed for record in sweep.trials())
print(*nodes)
"""


@pytest.mark.slow
def test_a_first_node_is_asked_for_and_then_one_for_each_job_that_waits(tmp_path: Path) -> None:
    """Networks that take a whole GPU: the first node says how large one is, and two workers need two."""
    home = tmp_path / "home"
    home.mkdir()
    with raylets(home, comes={"CPU": 1, "GPU": 1}) as cluster:
        overrides = [f"folder={tmp_path / 'sweeps'}", f"resources.address={cluster.address}"]
        driver = subprocess.run(
            [sys.executable, "-c", PROGRAM, SWEEP, *overrides], env=cluster.environment, cwd=tmp_path,
            capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip
        assert driver.returncode == 0, driver.stderr
        assert len(driver.stdout.split()) == 2, "the second node was given nothing"
        assert len(cluster.ids()) == 3, "more nodes came than the sweep had workers for"
