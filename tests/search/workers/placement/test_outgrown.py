"""What a worker says of its GPU reaches the placement, as Ray Tune hands it on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from convscape.search.workers import training_job
from convscape.search.workers.placement import EIGHTHS, GpuNode, Needs, Placement, Room
from convscape.search.workers.trainable import WarmWorker
from convscape.search.workers.training_job import Setup
from convscape.search.workers.tune import ConvscapeScheduler, ConvscapeSearcher
from convscape.testing.simulation import result as result_of
from convscape.trainers.data.dataset import load_dataset
from ray.tune.utils import flatten_dict

if TYPE_CHECKING:
    from convscape.search.scheduling.engine import Engine
    from ray.tune.execution.tune_controller import TuneController
    from ray.tune.experiment import Trial

MB = 10**6


@pytest.fixture
def sweep(engine: Engine) -> tuple[ConvscapeSearcher, ConvscapeScheduler]:
    """One node whose GPU has 64 MB, for networks that are predicted to take less than an eighth of it."""
    room = Room([GpuNode(id="a", host="", gpus=1, cpus=8, memory=64 * MB)])
    placement = Placement(Needs(images=0, train=100, precision="float32"), room)
    jobs = ConvscapeSearcher(engine, placement.most, placement)
    return jobs, ConvscapeScheduler(engine, jobs)


def tell(orders: ConvscapeScheduler, name: str, report: dict[str, Any]) -> None:
    controller, trial = cast("TuneController", None), cast("Trial", SimpleNamespace(trial_id=name))
    orders.on_trial_result(controller, trial, flatten_dict(report))


def test_a_trial_that_outgrows_its_share_comes_again_with_the_next_larger_one(
    sweep: tuple[ConvscapeSearcher, ConvscapeScheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No share but the whole GPU has memory for a step. There the batch goes through in parts."""
    jobs, orders = sweep
    monkeypatch.setattr(training_job, "device_memory", lambda _, share: int(share * MB // 3))
    digits = load_dataset("digits", train=100, validation=50)
    for attempt, eighths in enumerate(EIGHTHS):
        config = jobs.suggest(f"t{attempt}")
        assert (config["number"], config["slot"]["eighths"]) == (0, eighths)
        worker = WarmWorker.__new__(WarmWorker)
        worker.setup(config, digits, Setup(threads=1))
        report = worker.step()
        assert bool(report["outgrown"]) == (eighths < EIGHTHS[-1])
        tell(orders, f"t{attempt}", report)
    assert "parts" in str(report)


def test_a_measured_peak_makes_the_next_share_larger(sweep: tuple[ConvscapeSearcher, ConvscapeScheduler]) -> None:
    jobs, orders = sweep
    first = jobs.suggest("t0")
    assert first["slot"]["eighths"] == 1
    report = {"number": 0, "epoch_results": [result_of(1, 0.5).to_json()], "gpu": "0", "peak": 60 * MB}
    tell(orders, "t0", report)
    placement = jobs.placement
    assert placement is not None
    need = placement.needs.of(cast("Any", jobs)._engine.records[0].design)
    assert placement.needs.factor(need) > 1
