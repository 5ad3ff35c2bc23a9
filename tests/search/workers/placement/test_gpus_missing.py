"""How many GPUs are asked for where jobs wait and nodes may come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from convscape.search.workers.placement import GpuNode, Needs, Placement, Room

if TYPE_CHECKING:
    from convscape.search.scheduling.engine import Engine

MB = 10**6
FOR_EIGHT, FOR_ONE, FOR_NONE = 64 * MB, MB, MB // 100
"""Memory of a GPU that holds eight of the engine's networks, of one that holds one at most, and of one too small."""


class Cluster:
    """A placement on GPUs of these sizes, and how many it asks for beside them."""

    def __init__(self, engine: Engine, *memory: int, workers: int | None) -> None:
        self.nodes = [node(index, each) for index, each in enumerate(memory)]
        self.count = 0
        self._engine = engine
        needs = Needs(images=0, train=100, precision="float32")
        self.placement = Placement(
            needs, Room(self.nodes), workers=workers, look=lambda _: self.nodes, ask=self._take_in
        )

    def _take_in(self, count: int, known: object) -> None:
        assert known == self.nodes
        self.count = count

    def places(self) -> int:
        """Gives places until there is none. Gives how many were given."""
        given = 0
        while self.placement.next(self._engine):
            given += 1
        self.placement.look_around(now=True)
        return given

    def comes(self, memory: int) -> None:
        """A node comes, and its GPU has given what places it has."""
        self.nodes = [*self.nodes, node(len(self.nodes), memory)]
        self.placement.room.update(self.nodes)
        self.places()


def node(index: int, memory: int) -> GpuNode:
    return GpuNode(id=str(index), host="", gpus=1, cpus=8, memory=memory)


@pytest.mark.parametrize(
    ("memory", "workers", "places", "gpus"),
    [
        (0, 8, 0, 1),  # nobody knows yet how large they are
        (FOR_ONE, 1, 1, 0),
        (FOR_ONE, 3, 1, 2),
        (FOR_ONE, None, 1, 0),  # then as many train as there is room for
        (FOR_EIGHT, 40, 4, 0),  # there is room, and no more to train
    ],
)
def test_as_many_as_hold_the_jobs_that_may_train(
    engine: Engine, memory: int, workers: int | None, places: int, gpus: int
) -> None:
    cluster = Cluster(engine, *([memory] if memory else []), workers=workers)
    assert (cluster.places(), cluster.count) == (places, gpus)


@pytest.mark.parametrize(("engine", "gpus"), [(40, 4), (8, 0), (9, 1)], indirect=["engine"])
def test_a_full_gpu_of_small_shares_asks_for_as_many_as_what_is_left_would_fill(engine: Engine, gpus: int) -> None:
    cluster = Cluster(engine, FOR_EIGHT, workers=40)
    assert (cluster.places(), cluster.count) == (8, gpus)


@pytest.mark.parametrize("engine", [2], indirect=True)
def test_no_more_are_asked_for_than_jobs_are_left(engine: Engine) -> None:
    cluster = Cluster(engine, FOR_ONE, workers=3)
    assert (cluster.places(), cluster.count) == (1, 1)


@pytest.mark.parametrize("engine", [40], indirect=True)
def test_nodes_that_suit_nobody_who_waits_are_not_asked_for_again(engine: Engine) -> None:
    """They stand empty, since what waits fits the first GPU alone."""
    cluster = Cluster(engine, FOR_ONE, workers=4)
    cluster.places()
    for _ in range(9):
        if cluster.count:
            cluster.comes(FOR_NONE)
    assert len(cluster.nodes) == 2


@pytest.mark.parametrize("engine", [40], indirect=True)
def test_there_are_never_more_gpus_than_workers(engine: Engine) -> None:
    cluster = Cluster(engine, FOR_ONE, workers=4)
    cluster.places()
    for _ in range(9):
        if cluster.count:
            cluster.comes(FOR_ONE)
    assert (len(cluster.nodes), cluster.count) == (4, 0)


def test_a_sweep_that_is_halted_asks_for_none(engine: Engine) -> None:
    cluster = Cluster(engine, FOR_ONE, workers=8)
    cluster.places()
    engine.interrupted = "interrupted"
    assert (cluster.places(), cluster.count) == (0, 0)
