"""Trials in processes of their own on one device: memory that runs out, neighbours, shares."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from convscape.trainers.device.memory import training_bytes
from gpu.curves import apart
from gpu.networks import WIDE
from gpu.trial import Spec, start, started, told_by

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.gpu("sharing")

ADDED_UP = 0.02
"""How far the curve of batches in parts may lie from that of whole ones: gradients add up to the same but for
rounding."""
TRIALS = 4
ROOM = {"cuda": 64 * 2**20, "cpu": 48 * 2**20}
"""Bytes beside those that are predicted: for workspaces, and on a CPU for libraries that are loaded later."""


EPOCHS = {"cuda": 20, "cpu": 3}
"""Of a small training; beside one that runs out of memory it goes on until that has ended."""
BATCH = {"cuda": 1024, "cpu": 128}
"""Of which half is to be too large."""


@pytest.fixture
def kind(device: str) -> str:
    return torch.device(device).type


@pytest.fixture
def small(device: str, kind: str, tmp_path: Path) -> Spec:
    """A training that needs little memory."""
    return Spec(device=device, network="WIDE", folder=str(tmp_path), epochs=EPOCHS[kind], batch=32, images=128)


@pytest.fixture
def large(small: Spec, kind: str) -> Spec:
    """A training in large batches."""
    return replace(small, epochs=3, batch=BATCH[kind], images=2 * BATCH[kind])


def test_out_of_memory_halves_the_batch_and_leaves_the_neighbour_alone(
    small: Spec, large: Spec, kind: str, figure
) -> None:
    alone = told_by(start(replace(small, name="alone")))
    whole = told_by(start(replace(large, name="whole")))
    assert whole.events == []
    fixed, needed = training_bytes(WIDE, 0), training_bytes(WIDE, large.batch)
    limit = fixed + (needed - fixed) // 2 + ROOM[kind]
    beside = replace(small, name="neighbour", together=2, beside="short")
    with started(beside, replace(large, name="short", limit=limit, together=2)) as processes:
        neighbour, short = (told_by(process) for process in processes)
    figure("parts", float(short.events[-1].partition(" in ")[2].partition(" parts")[0]))
    figure("difference from whole batches", apart(whole.curve, short.curve))
    assert "out of memory; batches of" in short.events[0]
    assert apart(whole.curve, short.curve) <= ADDED_UP
    assert all(math.isfinite(loss) for epoch in short.curve for loss in epoch)
    assert neighbour.began < short.ended <= neighbour.ended  # it was at work meanwhile
    assert neighbour.events == []
    assert neighbour.curve == alone.curve


def test_four_trials_on_one_gpu_keep_to_their_shares(small: Spec, kind: str, figure) -> None:
    alone = told_by(start(replace(small, name="alone")))
    names = [f"trial{number}" for number in range(TRIALS)]
    shared = [replace(small, name=name, share=1 / TRIALS, together=TRIALS) for name in names]
    with started(*shared) as processes:
        told = [told_by(process) for process in processes]
    assert max(each.began for each in told) < min(each.ended for each in told)  # they did run at once
    assert [each.curve for each in told] == [alone.curve] * TRIALS
    if kind == "cuda":
        total = torch.cuda.get_device_properties(small.device).total_memory
        figure("largest share reserved", max(each.reserved for each in told) / total)
        assert all(each.reserved <= each.allowed for each in told)
        assert sum(each.allowed for each in told) <= total
        assert all(each.refused for each in told)
