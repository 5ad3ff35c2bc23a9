from __future__ import annotations

import pytest
import torch
from convscape.spaces.architecture import Architecture
from convscape.spaces.classics.catalog import classic
from convscape.spaces.errors import TrainingError
from convscape.spaces.layers import Activation, BatchNorm, Conv, Flatten, GlobalPool, Linear
from convscape.trainers import EpochResult
from convscape.trainers.device import is_out_of_memory
from convscape.trainers.device.memory import USABLE, largest_batch, training_bytes
from convscape.trainers.measuring import precision as measuring
from convscape.trainers.measuring.precision import faster_precision
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training

SMALL = Architecture((1, 8, 8), (Conv(8), BatchNorm(), Activation(), GlobalPool(), Flatten(), Linear(10)), 10)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_what_a_training_holds_between_steps_is_counted(digits, optimizer):
    """All but activations, working memory and the batch, found on the objects themselves."""
    training = Training(SMALL, Recipe(optimizer=optimizer, batch_size=32), digits, seed=0, epochs=1)
    training.run_epoch()
    held = [*training.network.state_dict().values(), *training.averaged.state_dict().values()]
    held += [weight.grad for weight in training.network.parameters()]
    held += [value for state in training.optimizer.state.values() for value in state.values()]
    counted = sum(value.nbytes for value in held if value is not None and value.dim())
    none = training_bytes(SMALL, 0, optimizer=optimizer)
    constant = none - counted  # means and deviations of batch norm, which backward keeps for any batch
    assert constant == 2 * 8 * 4


def test_every_further_image_costs_the_same():
    network = classic("resnet18", input=(3, 32, 32), classes=10)
    sizes = [training_bytes(network, batch) for batch in (2, 3, 10)]
    assert sizes[2] - sizes[0] == 8 * (sizes[1] - sizes[0])
    assert training_bytes(network, 1024, precision="bfloat16") < 0.75 * training_bytes(network, 1024)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("megabytes", [600, 1_000, 16_000])
def test_the_largest_batch_just_fits(precision, megabytes):
    network = classic("resnet18", input=(3, 64, 64), classes=10)
    batch = largest_batch(network, megabytes * 2**20, precision=precision)
    usable = megabytes * 2**20 * USABLE
    assert training_bytes(network, batch, precision=precision) <= usable
    assert training_bytes(network, batch + 1, precision=precision) > usable


def test_a_network_too_large_for_the_device_is_named():
    with pytest.raises(TrainingError, match=r"on 2 images takes [\d,]+ MB and 900 MB \(90% of what it may take"):
        largest_batch(classic("vgg16"), 1_000 * 2**20)


def at(images_per_second: float) -> EpochResult:
    return EpochResult(
        epoch=1,
        train_loss=0.0,
        validation_loss=0.0,
        validation_accuracy=0.0,
        balanced_accuracy=0.0,
        seconds=1.0,
        images_per_second=images_per_second,
    )


@pytest.mark.parametrize(("speeds", "chosen"), [((100.0, 150.0), "bfloat16"), ((100.0, 101.0), "float32")])
def test_the_faster_precision_is_chosen_if_it_pays(monkeypatch, speeds, chosen):
    def run_epoch(self):
        return at(speeds[0] if self.precision == "float32" else speeds[1])

    monkeypatch.setattr(Training, "run_epoch", run_epoch)
    measured = faster_precision(SMALL, Recipe())
    assert measured.precision == chosen
    assert measured.ratio == pytest.approx(speeds[1] / speeds[0])
    assert measured.n == measuring.CLEAR


def test_other_work_that_slows_some_rounds_changes_nothing(monkeypatch):
    """Medians of the rounds' ratios told of 1.09 once and of 0.84 once, on one machine."""
    speeds = {
        "float32": iter([100.0, 20.0, 90.0, 30.0, 100.0] * 2),
        "bfloat16": iter([30.0, 130.0, 40.0, 60.0, 20.0] * 2),
    }

    def run_epoch(self):
        return at(next(speeds[self.precision]))

    monkeypatch.setattr(Training, "run_epoch", run_epoch)
    measured = faster_precision(SMALL, Recipe())
    assert (measured.precision, measured.n) == ("bfloat16", measuring.ROUNDS)
    assert measured.ratio == pytest.approx(1.3)


def test_measuring_trains_for_real_and_leaves_chance_alone():
    before = torch.get_rng_state()
    measured = faster_precision(SMALL, Recipe(batch_size=8))
    low, high = measured.spread
    assert 0 < low <= high
    assert measured.ratio > 0
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("ratios", "clear"),
    [
        ([1.5], False),
        ([1.5, 1.06, 1.3], True),
        ([0.5, 0.9, 1.04], True),
        ([1.5, 1.06, 1.04], False),
        ([1.5, 1.06, 1.04, 1.3, 1.3], False),
        ([1.5, 0.5, *[1.1] * 7], True),
    ],
)
def test_rounds_end_where_they_agree_or_there_were_enough(ratios, clear):
    assert measuring._is_clear(ratios) == clear


@pytest.mark.parametrize(
    "words",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.18 GiB",
        "CUDA driver error: out of memory",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "GET was unable to find an engine to execute this computation",
        'NVML_SUCCESS == r INTERNAL ASSERT FAILED at "../c10/cuda/CUDACachingAllocator.cpp":1090',
    ],
)
def test_a_full_gpu_is_known_by_whichever_library_says_so(words: str) -> None:
    """As PyTorch, cuBLAS and cuDNN word it in reports of users, for example pytorch/pytorch#108645."""
    assert is_out_of_memory(RuntimeError(words))


@pytest.mark.parametrize(
    "words", ["CUDA error: an illegal memory access was encountered", "CUDNN_STATUS_NOT_SUPPORTED", "shapes differ"]
)
def test_other_faults_of_a_gpu_are_not_taken_for_a_full_one(words: str) -> None:
    assert not is_out_of_memory(RuntimeError(words))
