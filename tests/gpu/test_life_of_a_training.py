"""Around the step: memory formats, images that stay, checkpoints that move, exports, latency, memory that goes back."""

from __future__ import annotations

import gc
import statistics
from typing import TYPE_CHECKING

import pytest
import torch
from convscape.trainers.device import autocast, empty_cache
from convscape.trainers.export import Trained, export_bundle
from convscape.trainers.measuring import faster_precision, measure_latency
from gpu.curves import ADAMW, EPOCHS, SGD, apart, curve, start
from gpu.images import dataset
from gpu.networks import CHANCY, PLAIN, STRIDED, block_network
from torch import nn

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.trainers import Recipe, Training
    from convscape.trainers.device import Precision

pytestmark = pytest.mark.gpu("correctness")

NEARLY = 0.05
MEGABYTE = 2**20


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_convolutions_are_channels_last_and_stay_so(precision: Precision, device: str) -> None:
    """A convolution that finds its input or weights otherwise makes a copy of them at each step."""
    network = block_network("residual", "batch", "max")
    training = start(network, SGD, device, precision=precision)
    wrong: list[str] = []

    def look(name: str, tensor: torch.Tensor) -> None:
        if tensor.dim() == 4 and not tensor.is_contiguous(memory_format=torch.channels_last):
            wrong.append(name)

    def hook(name: str):
        def look_at_both(_: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
            look(f"input of {name}", inputs[0])
            look(f"output of {name}", output)

        return look_at_both

    for name, layer in training.network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.BatchNorm2d | nn.MaxPool2d | nn.ReLU):
            layer.register_forward_hook(hook(name))
    training.run_epoch()
    for made in (training.network, training.averaged):
        for name, weight in made.named_parameters():
            look(f"weight {name}", weight)
    for name, weight in training.network.named_parameters():
        look(f"gradient of {name}", weight.grad)
    assert wrong == []


def test_images_lie_on_the_device_from_trial_to_trial(device: str, figure) -> None:
    images = dataset((3, 32, 32), train=16_384, validation=64)  # 48 MB
    network = block_network("plain", "batch", "max")
    network = type(network)((3, 32, 32), network.layers, network.classes, network.fit)
    first = start(network, SGD, device, images)
    before = _allocated(device)
    second = start(network, SGD, device, images, seed=1)
    figure("allocated by the second training", (_allocated(device) - before) / MEGABYTE, "MB")
    stores = [training._train._store._images for training in (first, second)]
    assert stores[0].data_ptr() == stores[1].data_ptr()
    assert stores[0].device.type == torch.device(device).type
    assert _allocated(device) - before < images.train.images.nbytes / 2
    del first, second, stores
    gc.collect()
    held = _allocated(device)
    del images
    gc.collect()
    if torch.device(device).type == "cuda":  # they go with the data set
        assert held - _allocated(device) >= 16_384 * 3 * 32 * 32


def _allocated(device: str) -> int:
    return torch.cuda.memory_allocated(device) if torch.device(device).type == "cuda" else 0


def _reserved(device: str) -> int:
    return torch.cuda.memory_reserved(device) if torch.device(device).type == "cuda" else 0


@pytest.mark.parametrize("recipe", [SGD, ADAMW], ids=["sgd", "adamw"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_checkpoint_goes_from_the_device_to_the_cpu_and_back(
    recipe: Recipe, precision: Precision, device: str, figure, tmp_path: Path
) -> None:
    """The network has no dropout, of which each device draws its own; crops and flips differ, and the loss a little."""
    training, trained = start(STRIDED, recipe, device, precision=precision), []
    for place in (device, "cpu", device, "cpu"):
        resumed = start(STRIDED, recipe, place, precision=precision)
        if training.epoch:
            training.save(tmp_path / "moved")
            resumed.restore(tmp_path / "moved")
            assert _state(resumed) == _state(training)
        training = resumed
        trained += curve(training, 1)
    assert [training.epoch, len(trained)] == [EPOCHS, EPOCHS]
    assert trained[-1][0] < trained[0][0]
    stayed = curve(start(STRIDED, recipe, device, precision=precision))
    figure("difference from a curve on one device", apart(stayed, trained))


def _state(training: Training) -> list[list[float]]:
    """All that a training goes on from, to the bit."""
    tensors = [*training.network.state_dict().values(), *training.averaged.state_dict().values()]
    states = training.optimizer.state_dict()["state"]
    tensors += [states[index][key] for index in sorted(states) for key in sorted(states[index])]
    return [tensor.detach().cpu().flatten().tolist() for tensor in tensors]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_network_trained_on_the_device_is_exported_and_proved(
    precision: Precision, device: str, figure, tmp_path: Path
) -> None:
    training = start(CHANCY, SGD, device, precision=precision)
    curve(training)
    training.save(tmp_path / "checkpoint")
    trained = Trained.from_checkpoint(CHANCY, tmp_path / "checkpoint", training.dataset)
    made = export_bundle(trained, tmp_path / "exported", name="gpu", formats=(), insight=False)
    figure("largest difference of scores", made.largest_difference)
    assert made.test_images == len(training.dataset.test)
    assert (tmp_path / "exported" / "model.py").exists()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_latency_is_what_events_on_the_device_say(precision: Precision, device: str, figure) -> None:
    """The clock also sees the launch of the first kernel and the wait for the last, so it says no less than events."""
    training = start(block_network("residual", "batch", "max"), SGD, device, precision=precision)
    clock = measure_latency(training)
    figure("latency", clock * 1e3, "ms")
    assert 0 < clock < 1
    if torch.device(device).type != "cuda":
        return
    events = _by_events(training)
    figure("clock over events", clock / events)
    assert clock / events >= 0.8


def _by_events(training: Training) -> float:
    """Seconds between two events around a forward pass of one image: the median of many."""
    image = torch.zeros(1, *training.architecture.input, device=training.device)
    image = image.to(memory_format=torch.channels_last)
    seconds: list[float] = []
    with torch.inference_mode(), autocast(training.device, training.precision):
        for _ in range(35):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            training.averaged(image)
            end.record()
            end.synchronize()
            seconds.append(begin.elapsed_time(end) / 1e3)
    return statistics.median(seconds[5:])


def test_the_faster_precision_is_measured(device: str, figure) -> None:
    measured = faster_precision(PLAIN, SGD, device)
    figure("bfloat16 over float32", measured.ratio)
    assert measured.precision in ("float32", "bfloat16")
    assert measured.n >= 1


@pytest.mark.parametrize("graphs", [False, True], ids=["plain", "graphs"])
def test_memory_goes_back_when_a_training_is_over(graphs: bool, device: str, figure) -> None:
    """From trial to trial in one process nothing may pile up, of what is used or kept, and none waits for Python."""
    held: list[int] = []
    gc.disable()
    try:
        for seed in range(4):
            curve(start(CHANCY, SGD, device, seed=seed, graphs=graphs), 1)
            empty_cache(torch.device(device))
            held.append(_allocated(device) + _reserved(device))
    finally:
        gc.enable()
    figure("growth over three trials", (held[-1] - held[0]) / MEGABYTE, "MB")
    assert held[-1] - held[0] <= 4 * MEGABYTE  # of which PyTorch asks CUDA for 2 at a time
