"""What is said of a cluster that has no room for a trial."""

from __future__ import annotations

import pytest
from convscape.search.config import ResourcesConfig
from convscape.search.workers.cluster import Node, tell_without_room, workers_that_fit
from convscape.spaces import SweepError


def node(**resources: float) -> Node:
    return Node(id="1", address="10.0.0.1", host="one", head=False, resources=resources)


def test_a_cluster_that_never_has_what_a_trial_needs_is_refused() -> None:
    nodes = [node(CPU=8.0), node(CPU=2.0, GPU=1.0)]
    resources = ResourcesConfig(cpus=4, gpus=1)
    assert workers_that_fit(ResourcesConfig(cpus=2, gpus=0), nodes) == 5
    with pytest.raises(SweepError, match=r"needs 4 CPU and 1 GPU, .* most on one is 8 CPU and 1 GPU"):
        workers_that_fit(resources, nodes)


def test_where_a_node_may_come_it_is_told_that_it_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    tell_without_room(ResourcesConfig(cpus=2, workers=2), [node(CPU=2.0)])
    assert not caplog.records
    tell_without_room(ResourcesConfig(gpus=1, workers=2), [node(CPU=2.0)])
    (record,) = caplog.records
    assert "the most on one is 2 CPU and 0 GPU. The sweep waits for one that has" in record.getMessage()
