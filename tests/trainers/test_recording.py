"""A training step recorded and done again. On the CPU a recorder of our own stands for CUDA's: it does work anew."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import pytest
import torch
from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Activation, BatchNorm, Conv, Dropout, Flatten, Linear, Pool
from convscape.trainers import step as steps, training as trainings
from convscape.trainers.device.memory import training_bytes, validated_at_once
from convscape.trainers.recipe import Recipe
from convscape.trainers.recording import WARM_UP, Recording
from convscape.trainers.training import Training

EPOCHS = 7
"""Of which the last is not mixed."""
IMAGE = (1, 8, 8)
CHANCY = Architecture(IMAGE, (Conv(8), BatchNorm(), Activation(), Pool(), Flatten(), Dropout(0.3), Linear(10)), 10)
SGD = Recipe(batch_size=32, warmup=1, gradient_clip=0.5, crop=1, flip=True)
RECIPES = {
    "sgd": SGD,
    "adamw": Recipe(optimizer="adamw", learning_rate=0.003, batch_size=32),
    "mixed": replace(SGD, mixup=0.4, class_weights="balanced"),
    "averaged": replace(SGD, averaging=0.99),
}


class Recorder:
    """Gives a replay that does the work on what the recorded tensors hold then, as a CUDA graph would."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, work):
        self.recorded += 1
        result = torch.zeros(())

        def replay() -> None:
            self.replayed += 1
            result.copy_(work())

        return replay, result


@pytest.fixture
def recorder(monkeypatch) -> Recorder:
    """What each training of the test records its steps with."""
    recorder = Recorder()
    with_recorder(monkeypatch, recorder)
    return recorder


def with_recorder(monkeypatch, recorder) -> None:
    class Step(steps.TrainingStep):
        def __init__(self, *arguments, **options) -> None:
            super().__init__(*arguments, **{**options, "record": recorder})

    monkeypatch.setattr(trainings, "TrainingStep", Step)


def start(recipe: Recipe, dataset, **options) -> Training:
    return Training(CHANCY, recipe, dataset, seed=0, epochs=EPOCHS, **options)


def curve(training: Training, epochs: int) -> list[float]:
    results = [training.run_epoch() for _ in range(epochs)]
    return [value for result in results for value in (result.train_loss, result.validation_loss)]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_recorded_steps_train_as_others_do(digits, monkeypatch, recipe: Recipe) -> None:
    wanted = curve(start(recipe, digits), EPOCHS)
    recorder = Recorder()
    with_recorder(monkeypatch, recorder)
    training = start(recipe, digits)
    assert curve(training, EPOCHS) == pytest.approx(wanted, rel=1e-3)  # rates are rounded to float32
    kinds = 2 if recipe.mixup else 1  # the last epoch is not mixed, which is another work
    assert recorder.recorded == kinds
    assert recorder.replayed == EPOCHS * training.steps_per_epoch - kinds * WARM_UP
    assert training.events == []


def test_a_restored_training_records_anew(digits, recorder: Recorder, tmp_path) -> None:
    """The optimiser's state is in other tensors than those that were recorded."""
    training = start(RECIPES["adamw"], digits)
    wanted = curve(training, 2)
    again = start(RECIPES["adamw"], digits)
    curve(again, 1)
    again.save(tmp_path / "one")
    curve(again, 1)
    again.restore(tmp_path / "one")
    assert curve(again, 1) == pytest.approx(wanted[2:], rel=1e-5)
    assert recorder.recorded == 3


def test_a_step_that_cannot_be_recorded_is_done_as_it_is(digits, monkeypatch) -> None:
    wanted = curve(start(SGD, digits), 2)

    def refusing(work):
        work()
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    with_recorder(monkeypatch, refusing)
    monkeypatch.setattr(steps.TrainingStep, "recordable", lambda *_: torch.zeros(()))
    training = start(SGD, digits)
    assert curve(training, 2) == wanted
    (event,) = training.events
    assert event.startswith("epoch 1: the step could not be recorded as a CUDA graph, training goes on without: oper")
    assert "and more" not in event


def test_a_batch_in_parts_is_not_recorded(digits, recorder: Recorder) -> None:
    training = start(SGD, digits)
    curve(training, 1)
    replayed = recorder.replayed
    assert replayed
    training._step.split(2)
    curve(training, 1)
    assert (recorder.recorded, recorder.replayed) == (1, replayed)
    assert training._step._recording._replay is None, "it would keep a whole step's memory"


def test_on_the_cpu_nothing_is_recorded(digits) -> None:
    training = start(SGD, digits, graphs=True)
    assert training._step._recording is None


def test_what_is_recorded_is_said_to_the_optimiser_for_that_time_alone(digits, recorder: Recorder) -> None:
    training = start(RECIPES["adamw"], digits)
    seen = []
    step = training.optimizer.step
    training.optimizer.step = lambda: seen.append(training.optimizer.param_groups[0]["capturable"]) or step()
    curve(training, 1)
    assert seen == [False] * WARM_UP + [True] * recorder.replayed
    assert training.optimizer.param_groups[0]["capturable"] is False


def test_tensors_are_copied_and_another_shape_is_another_work() -> None:
    done: list[str] = []

    class Work:
        def plain(self, tensors, numbers):
            done.append("plain")
            return tensors[0].sum() * numbers[0]

        def recordable(self, tensors, numbers):
            done.append("recorded")
            return tensors[0].sum() * numbers[0]

    work, recording = Work(), Recording(Recorder())
    results = [float(recording(work, [torch.full((2,), float(value))], [0.5])) for value in range(5)]
    assert results == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert done == ["plain"] * WARM_UP + ["recorded"] * 2
    assert float(recording(work, [torch.ones(3)], [2.0])) == 6.0
    assert done[-1] == "plain"


def test_a_training_that_is_let_go_of_is_gone_at_once(digits, recorder: Recorder) -> None:
    """The recording holds a whole step's memory: it must not wait for Python to look for cycles."""
    training = start(SGD, digits)
    training.run_epoch()
    training._step._recording.forget()  # the test's recorder keeps the work, as a CUDA graph does not
    step = weakref.ref(training._step)
    gc.disable()
    try:
        del training
        assert step() is None
    finally:
        gc.enable()


def test_validation_leaves_room_for_what_a_recording_keeps() -> None:
    room = int(training_bytes(CHANCY, 256) / 0.9) + 2**18
    assert validated_at_once(CHANCY, room, kept=256) < validated_at_once(CHANCY, room)
