"""`gpus: auto` where nodes come when asked for: on a head with Ray's autoscaler, which starts raylets for machines.

The GPUs are declared, and what gets one trains on the CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from convscape.search.config import sweep_file
from convscape.search.driver.launching import launch
from convscape.search.workers import ray_runner
from convscape.search.workers.cluster import gpu_nodes
from convscape.search.workers.placement import needs, shares
from convscape.search.workers.tune import ConvscapeScheduler
from raylets import raylets

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quiet")]

SWEEP = """
name: tiny
data: {name: digits, train: 1300, validation: 100}
space: {stages: 1, convolutions: 1, filters: [24, 32], kernel: [5, 7], dropout: 0.0, hidden: [0, 8]}
search: {finalists: 0, trials: 6, epochs: 60, reduction: 2, seed: 1, sampler: random}
resources: {gpus: auto, workers: 2, precision: float32}
"""


def test_a_first_node_is_asked_for_and_then_one_for_each_job_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Networks that take a whole GPU: the first node says how large one is, and two workers need two."""
    monkeypatch.setattr(gpu_nodes, "smallest_gpu", lambda: 10**6)
    monkeypatch.setattr(ray_runner, "device_of", lambda _: "cpu")
    monkeypatch.setattr(needs, "WORKSPACE", 0)
    monkeypatch.setattr(shares, "CONTEXT", 0)
    nodes: set[str] = set()
    told = ConvscapeScheduler.on_trial_result

    def tells(self: Any, controller: Any, trial: Any, result: dict[str, Any]) -> str:
        nodes.add(trial.config["slot"]["node"])
        return told(self, controller, trial, result)

    monkeypatch.setattr(ConvscapeScheduler, "on_trial_result", tells)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with raylets(home, comes={"CPU": 1, "GPU": 1}) as cluster:
        overrides = [f"folder={tmp_path / 'sweeps'}", f"resources.address={cluster.address}"]
        sweep = launch(sweep_file.parse_sweep_file(SWEEP, "tiny.yaml", overrides), progress=False)
        assert all(record.ended and not record.failed for record in sweep.trials())
        assert len(nodes) == 2
        assert len(cluster.ids()) == 3, "more nodes came than the sweep had workers for"
