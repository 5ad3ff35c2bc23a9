"""A training that is alone takes all CPUs only where that is faster."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from convscape.spaces import parse_notation
from convscape.trainers import Recipe, Training
from convscape.trainers.measuring import faster_threads

if TYPE_CHECKING:
    from convscape.trainers import EpochResult

NETWORK = parse_notation("INPUT[8x8x1] -> CONV3-4 -> RELU -> GAP -> FC-10")


@pytest.mark.parametrize(("speed", "faster"), [({1: 100.0, 3: 260.0}, 3), ({1: 100.0, 3: 7.0}, 1)])
def test_it_is_measured(monkeypatch: pytest.MonkeyPatch, speed: dict[int, float], faster: int) -> None:
    trained = Training.run_epoch

    def as_if(training: Training) -> EpochResult:
        return replace(trained(training), images_per_second=speed.get(torch.get_num_threads(), 1.0))

    monkeypatch.setattr(Training, "run_epoch", as_if)
    before = torch.get_num_threads()
    assert faster_threads(NETWORK, Recipe(), 1, 3) == faster
    assert torch.get_num_threads() == before
