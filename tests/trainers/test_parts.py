"""A batch in parts where memory is short, and an optimiser's state put back where it belongs."""

from __future__ import annotations

import re
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from convscape.spaces.architecture import Architecture
from convscape.spaces.classics.catalog import classic
from convscape.spaces.cost import cost_table
from convscape.spaces.errors import MemoryFullError, TrainingError
from convscape.spaces.layers import Activation, BatchNorm, Conv, Dropout, Flatten, GlobalPool, Linear, Pool
from convscape.trainers.checkpoint import read_checkpoint
from convscape.trainers.device.arithmetic import FULL
from convscape.trainers.device.memory import USABLE, VALIDATED, parts_that_fit, training_bytes, validated_at_once
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training

IMAGE = (1, 8, 8)
PLAIN = Architecture(IMAGE, (Conv(8), Activation(), Pool(), Flatten(), Linear(10)), 10)
SMALL = Recipe(batch_size=32)
ADAMW = Recipe(optimizer="adamw", learning_rate=0.003, batch_size=32)


def start(architecture, recipe, dataset) -> Training:
    return Training(architecture, recipe, dataset, seed=0, epochs=4)


def curve(training: Training, epochs: int) -> list[tuple[float, float, float]]:
    results = [training.run_epoch() for _ in range(epochs)]
    return [(r.train_loss, r.validation_loss, r.validation_accuracy) for r in results]


def full_memory(training: Training, images: int, which: str = "network") -> None:
    """Lets the network's forward pass fail, as on a full device, for more images than that."""
    network = getattr(training, which)
    forward = type(network).forward.__get__(network)

    def limited(input):
        if len(input) > images:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(input)

    network.forward = limited


def losses(training: Training, epochs: int) -> list[float]:
    return [training.run_epoch().train_loss for _ in range(epochs)]


@pytest.mark.parametrize("batch", [10, 13, 25, 50])
def test_no_part_of_a_batch_is_a_single_image_that_a_batch_norm_refuses(digits, batch: int) -> None:
    """Parts differ by one image at most: `chunk` gave 10 in 4 parts as 3, 3, 3 and 1."""
    narrow = Architecture(IMAGE, (Conv(4), GlobalPool(), BatchNorm(), Activation(), Flatten(), Linear(10)), 10)
    training = start(narrow, replace(SMALL, batch_size=batch), digits)
    training._step.split(min(16, batch // 2))
    assert training.run_epoch().epoch == 1


def test_state_of_an_optimiser_goes_where_its_weight_is(digits, tmp_path) -> None:
    """The fused AdamW wants its counts on the weight's device; PyTorch's "meta" stands for a GPU's."""
    training = start(PLAIN, ADAMW, digits)
    training.run_epoch()
    training.save(tmp_path / "one")
    kept = {
        name: value.to("meta")
        for name, value in read_checkpoint(tmp_path / "one")[0].items()
        if name.startswith("optimizer.")
    }
    for group in training.optimizer.param_groups:
        group["params"] = [torch.nn.Parameter(weight.to("meta")) for weight in group["params"]]
    found = training._optimizer_state({name.removeprefix("optimizer."): value for name, value in kept.items()})
    states = [value for state in found.values() for value in state.values()]
    assert len(states) == len(kept)
    assert {value.device.type for value in states} == {"meta"}


def test_the_state_of_an_optimiser_is_all_replaced(digits, tmp_path) -> None:
    fresh = start(PLAIN, SMALL, digits)
    fresh.save(tmp_path / "none")
    used = start(PLAIN, SMALL, digits)
    used.run_epoch()
    used.restore(tmp_path / "none")
    assert losses(used, 2) == losses(fresh, 2)


@pytest.mark.parametrize("says", ["[enforce fail at alloc_cpu.cpp:127]", "DefaultCPUAllocator: can't allocate memory"])
def test_memory_that_runs_out_on_the_cpu_is_known_by_its_words(digits, monkeypatch, says: str) -> None:
    training = start(PLAIN, SMALL, digits)
    whole, calls = training._step._gradient_in_parts, iter(range(100_000))

    def once(*batch):
        if next(calls) == 0:
            raise RuntimeError(says)
        return whole(*batch)

    monkeypatch.setattr(training._step, "_gradient_in_parts", once)
    assert "in 2 parts" in training.run_epoch().events[0]


def test_a_batch_that_does_not_fit_goes_in_parts(digits, tmp_path):
    """Without batch norm the gradient is the same sum, so the curve is the same but for rounding."""
    wanted = curve(start(PLAIN, SMALL, digits), 2)
    training = start(PLAIN, SMALL, digits)
    full_memory(training, 8)
    np.testing.assert_allclose(curve(training, 2), wanted, rtol=1e-4)
    assert len(training.events) == 2
    assert "in 4 parts" in training.events[1]
    training.save(tmp_path / "one")
    resumed = start(PLAIN, SMALL, digits)
    resumed.restore(tmp_path / "one")
    assert resumed.events == training.events
    full_memory(resumed, 8)
    resumed.run_epoch()
    assert len(resumed.events) == 2


def test_what_never_fits_ends_the_training(digits):
    training = start(PLAIN, SMALL, digits)
    full_memory(training, 1)
    with pytest.raises(TrainingError, match="a step on 2 images does not fit into the memory of cpu"):
        training.run_epoch()


def test_a_batch_that_may_not_be_split_is_kept_whole_and_the_training_can_go_on_elsewhere(digits, tmp_path):
    """In a share of a GPU that is too small: a larger one takes the training up where it stood."""
    wanted = curve(start(PLAIN, SMALL, digits), 2)
    shared = Training(PLAIN, SMALL, digits, seed=0, epochs=4, splits=False)
    first = curve(shared, 1)
    shared.save(tmp_path / "1")
    full_memory(shared, 16)
    with pytest.raises(MemoryFullError, match="a step on 32 images does not fit"):
        shared.run_epoch()
    assert shared.parts == 1
    assert not shared.events
    larger = start(PLAIN, SMALL, digits)
    larger.restore(tmp_path / "1")
    assert first + curve(larger, 1) == wanted


def test_where_a_batch_may_not_be_split_a_step_that_takes_too_much_is_refused_beforehand(digits):
    few = training_bytes(PLAIN, 20)
    assert Training(PLAIN, SMALL, digits, seed=0, epochs=4, memory=few).parts > 1
    with pytest.raises(MemoryFullError, match="a step takes"):
        Training(PLAIN, SMALL, digits, seed=0, epochs=4, memory=few, splits=False)


def test_events_are_told_with_every_epoch_from_then_on(digits):
    training = start(PLAIN, SMALL, digits)
    assert training.run_epoch().events == ()
    full_memory(training, 16)
    told = [training.run_epoch().events for _ in range(2)]
    assert told[0] == told[1]
    assert told[0][0].startswith("epoch 2: out of memory; batches of 32 now go through the network in 2 parts")
    assert len(told[0]) == 1


def test_what_a_step_allocated_is_let_go_of_before_it_is_tried_again(digits, monkeypatch):
    """An error that is being handled keeps alive every frame it came through, and with them the activations."""
    training = start(PLAIN, SMALL, digits)
    forward, halve, kept = training.network.forward, training._step._halve, []

    def limited(input):
        if len(input) > 16:
            activations = torch.zeros(3)
            kept.append(weakref.ref(activations))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(input)

    def checked():
        assert kept[-1]() is None
        halve()

    training.network.forward, training._step._halve = limited, checked
    training.run_epoch()
    assert len(kept) == 1


def test_validation_that_does_not_fit_takes_fewer_images(digits, monkeypatch):
    wanted = curve(start(PLAIN, SMALL, digits), 1)
    training = start(PLAIN, SMALL, digits)
    full_memory(training, 40, "averaged")
    monkeypatch.setattr(training._validation, "batch", 100)
    result = training.run_epoch()
    assert result.validation_loss == pytest.approx(wanted[0][1])
    assert result.validation_accuracy == wanted[0][2]
    assert [event.partition("; ")[2] for event in result.events] == [
        f"validation now takes {images} images at a time" for images in (50, 25)
    ]
    full_memory(training, 0, "averaged")
    with pytest.raises(TrainingError, match="the training does not fit into the memory of cpu: CUDA out of memory"):
        training.run_epoch()


def test_on_a_gpu_memory_is_given_back_and_its_own_chance_is_kept(digits, monkeypatch):
    """CUDA's branches, on the CPU: what they call is replaced, and the device's name changed where nothing computes."""
    cuda = torch.device("cuda", 0)
    called: list[object] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: called.append("emptied"))
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: called.append(device) or torch.zeros(1))
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: called.append((state.item(), device)))
    step = start(PLAIN, SMALL, digits)._step
    step._device = cuda
    chance = step._remembered()
    step._halve()
    step._as_before(chance)
    assert called == [cuda, "emptied", (0.0, cuda)]


CHANCY = Architecture(IMAGE, (Conv(8), BatchNorm(), Activation(), Pool(), Flatten(), Dropout(0.3), Linear(10)), 10)


@pytest.mark.parametrize("recipe", [replace(SMALL, crop=1, flip=True), ADAMW])
def test_a_step_tried_again_draws_the_same_and_counts_no_image_twice(digits, recipe: Recipe) -> None:
    """Memory runs out in the second of two parts: the first has drawn dropout and moved batch norm's statistics."""
    wanted = start(CHANCY, recipe, digits)
    wanted._step.split(4)
    training = start(CHANCY, recipe, digits)
    training._step.split(2)
    forward, calls = training.network.forward, iter(range(100_000))

    def fails_once(input):
        scores = forward(input)
        if next(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return scores

    training.network.forward = fails_once
    training._step.forward = training.network
    assert curve(training, 2) == curve(wanted, 2)
    assert [event[:23] for event in training.events] == ["epoch 1: out of memory;"]
    assert (
        training.network.get_submodule("1").num_batches_tracked == wanted.network.get_submodule("1").num_batches_tracked
    )


def test_a_step_known_not_to_fit_goes_in_parts_from_the_first_on(digits, tmp_path) -> None:
    needed = training_bytes(CHANCY, 32)
    short = Training(CHANCY, SMALL, digits, seed=0, epochs=4, memory=needed * 2 // 3)
    wanted = start(CHANCY, SMALL, digits)
    wanted._step.split(2)
    assert curve(short, 2) == curve(wanted, 2)
    assert len(short.events) == 1
    assert re.fullmatch(
        r"epoch 1: a step takes \d MB and may take \d MB; batches of 32 now go through the network in 2 parts, .*",
        short.events[0],
    )
    short.save(tmp_path / "two")
    resumed = start(CHANCY, SMALL, digits)  # where there is more memory the curve goes on as it began
    resumed.restore(tmp_path / "two")
    assert resumed.events == short.events
    assert curve(resumed, 1) == curve(short, 1)


def test_a_network_that_can_never_fit_is_refused_before_its_first_step(digits) -> None:
    with pytest.raises(TrainingError, match=r"training this network on 2 images takes 0 MB and 0 MB \(90% of what"):
        Training(CHANCY, SMALL, digits, seed=0, epochs=4, memory=1000)


@pytest.mark.parametrize(("batch", "megabytes"), [(128, 700), (7, 200), (1000, 900), (15, 200)])
def test_parts_are_the_fewest_that_fit(batch: int, megabytes: int) -> None:
    network = classic("resnet18", input=(3, 32, 32), classes=10)
    parts, needed = parts_that_fit(network, batch, megabytes * 2**20)
    assert needed == training_bytes(network, batch)
    assert training_bytes(network, -(-batch // parts)) <= megabytes * 2**20 * USABLE
    assert parts == 1 or training_bytes(network, -(-batch // (parts // 2))) > megabytes * 2**20 * USABLE


def test_parts_that_cannot_be_small_enough_are_refused() -> None:
    """Two images fit and three do not: of five, some part has three."""
    network = classic("resnet18", input=(3, 32, 32), classes=10)
    memory = int(training_bytes(network, 2) / USABLE) + 1
    assert parts_that_fit(network, 6, memory)[0] == 3
    with pytest.raises(TrainingError, match="batches of 5 have parts of at least 3 images, and 2 fit"):
        parts_that_fit(network, 5, memory)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_as_many_images_are_validated_at_once_as_fit_beside_the_training(precision) -> None:
    network = classic("vgg16", input=(3, 64, 64), classes=10)
    held, table_ = training_bytes(network, 0, precision=precision), cost_table(network)
    for images in (1, 7, 100):
        taken = held + table_.inference_memory(images, precision).activations + images * 4 * 3 * 64 * 64
        assert validated_at_once(network, int(taken / USABLE) + 2, precision=precision) == images
    assert validated_at_once(network, 0) == 1
    assert validated_at_once(network, 10**12) == VALIDATED


def test_validation_is_planned_too(digits) -> None:
    memory = int((training_bytes(CHANCY, 0) + 40_000) / USABLE)
    short = Training(CHANCY, replace(SMALL, batch_size=2), digits, seed=0, epochs=1, memory=memory)
    assert 1 < short._validation.batch < len(digits.validation)
    wanted = Training(CHANCY, replace(SMALL, batch_size=2), digits, seed=0, epochs=1)
    found, usual = short.run_epoch(), wanted.run_epoch()
    assert found.validation_accuracy == usual.validation_accuracy
    assert found.validation_loss == pytest.approx(usual.validation_loss)


@pytest.mark.parametrize("words", FULL)
def test_memory_that_runs_out_beside_the_gradient_is_the_networks_fault(digits, monkeypatch, words: str) -> None:
    """As where the optimiser first asks for its state: no batch is too large there."""
    training = start(PLAIN, ADAMW, digits)

    def full(*_: object) -> None:
        raise RuntimeError(f"{words}: tried to allocate 2.00 GiB\nand more")

    monkeypatch.setattr(training.optimizer, "step", full)
    with pytest.raises(TrainingError, match=f"the training does not fit into the memory of cpu: {re.escape(words)}"):
        training.run_epoch()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the compiler's own
def test_every_network_of_a_process_is_compiled(digits, monkeypatch) -> None:
    """Dynamo keeps eight compilations of a forward pass, and then goes without in silence."""
    compiled: list[int] = []
    really, before = torch.compile, torch._dynamo.config.recompile_limit

    def counted(graph, _inputs):
        compiled.append(number)
        return graph.forward

    monkeypatch.setattr(torch, "compile", lambda network, mode: mode and really(network, backend=counted))
    for number in range(before + 3):
        layers = (Conv(number + 1), Activation(), Flatten(), Linear(10))
        Training(Architecture(IMAGE, layers, 10), SMALL, digits, seed=0, epochs=1, compile=True).run_epoch()
    assert set(compiled) == set(range(before + 3))
