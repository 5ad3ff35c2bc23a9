"""Sweeps with `gpus: auto` on two raylets whose GPUs are declared: shares, warm workers, and wrong predictions.

There is no GPU here: Ray counts those that it is told of, and the trials that get a share of one train on the CPU. What
cuBLAS and CUDA take is left out, so that networks of this size differ.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config import sweep_file
from convscape.search.driver.launching import launch, resume
from convscape.search.scheduling import Report
from convscape.search.workers import ray_runner, training_job
from convscape.search.workers.cluster import gpu_nodes
from convscape.search.workers.placement import WHOLE, Placement, needs, placement, shares
from convscape.search.workers.training_job import Setup
from convscape.search.workers.tune import ConvscapeScheduler
from convscape.trainers.device import training_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from convscape.search.sweep import Sweep
    from convscape.search.workers.placement import Slot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("quiet"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),  # of Ray's own test cluster
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

MB = 10**6
CARDS = {"small": 6 * MB, "large": 24 * MB}
"""Memory that the GPU of each node is taken to have."""
IMAGES = 400 * 64
"""Bytes of the images, which may stay on a GPU, each a byte a pixel."""
MIXED = """
name: mixed
data: {name: digits, train: 300, validation: 100}
space: {stages: 1, convolutions: 1, filters: [4, 128], kernel: 3, dropout: 0.0, hidden: 0}
recipe: {batch_size: 100, learning_rate: 0.01}
search: {finalists: 0, trials: 6, epochs: 2, reduction: 2, seed: 1, sampler: random, start: []}
resources: {gpus: auto, workers: 3, precision: float32}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with a GPU each, of different size, and a head that has none."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "num_gpus": 0, "include_dashboard": False})
    for name in CARDS:
        add_node(cluster, name)
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def add_node(cluster: Any, name: str) -> Any:
    return cluster.add_node(num_cpus=2, num_gpus=1, resources={name: 1})


@pytest.fixture
def nodes(cluster: Any) -> dict[str, str]:
    return names()


def names() -> dict[str, str]:
    """Names of the nodes that are alive and have a GPU, by Ray's id."""
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]
    return {node["NodeID"]: name for node in alive for name in CARDS if name in node["Resources"]}


class Watched:
    """What a sweep's placement gave, and what workers said of it."""

    def __init__(self) -> None:
        self.cards = dict(CARDS)
        """Memory that the GPU of each node is taken to have."""
        self.slots: list[tuple[int, Slot]] = []
        """Each job's trial and place, in the order in which jobs were placed."""
        self.at_once: list[dict[int, Slot]] = []
        """What was placed at each moment at which that changed."""
        self.outgrown: list[int] = []
        self.workers: set[str] = set()
        """Processes that trained."""
        self.at_a_result: Callable[[], None] = lambda: None
        """Called when a worker has told something."""


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, cluster: Any) -> Watched:
    seen, now = Watched(), {}
    place, leave, passed_on = Placement.next, Placement.leave, ConvscapeScheduler.on_trial_result
    cards = seen.cards

    def placed(self: Placement, engine: Any) -> Any:
        found = place(self, engine)
        if found is not None:
            now[found[0].number] = found[1]
            seen.slots.append((found[0].number, found[1]))
            seen.at_once.append(dict(now))
        return found

    def left(self: Placement, number: int) -> None:
        now.pop(number, None)
        leave(self, number)

    def told(self: Any, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        if Report.from_json(result).outgrown:
            seen.outgrown.append(result["number"])
        seen.workers.add(f"{result['hostname']} {result['pid']}")
        seen.at_a_result()
        return passed_on(self, controller, trial, result)

    def declared() -> int:  # in a process on each node
        import ray

        own = ray.get_runtime_context().get_node_id()
        has = next(node["Resources"] for node in ray.nodes() if node["NodeID"] == own)
        return next((memory for name, memory in cards.items() if name in has), 1)

    monkeypatch.setattr(Placement, "next", placed)
    monkeypatch.setattr(Placement, "leave", left)
    monkeypatch.setattr(ConvscapeScheduler, "on_trial_result", told)
    monkeypatch.setattr(gpu_nodes, "smallest_gpu", declared)
    monkeypatch.setattr(ray_runner, "device_of", lambda _: "cpu")
    monkeypatch.setattr(needs, "WORKSPACE", 0)
    monkeypatch.setattr(shares, "CONTEXT", 0)
    return seen


def run(folder: Path, *overrides: str) -> Sweep:
    return launch(sweep_file.parse_sweep_file(MIXED, "mixed.yaml", [f"folder={folder}", *overrides]), progress=False)


def test_small_networks_share_a_gpu_and_large_ones_have_one_that_is_large_enough(
    tmp_path: Path, watched: Watched, nodes: dict[str, str]
) -> None:
    """A trial's least memory is the cost table's, and a tenth of what it gets is left to allocators."""
    sweep = run(tmp_path)
    trials = {record.number: record for record in sweep.trials()}
    assert len(trials) == 6
    assert all(record.completed or record.stopped or record.duplicate for record in trials.values())
    least = {number: training_bytes(record.design.architecture, 100) / 0.9 for number, record in trials.items()}
    assert {slot.eighths for _, slot in watched.slots} >= {1, WHOLE}, "all networks are alike to this test"
    for number, slot in watched.slots:
        card = CARDS[nodes[slot.node]]
        assert least[number] <= card * slot.eighths / WHOLE
        assert slot.eighths == 1 or least[number] + IMAGES > card * slot.eighths / (2 * WHOLE), "half would have done"
    for moment in watched.at_once:
        for node in nodes:
            there = {number: slot for number, slot in moment.items() if slot.node == node}
            assert sum(slot.eighths for slot in there.values()) <= WHOLE
            assert sum(slot.cpus for slot in there.values()) <= 2
            assert sum(least[number] for number in there) <= CARDS[nodes[node]]
    assert max(len(moment) for moment in watched.at_once) == 3
    assert not watched.outgrown
    assert len(watched.workers) < len(watched.slots), "no worker stayed warm"


def test_what_outgrows_its_share_goes_on_in_a_larger_one_with_its_batch_whole(
    tmp_path: Path, watched: Watched, nodes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a GPU was predicted to do, and has less memory than its node said; its idle worker ends for the whole."""

    class Less(Setup):
        __slots__ = ()

        @property
        def memory(self) -> int:
            return int(3 * MB * self.share)

    watched.cards.update(small=4 * MB, large=MB // 10)
    monkeypatch.setattr(training_job, "Setup", Less)
    one = ["filters=16", "downsampling=average", "head=global_average"]
    sweep = run(tmp_path, "search.trials=1", "search.epochs=1", "search.seconds=300", *(f"space.{key}" for key in one))
    (trial,) = sweep.trials()
    assert trial.completed
    assert not trial.events, "a batch went through the network in parts"
    assert trial.attempts == 0, "it was taken for a lost worker"
    assert watched.outgrown == [0]
    assert [(nodes[slot.node], slot.eighths) for _, slot in watched.slots] == [("small", 4), ("small", WHOLE)]
    kept = json.loads((sweep.folder / "placement.json").read_text())
    assert set(kept["outgrown"]) == {"0"}


def test_a_node_goes_and_another_comes(
    tmp_path: Path, watched: Watched, cluster: Any, nodes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ran on the one that goes ends elsewhere, what only that one held on the one that comes; the winner, too."""
    monkeypatch.setattr(placement, "LOOKS", 1.0)
    first = next(node for node, name in nodes.items() if name == "large")
    new: list[str] = []

    def exchange() -> None:
        if new or all(slot.node != first for _, slot in watched.slots):
            return
        gone = next(node for node in cluster.worker_nodes if node.node_id == first)
        cluster.remove_node(gone, allow_graceful=False)
        add_node(cluster, "large")
        new.extend(node for node, name in names().items() if name == "large" and node != first)

    watched.at_a_result = exchange
    sweep = run(tmp_path, "search.trials=8", "search.epochs=4", "search.finalists=1", "search.seeds=2")
    assert new, "the node was not exchanged while the sweep ran"
    assert all(record.ended and not record.failed for record in sweep.trials())
    assert any(slot.node == new[0] for _, slot in watched.slots), "the node that came was given nothing"
    assert {"repeat", "refit"} <= {record.role for record in sweep.trials()}
    placed = len(watched.slots)
    resume("mixed", tmp_path, overrides=["search.trials=9"], progress=False)
    assert len(watched.slots) > placed
