"""What a trial may take of a device's memory: the part it gets of the GPU, or of the machine's CPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from convscape.search import trial
from convscape.search.trial import LegRun, Setup
from convscape.search.trials import Design
from convscape.spaces.notation import parse
from convscape.trainers.data import load
from convscape.trainers.memory import training_bytes
from convscape.trainers.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = parse("INPUT[8x8x1] -> CONV3-8 -> BN -> RELU -> FC-10")


@pytest.mark.parametrize(
    ("cpus", "gpus", "share"),
    [(None, 0.0, 1.0), (1.0, 0.0, 0.25), (8.0, 0.0, 1.0), (1.0, 0.5, 0.5), (1.0, 2.0, 1.0)],
)
def test_a_trials_share_is_its_part_of_what_it_trains_on(
    monkeypatch: pytest.MonkeyPatch, cpus: float | None, gpus: float, share: float
) -> None:
    monkeypatch.setattr(trial, "cpus_here", lambda: 4)
    assert Setup(1, cpus=cpus, gpus=gpus).share == share


def test_a_shared_gpu_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", limits.append)
    for gpus in (0.0, 0.25, 1.0):
        Setup(1, gpus=gpus).keep_to_it()
    assert limits == [0.25]


def test_a_batch_goes_in_parts_where_a_trials_share_is_less_than_it_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(trial, "cpus_here", lambda: 4)
    monkeypatch.setattr(trial, "device_memory", lambda _: 2 * training_bytes(NETWORK, 64))
    design = Design.of(NETWORK, Recipe(batch_size=64))
    order = {
        "architecture": design.architecture.to_json(),
        "recipe": design.recipe.to_json(),
        "best": -1.0,
        "latency": False,
        "checkpoints": str(tmp_path),
        "seed": 0,
        "epochs": 1,
        "start": 0,
    }
    digits = load("digits", train=200, validation=100)
    results = [LegRun(order, digits, Setup(1, cpus=cpus)).epoch() for cpus in (4.0, 1.0)]
    assert [len(result.events) for result in results] == [0, 1]
    assert "batches of 64 now go through the network in 4 parts" in results[1].events[0]
