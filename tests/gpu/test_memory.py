"""The memory of a training step: what is predicted, and what it takes."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
import torch
from convscape.spaces import CLASSICS, Architecture, TrainingError, classic, cost_table
from convscape.trainers import Recipe, Training
from convscape.trainers.device import PRECISIONS, USABLE, empty_cache
from convscape.trainers.device.memory import training_bytes
from gpu.images import dataset
from gpu.networks import SAMPLED, sampled
from gpu.peak import peak_of

if TYPE_CHECKING:
    from convscape.trainers.device import Precision

pytestmark = pytest.mark.gpu("memory")

WORKSPACE = {"cuda": 160 * 2**20, "cpu": 4 * 2**20}
"""Bytes that libraries take however small the network is: cuBLAS and cuBLASLt 32 MB each on an H100, and what cuDNN's
convolutions ask for."""
LARGE = 256 * 2**20
"""Bytes from which on what is predicted says more of a step than WORKSPACE does."""
BATCHES = {"cuda": (32, 128, 512), "cpu": (4, 8, 16)}
OF_CLASSICS = {"cuda": (8, 32, 96), "cpu": (2, 4, 8)}
FIRST = ["resnet18", "vgg16", "googlenet", "all-cnn-c", "resnet50", "alexnet"]
"""Classics that are checked first, one of each kind."""
MOST = 0.5
"""Share of the device's memory that a case may be predicted to take."""


@pytest.fixture(autouse=True)
def exact() -> None:
    """Nothing: memory is measured as trials train, with TF32 and its workspaces."""


def check(network: Architecture, batches: tuple[int, ...], device: str, figure) -> None:
    """What is predicted to fit must fit: a step is planned with a share of USABLE of the memory there is for it.

    So the peak may be that much above what was predicted, by WORKSPACE, which no network's own cost knows, and by one
    layer's gradient.
    Where cuDNN has room it takes more, as workspace for a faster convolution, which it does without where it must: a
    step that takes more than it may is run once more with no more memory than that, and must not run out of it.
    """
    wrong: list[str] = []
    for batch in batches:
        for precision in PRECISIONS:
            predicted = training_bytes(network, batch, precision=precision)
            # Of one validation image: of two a deep network that has learnt nothing may give equal scores.
            images = dataset(network.input, network.classes, train=batch, validation=1, test=1)
            pixels = images.train.images.nbytes + images.validation.images.nbytes
            if predicted + pixels > MOST * _all_memory(device):
                continue
            taken = _steps(network, images, batch, precision, device) - (pixels if device != "cpu" else 0)
            size = "above" if predicted >= LARGE else "below"
            figure(f"measured over predicted {size} 256 MB", taken / predicted)
            allowed = int(predicted / USABLE) + WORKSPACE[torch.device(device).type] + _largest_weight(network)
            if taken > allowed and not (device != "cpu" and _fits(network, images, batch, precision, allowed + pixels)):
                wrong.append(
                    f"{batch} images in {precision}: {taken / 2**20:,.0f} MB, predicted {predicted / 2**20:,.0f}"
                )
    assert not wrong, "; ".join(wrong)


def _steps(network: Architecture, images, batch: int, precision: Precision, device: str) -> int:
    """Bytes at the peak of a training of two steps, all it holds included."""

    def train() -> None:
        recipe = Recipe(batch_size=batch, learning_rate=1e-6)
        training = Training(network, recipe, images, seed=0, epochs=2, device=device, precision=precision, memory=2**50)
        training.run_epoch()
        training.run_epoch()
        assert training.events == []

    try:
        return peak_of(device, train)
    finally:
        gc.collect()
        empty_cache(torch.device(device))


def _largest_weight(network: Architecture) -> int:
    """Bytes of the largest layer's weights, whose gradient may be copied into their own memory format."""
    return 4 * max(row.parameters for row in cost_table(network).rows)


def _fits(network: Architecture, images, batch: int, precision: Precision, bytes: int) -> bool:
    """Whether a GPU on which this process may take so many bytes more than now holds the step as a whole."""
    share = (torch.cuda.memory_reserved() + bytes) / _all_memory("cuda")
    torch.cuda.set_per_process_memory_fraction(min(1.0, share))
    try:
        _steps(network, images, batch, precision, "cuda")
    except (AssertionError, TrainingError):
        return False
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    return True


def _all_memory(device: str) -> float:
    return torch.cuda.get_device_properties(device).total_memory if device != "cpu" else 4 * 2**30


@pytest.mark.parametrize("number", range(SAMPLED))
def test_sampled_networks_take_no_more_memory_than_is_planned_with(number: int, device: str, figure) -> None:
    check(sampled(number), BATCHES[torch.device(device).type], device, figure)


@pytest.mark.parametrize("name", FIRST + [name for name in CLASSICS if name not in FIRST])
def test_classics_take_no_more_memory_than_is_planned_with(name: str, device: str, figure) -> None:
    kind = torch.device(device).type
    small = (1 if name == "lenet5" else 3, 32, 32)
    network = classic(name) if kind == "cuda" else classic(name, small, 10)
    check(network, OF_CLASSICS[kind] if network.input[1] > 64 else BATCHES[kind], device, figure)
