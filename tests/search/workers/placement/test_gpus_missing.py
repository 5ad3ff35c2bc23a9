"""How many GPUs are asked for where jobs wait and nodes may come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from convscape.search.workers.placement import GpuNode, Needs, Placement, Room

if TYPE_CHECKING:
    from convscape.search.scheduling.engine import Engine

MB = 10**6
FOR_EIGHT, FOR_ONE = 64 * MB, MB
"""Memory of a GPU that holds eight of the engine's networks, and of one that holds one at most."""


def asked(engine: Engine, memory: int, workers: int | None, *, places: int) -> int:
    """GPUs asked for once `places` jobs have a place on the only GPU, or wait; with no memory there is none.

    Args:
        engine: whose jobs they are.
        memory: of the GPU.
        workers: as the sweep file says.
        places: jobs that have one.
    """
    count: list[int] = []
    nodes = [GpuNode(id="a", host="", gpus=1, cpus=8, memory=memory)] if memory else []
    placement = Placement(
        Needs(images=0, train=100, precision="float32"), Room(nodes),
        workers=workers, ask=lambda gpus, _: count.append(gpus),
    )  # fmt: skip
    for _ in range(places):
        assert placement.next(engine), "fewer fit than this test takes"
    assert placement.next(engine) is None
    return count[-1]


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
    assert asked(engine, memory, workers, places=places) == gpus


@pytest.mark.parametrize("engine", [40], indirect=True)
def test_a_full_gpu_of_small_shares_asks_for_as_many_as_the_rest_would_fill(engine: Engine) -> None:
    assert asked(engine, FOR_EIGHT, 40, places=8) == 4


@pytest.mark.parametrize("engine", [2], indirect=True)
def test_no_more_are_asked_for_than_jobs_are_left(engine: Engine) -> None:
    assert asked(engine, FOR_ONE, 3, places=1) == 1


def test_a_sweep_that_is_halted_asks_for_none(engine: Engine) -> None:
    engine.interrupted = "interrupted"
    assert asked(engine, FOR_EIGHT, 8, places=0) == 0
